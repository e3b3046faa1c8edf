//! Why a line of an order cannot be had, and the problem that the client gets.

use http::StatusCode;
use once::{Item, number_of, text_of};
use serde_json::{Value, json};
use shared::problem::Problem;

use crate::draft::{Draft, Line};

/// Why a line cannot be ordered, the worst first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Shortfall {
    UnknownProduct,
    NotForSale,
    CurrencyChanged { currency: String, unit_price: i64 },
    PriceChanged { unit_price: i64 },
    ExceedsLimit { quantity_max: i64 },
    OutOfStock { available: i64 },
}

/// What an item says about a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Judged {
    /// It can be had.
    Met,
    /// The terms are met, but there are too few.
    Short {
        /// How many there are.
        available: i64,
    },
    /// The terms are not met.
    Refused(Shortfall),
}

/// Judges a line by the item as it was when the condition of the write failed
/// ([`TAKE_CONDITION`](crate::take::TAKE_CONDITION)): the two must agree. `least` is how
/// many the item must have. `None` if the item lacks an attribute.
pub(crate) fn judge(line: &Line, draft: &Draft, stock: &Item, least: i64) -> Option<Judged> {
    let sellable = stock.get("sellable").and_then(|value| value.as_bool().ok());
    if sellable != Some(&true) {
        return Some(Judged::Refused(Shortfall::NotForSale));
    }
    let currency = text_of(stock, "currency")?;
    let unit_price = number_of(stock, "unit_price")?;
    if currency != draft.currency.as_str() {
        let currency = currency.to_owned();
        return Some(Judged::Refused(Shortfall::CurrencyChanged {
            currency,
            unit_price,
        }));
    }
    if unit_price != line.unit_price {
        return Some(Judged::Refused(Shortfall::PriceChanged { unit_price }));
    }
    if let Some(quantity_max) = number_of(stock, "quantity_max")
        && quantity_max < line.quantity
    {
        return Some(Judged::Refused(Shortfall::ExceedsLimit { quantity_max }));
    }
    let available = number_of(stock, "available")?;
    Some(if available < least {
        Judged::Short { available }
    } else {
        Judged::Met
    })
}

/// The problem of these lines, each with its reason. The status is the worst line's.
pub(crate) fn problem(shortfalls: &[(Shortfall, &Line)]) -> Option<Problem> {
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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use once::{number, text};

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
    fn check(stock: &Item, expected: Judged) {
        let draft = draft();
        assert_eq!(judge(&draft.lines[0], &draft, stock, 2), Some(expected));
    }

    #[test]
    fn a_line_is_judged_by_what_a_customer_must_know_first() {
        let refused = Judged::Refused;
        check(&stock(false, "USD", 1, 0), refused(Shortfall::NotForSale));
        let currency = "USD".to_owned();
        let changed = Shortfall::CurrencyChanged {
            currency,
            unit_price: 1,
        };
        check(&stock(true, "USD", 1, 0), refused(changed));
        let changed = Shortfall::PriceChanged { unit_price: 1 };
        check(&stock(true, "KRW", 1, 0), refused(changed));
        check(&stock(true, "KRW", 500, 1), Judged::Short { available: 1 });
    }

    #[test]
    fn a_line_that_meets_the_condition_has_no_shortfall() {
        check(&stock(true, "KRW", 500, 2), Judged::Met);
    }

    #[test]
    fn an_item_without_an_attribute_is_not_judged() {
        let draft = draft();
        for name in ["currency", "unit_price", "available"] {
            let mut stock = stock(true, "KRW", 500, 2);
            stock.remove(name);
            assert_eq!(judge(&draft.lines[0], &draft, &stock, 2), None, "{name}");
        }
    }

    #[test]
    fn a_quantity_beyond_the_limit_of_an_order_is_named_before_the_stock() {
        let mut limited = stock(true, "KRW", 500, 0);
        limited.insert("quantity_max".to_owned(), number(1));
        let exceeds = Shortfall::ExceedsLimit { quantity_max: 1 };
        check(&limited, Judged::Refused(exceeds));
        limited.insert("quantity_max".to_owned(), number(2));
        check(&limited, Judged::Short { available: 0 });
    }

    #[test]
    fn the_worst_line_gives_the_status_and_every_line_its_reason() {
        let draft = draft();
        let shortfalls = [
            (Shortfall::OutOfStock { available: 1 }, &draft.lines[0]),
            (Shortfall::UnknownProduct, &draft.lines[1]),
        ];
        let problem = problem(&shortfalls).unwrap();
        assert_eq!(problem.status(), 422);
        let body: Value = serde_json::from_str(&problem.body()).unwrap();
        assert_eq!(body["type"], "urn:surefire:problem:unknown-product");
        assert_eq!(body["title"], "Unknown product");
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
