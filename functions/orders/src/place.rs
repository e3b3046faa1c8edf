//! Owns the placing of an order: one transaction that takes the stock and
//! records the order, and what its refusal means.

use http::StatusCode;
use serde_json::{Value, json};
use shared::caller::Caller;
use shared::problem::Problem;

use crate::answer::{Answer, Outcome};
use crate::customer::Customer;
use crate::draft::{Draft, FINGERPRINT_VERSION_NOW, Line};
use crate::error::Error;
use crate::moment::Moment;
use crate::order::{Order, OrderId, SORT_KEY};
use crate::product::{SHARD, stock_key};
use crate::redis::{Attempt, Visit};
use crate::refusal::Refusal;
use once::classify::FailedEffect;
use once::derive::Fingerprints as _;
use once::key::IdempotencyKey;
use once::settle::Settled;
use once::store::Session;
use once::{Effect, Intent, Item, number, number_of, text, text_of};

/// How long a refusal is remembered at least: 14 days. DynamoDB deletes later.
pub const REFUSAL_SECONDS: i64 = 14 * 24 * 60 * 60;

/// Takes so many from a product's stock …
const TAKE: &str = "SET available = available - :q, taken = taken + :q, version = version + :one";

/// … if it is sold, at the price that the customer saw, and there are enough.
/// [`judge_line`] reads the item returned when this fails: the two must agree.
const TAKE_CONDITION: &str =
    "sellable = :true AND currency = :c AND unit_price = :p AND available >= :q";

/// Places an order, or tells what was decided about it before.
///
/// # Errors
/// The key was used for another order, or the outcome is not known.
pub async fn place(
    session: &Session<'_>,
    redis: &Visit<'_>,
    caller: &Caller,
    key: &IdempotencyKey,
    draft: &Draft,
    request_id: &str,
) -> Result<Answer, Error> {
    let customer =
        Customer::try_from(caller).map_err(|error| Error::NoCaller(error.to_string()))?;
    let now = Moment::from(session.world().now());
    let id = OrderId::derive(caller, key);
    let order = Order::placed(&id, &customer, draft, now);
    let intent = Intent {
        record: item_of(&order)?,
        effects: draft.lines.iter().map(|line| take(line, draft)).collect(),
    };
    let mut reason = "";
    let refuse = |failed: &[FailedEffect]| {
        let problem = judge(draft, failed)?.with("request_id", request_id);
        reason = problem.kind();
        refusal(&id, draft, &problem, now)
    };
    let attempt = Attempt {
        name: id.as_str(),
        products: draft.lines.iter().map(|line| line.sku.as_str()).collect(),
        intent: &intent,
        fingerprints: draft,
        answers: &|record| before(record.clone()).is_ok(),
    };
    match redis.settle(session, &attempt, refuse).await? {
        Settled::Done => placed(&order, Outcome::Placed),
        Settled::Before(record) => before(record),
        Settled::Refused(record) => refused(&record, Outcome::Refused(reason)),
    }
}

/// The answer to a placed order; the same bytes however often it is told.
fn placed(order: &Order, outcome: Outcome) -> Result<Answer, Error> {
    let body = order.answer_as_placed().ok_or_else(Error::unreadable)?;
    let answer = Answer::text(outcome, StatusCode::CREATED, body)
        .location(format!("/orders/{}", order.id()))
        .etag(1);
    Ok(answer)
}

/// The answer that was given before.
fn before(record: Item) -> Result<Answer, Error> {
    if Refusal::read(&record)?.is_some() {
        return Ok(refused(&record, Outcome::Replayed)?.replayed());
    }
    let order: Order = serde_dynamo::from_item(record)
        .map_err(|error| Error::Internal(format!("an order cannot be read: {error}")))?;
    let answer = placed(&order, Outcome::Replayed)?;
    Ok(answer.replayed().order_status(order.status))
}

fn refused(record: &Item, outcome: Outcome) -> Result<Answer, Error> {
    Refusal::read(record)?
        .ok_or_else(|| Error::Internal("a refusal is none".to_owned()))?
        .into_answer(outcome)
}

