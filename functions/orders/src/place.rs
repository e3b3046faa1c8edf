//! Places an order: one transaction that stores the order and takes its stock,
//! or a refusal that says why not.

use aws_sdk_dynamodb::types::AttributeValue;
use http::StatusCode;
use once::{
    Effect, FailedEffect, IdempotencyKey, Intent, Item, Session, Settled, number, number_of,
    settle_with, text, text_of,
};
use serde_json::{Value, json};
use shared::caller::Caller;
use shared::problem::Problem;

use crate::answer::{Answer, Outcome};
use crate::customer::Customer;
use crate::draft::{Draft, Line};
use crate::error::Error;
use crate::moment::Moment;
use crate::order::Order;
use crate::order_id::{OrderId, SORT_KEY};
use crate::product::{SHARD, stock_key};
use crate::record::{Record, item_of};
use crate::refusal::Refusal;
use crate::turns::{Attempt, Turns};

/// How long a refusal is kept at least: 14 days. DynamoDB deletes it later than that.
const REFUSAL_SECONDS: i64 = 14 * 24 * 60 * 60;

/// Takes a quantity from a product's stock …
const TAKE: &str = "SET available = available - :q, taken = taken + :q, version = version + :one";

/// … if it is for sale, at the price that the customer saw, and there is enough.
/// If this fails, [`judge_line`] reads the item that DynamoDB returns. The two must agree.
const TAKE_CONDITION: &str = "sellable = :true AND currency = :c AND unit_price = :p AND available >= :q \
    AND (attribute_not_exists(quantity_max) OR quantity_max >= :q)";

/// Places an order, or gives the first answer again.
///
/// # Errors
/// The key was used for another order, or the outcome is not known.
pub(crate) async fn place(
    session: &Session<'_>,
    turns: &Turns<'_>,
    caller: &Caller,
    key: &IdempotencyKey,
    draft: &Draft,
    request_id: &str,
) -> Result<Answer, Error> {
    let customer = Customer::try_from(caller)?;
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
        item_of(&refusal(&id, draft, &problem, now)).ok()
    };
    let attempt = Attempt {
        id: id.as_str(),
        products: draft.lines.iter().map(|line| line.sku.as_str()).collect(),
        record: &intent.record,
        fingerprints: draft,
    };
    let patience = turns.patience(session, &attempt.products);
    let write = settle_with(session, patience, &intent, draft, refuse);
    let settled = turns.around(session, &attempt, write).await;
    turns.learn(session, &attempt.products);
    match settled? {
        Settled::Done => order.answer(Outcome::Placed),
        Settled::Before(record) => Record::read(record)?.replay(),
        Settled::Refused(record) => Record::read(record)?.answer(Outcome::Refused(reason)),
    }
}

/// Takes the quantity of a line from its product's stock.
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
            (":true".to_owned(), AttributeValue::Bool(true)),
        ]),
    }
}

/// Why a line cannot be ordered, the worst first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Shortfall {
    UnknownProduct,
    NotForSale,
    CurrencyChanged { currency: String, unit_price: i64 },
    PriceChanged { unit_price: i64 },
    ExceedsLimit { quantity_max: i64 },
    OutOfStock { available: i64 },
}

/// Turns the failed effects into the problem that the client gets. Its status is
/// the worst line's. Every failed line gives its reason.
fn judge(draft: &Draft, failed: &[FailedEffect]) -> Option<Problem> {
    let mut shortfalls = Vec::with_capacity(failed.len());
    for effect in failed {
        let line = draft.lines.get(effect.index)?;
        shortfalls.push((judge_line(line, draft, effect.item.as_ref())?, line));
    }
    let (worst, line) = shortfalls.iter().min_by_key(|(shortfall, _)| shortfall)?;
    let others = match shortfalls.len() - 1 {
        0 => String::new(),
        1 => " One more line cannot be ordered.".to_owned(),
        more => format!(" {more} more lines cannot be ordered."),
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
    if let Some(quantity_max) = number_of(stock, "quantity_max")
        && quantity_max < line.quantity
    {
        return Some(Shortfall::ExceedsLimit { quantity_max });
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
            | Self::ExceedsLimit { .. }
            | Self::OutOfStock { .. } => StatusCode::CONFLICT,
        }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownProduct => "unknown-product",
            Self::NotForSale => "not-for-sale",
            Self::CurrencyChanged { .. } => "currency-changed",
            Self::PriceChanged { .. } => "price-changed",
            Self::ExceedsLimit { .. } => "quantity-exceeds-limit",
            Self::OutOfStock { .. } => "out-of-stock",
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::UnknownProduct => "Unknown product",
            Self::NotForSale => "Not for sale",
            Self::CurrencyChanged { .. } => "The currency has changed",
            Self::PriceChanged { .. } => "The price has changed",
            Self::ExceedsLimit { .. } => "More than one order may have",
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
            Self::ExceedsLimit { quantity_max } => format!(
                "One order can have at most {quantity_max} of {sku}, not {}.",
                line.quantity
            ),
            Self::OutOfStock { available } => {
                format!(
                    "{sku} has {available} left, {} were asked for.",
                    line.quantity
                )
            }
        }
    }

    /// The line in the problem's `lines`, with what the client needs to decide.
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
            Self::ExceedsLimit { quantity_max } => json!({
                "sku": sku, "reason": reason, "requested": line.quantity,
                "quantity_max": quantity_max,
            }),
            Self::OutOfStock { available } => json!({
                "sku": sku, "reason": reason, "requested": line.quantity, "available": available,
            }),
        }
    }
}

/// The refusal that answers with a problem, in the order's place.
fn refusal(id: &OrderId, draft: &Draft, problem: &Problem, now: Moment) -> Refusal {
    Refusal::new(
        (id.partition(), SORT_KEY.to_owned()),
        problem,
        &draft.fingerprint_now(),
        draft.version(),
        Some(now.plus_seconds(REFUSAL_SECONDS).seconds()),
    )
}

#[cfg(test)]
mod tests {
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
            reference: None,
            metadata: [].into(),
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
    fn a_line_is_judged_by_what_a_customer_must_know_first() {
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
    fn a_refusal_is_kept_for_fourteen_days() {
        assert_eq!(REFUSAL_SECONDS, 1_209_600);
    }

    #[test]
    fn a_line_that_meets_the_condition_has_no_shortfall() {
        check(Some(&stock(true, "KRW", 500, 2)), None);
    }

    #[test]
    fn a_quantity_beyond_the_limit_of_an_order_is_named_before_the_stock() {
        let mut limited = stock(true, "KRW", 500, 0);
        limited.insert("quantity_max".to_owned(), number(1));
        let expected = Shortfall::ExceedsLimit { quantity_max: 1 };
        check(Some(&limited), Some(&expected));
        limited.insert("quantity_max".to_owned(), number(2));
        check(
            Some(&limited),
            Some(&Shortfall::OutOfStock { available: 0 }),
        );
    }

    #[test]
    fn the_worst_line_gives_the_status_and_every_line_its_reason() {
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
            "There is no product B. One more line cannot be ordered."
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