fn refusal(id: &OrderId, draft: &Draft, problem: &Problem, now: Moment) -> Option<Item> {
    let refusal = Refusal::new(
        (id.partition(), SORT_KEY.to_owned()),
        problem,
        &draft.fingerprint(FINGERPRINT_VERSION_NOW)?,
        FINGERPRINT_VERSION_NOW,
        Some(now.plus_seconds(REFUSAL_SECONDS).seconds()),
    );
    item_of(&refusal).ok()
}

fn item_of(record: &impl serde::Serialize) -> Result<Item, Error> {
    serde_dynamo::to_item(record).map_err(|error| Error::Internal(error.to_string()))
}

fn take(line: &Line, draft: &Draft) -> Effect {
    Effect {
        key: stock_key(&line.sku, SHARD),
        update: TAKE,
        condition: TAKE_CONDITION.into(),
        names: &[],
        values: Item::from([
            (":q".to_owned(), number(line.quantity)),
            (":one".to_owned(), number(1)),
            (":p".to_owned(), number(line.unit_price)),
            (":c".to_owned(), text(draft.currency.as_str())),
            (
                ":true".to_owned(),
                aws_sdk_dynamodb::types::AttributeValue::Bool(true),
            ),
        ]),
    }
}

/// Why a line cannot be had, the worst first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Shortfall {
    UnknownProduct,
    NotForSale,
    CurrencyChanged { currency: String, unit_price: i64 },
    PriceChanged { unit_price: i64 },
    OutOfStock { available: i64 },
}

/// Turns the effects that failed into the problem that the client is told:
/// its status is the worst line's, and every failing line gives its reason.
fn judge(draft: &Draft, failed: &[FailedEffect]) -> Option<Problem> {
    let mut shortfalls = Vec::with_capacity(failed.len());
    for effect in failed {
        let line = draft.lines.get(effect.index)?;
        shortfalls.push((judge_line(line, draft, effect.item.as_ref())?, line));
    }
    let (worst, line) = shortfalls.iter().min_by_key(|(shortfall, _)| shortfall)?;
    let others = match shortfalls.len() - 1 {
        0 => String::new(),
        1 => " One more line cannot be had.".to_owned(),
        more => format!(" {more} more lines cannot be had."),
    };
    let lines: Vec<_> = shortfalls
        .iter()
        .map(|(shortfall, line)| shortfall.member(line))
        .collect();
    let detail = format!("{}{others}", worst.detail(line));
    Some(Problem::new(worst.status(), worst.reason(), worst.title(), detail).with("lines", lines))
}

/// Says why a line failed, from the item as it was when [`TAKE_CONDITION`] failed.
fn judge_line(line: &Line, draft: &Draft, stock: Option<&Item>) -> Option<Shortfall> {
    let Some(stock) = stock else {
        return Some(Shortfall::UnknownProduct);
    };
    let sellable = stock.get("sellable").and_then(|value| value.as_bool().ok());
    if sellable != Some(&true) {
        return Some(Shortfall::NotForSale);
    }
    let currency = text_of(stock, "currency")?;
    let unit_price = number_of(stock, "unit_price")?;
    if currency != draft.currency.as_str() {
        let currency = currency.to_owned();
        return Some(Shortfall::CurrencyChanged {
            currency,
            unit_price,
        });
    }
    if unit_price != line.unit_price {
        return Some(Shortfall::PriceChanged { unit_price });
    }
    let available = number_of(stock, "available")?;
    (available < line.quantity).then_some(Shortfall::OutOfStock { available })
}

impl Shortfall {
    const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownProduct => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotForSale
            | Self::CurrencyChanged { .. }
            | Self::PriceChanged { .. }
            | Self::OutOfStock { .. } => StatusCode::CONFLICT,
        }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownProduct => "unknown-product",
            Self::NotForSale => "not-for-sale",
            Self::CurrencyChanged { .. } => "currency-changed",
            Self::PriceChanged { .. } => "price-changed",
            Self::OutOfStock { .. } => "out-of-stock",
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::UnknownProduct => "Unknown product",
            Self::NotForSale => "Not for sale",
            Self::CurrencyChanged { .. } => "The currency has changed",
            Self::PriceChanged { .. } => "The price has changed",
            Self::OutOfStock { .. } => "Not enough stock",
        }
    }

    fn detail(&self, line: &Line) -> String {
        let sku = &line.sku;
        match self {
            Self::UnknownProduct => format!("There is no product {sku}."),
            Self::NotForSale => format!("{sku} is not for sale."),
            Self::CurrencyChanged { currency, .. } => format!("{sku} is sold in {currency}."),
            Self::PriceChanged { unit_price } => {
                format!("{sku} costs {unit_price} now, not {}.", line.unit_price)
            }
            Self::OutOfStock { available } => {
                format!(
                    "{sku} has {available} left, {} were asked for.",
                    line.quantity
                )
            }
        }
    }

    /// The line as the problem's `lines` lists it: with the facts to go on.
    fn member(&self, line: &Line) -> Value {
        let (sku, reason) = (line.sku.as_str(), self.reason());
        match self {
            Self::UnknownProduct | Self::NotForSale => json!({"sku": sku, "reason": reason}),
            Self::CurrencyChanged {
                currency,
                unit_price,
            } => json!({
                "sku": sku, "reason": reason, "currency": currency, "unit_price": unit_price,
            }),
            Self::PriceChanged { unit_price } => json!({
                "sku": sku, "reason": reason, "unit_price": unit_price,
            }),
            Self::OutOfStock { available } => json!({
                "sku": sku, "reason": reason, "requested": line.quantity, "available": available,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    fn draft() -> Draft {
        let line = |sku: &str| Line {
            sku: sku.parse().unwrap(),
            quantity: 2,
            unit_price: 500,
        };
        Draft {
            currency: "KRW".parse().unwrap(),
            lines: vec![line("A"), line("B")],
            total: 2_000,
        }
    }

    fn stock(sellable: bool, currency: &str, unit_price: i64, available: i64) -> Item {
        Item::from([
            ("sellable".to_owned(), AttributeValue::Bool(sellable)),
            ("currency".to_owned(), text(currency)),
            ("unit_price".to_owned(), number(unit_price)),
            ("available".to_owned(), number(available)),
        ])
    }

    #[track_caller]
    fn check(stock: Option<&Item>, expected: Option<&Shortfall>) {
        let draft = draft();
        assert_eq!(
            judge_line(&draft.lines[0], &draft, stock).as_ref(),
            expected
        );
    }

    #[test]
    fn case_30_a_line_is_judged_by_what_a_customer_must_know_first() {
        check(None, Some(&Shortfall::UnknownProduct));
        check(
            Some(&stock(false, "USD", 1, 0)),
            Some(&Shortfall::NotForSale),
        );
        let currency = "USD".to_owned();
        check(
            Some(&stock(true, "USD", 1, 0)),
            Some(&Shortfall::CurrencyChanged {
                currency,
                unit_price: 1,
            }),
        );
        check(
            Some(&stock(true, "KRW", 1, 0)),
            Some(&Shortfall::PriceChanged { unit_price: 1 }),
        );
        check(
            Some(&stock(true, "KRW", 500, 1)),
            Some(&Shortfall::OutOfStock { available: 1 }),
        );
    }

    #[test]
    fn a_line_that_meets_the_condition_has_no_shortfall() {
        check(Some(&stock(true, "KRW", 500, 2)), None);
    }

    #[test]
    fn case_26_the_worst_line_gives_the_status_and_every_line_its_reason() {
        let failed = [
            FailedEffect {
                index: 0,
                item: Some(stock(true, "KRW", 500, 1)),
            },
            FailedEffect {
                index: 1,
                item: None,
            },
        ];
        let problem = judge(&draft(), &failed).unwrap();
        assert_eq!(problem.status(), 422);
        let body: Value = serde_json::from_str(&problem.body()).unwrap();
        assert_eq!(body["type"], "urn:surefire:problem:unknown-product");
        assert_eq!(
            body["detail"],
            "There is no product B. One more line cannot be had."
        );
        assert_eq!(
            body["lines"],
            json!([
                {"sku": "A", "reason": "out-of-stock", "requested": 2, "available": 1},
                {"sku": "B", "reason": "unknown-product"},
            ])
        );
    }
}
