//! Says why goods cannot be taken back.

use http::StatusCode;
use serde_json::{Value, json};
use shared::problem::Problem;

use crate::goods::Goods;
use crate::order::Order;
use crate::return_request::ReturnRequest;
use crate::status::Status;

/// How many returns an order may have. Each adds an item that is never deleted.
const RETURNS_MAX: i64 = 20;

/// The problem that refuses a return of an order as it is now. `None` if the goods
/// can be taken back.
pub(crate) fn refused(order: &Order, request: &ReturnRequest) -> Option<Problem> {
    if order.status != Status::Fulfilled {
        let status = order.status.as_str();
        let detail = format!("This order is {status}. Only goods of a fulfilled order come back.");
        let problem = conflict("order-not-fulfilled", "The order is not fulfilled", detail);
        return Some(problem.with("order_status", status));
    }
    if RETURNS_MAX <= order.return_count {
        let detail = format!("An order may have at most {RETURNS_MAX} returns.");
        return Some(conflict("too-many-returns", "Too many returns", detail));
    }
    let excess: Vec<_> = request
        .lines
        .iter()
        .map(|goods| (goods, returnable(order, goods)))
        .filter(|(goods, returnable)| *returnable < goods.quantity)
        .collect();
    let (goods, most) = excess.first()?;
    let others = match excess.len() - 1 {
        0 => String::new(),
        1 => " One more line cannot be returned.".to_owned(),
        more => format!(" {more} more lines cannot be returned."),
    };
    let (sku, quantity) = (&goods.sku, goods.quantity);
    let detail = format!("Of {sku}, {most} can come back, not {quantity}.{others}");
    let lines: Vec<Value> = excess
        .iter()
        .map(|(goods, returnable)| {
            json!({
                "sku": goods.sku.as_str(), "reason": "exceeds-shipped",
                "requested": goods.quantity, "returnable": returnable,
            })
        })
        .collect();
    let title = "More than was shipped";
    Some(conflict("exceeds-shipped", title, detail).with("lines", lines))
}

/// How many of a product were shipped with the order and did not come back yet.
fn returnable(order: &Order, goods: &Goods) -> i64 {
    let shipped = order.lines.iter().filter(|line| line.sku == goods.sku);
    let shipped: i64 = shipped.map(|line| line.quantity).sum();
    shipped - order.returned_of(&goods.sku)
}

fn conflict(kind: &'static str, title: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, kind, title, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::order;

    /// A fulfilled order of 1 CUP-01 and 2 TEA-01, of which these came back in so many returns.
    fn fulfilled(returned: &[(&str, i64)], return_count: i64) -> Order {
        Order {
            status: Status::Fulfilled,
            returned: goods(returned),
            return_count,
            ..order()
        }
    }

    fn goods(list: &[(&str, i64)]) -> Vec<Goods> {
        let goods = |(sku, quantity): &(&str, i64)| Goods {
            sku: sku.parse().unwrap(),
            quantity: *quantity,
        };
        list.iter().map(goods).collect()
    }

    #[track_caller]
    fn check(order: &Order, lines: &[(&str, i64)], expected: Option<(&str, &str)>) {
        let request = ReturnRequest {
            lines: goods(lines),
            restock: true,
        };
        let refused = refused(order, &request).map(|problem| {
            assert_eq!(problem.status(), 409);
            let body: Value = serde_json::from_str(&problem.body()).unwrap();
            let detail = body["detail"].as_str().unwrap().to_owned();
            (problem.kind(), detail)
        });
        let refused = refused.as_ref();
        let refused = refused.map(|(kind, detail)| (*kind, detail.as_str()));
        assert_eq!(refused, expected);
    }

    #[test]
    fn only_goods_of_a_fulfilled_order_come_back() {
        for status in Status::ALL {
            let order = Order {
                status,
                ..fulfilled(&[], 0)
            };
            let word = status.as_str();
            let detail =
                format!("This order is {word}. Only goods of a fulfilled order come back.");
            let refusal = (status != Status::Fulfilled).then_some(("order-not-fulfilled", detail));
            let refusal = refusal.as_ref();
            let expected = refusal.map(|(kind, detail)| (*kind, detail.as_str()));
            check(&order, &[("CUP-01", 1)], expected);
        }
    }

    #[test]
    fn an_order_has_at_most_twenty_returns() {
        check(&fulfilled(&[], RETURNS_MAX - 1), &[("CUP-01", 1)], None);
        let detail = "An order may have at most 20 returns.";
        let refusal = Some(("too-many-returns", detail));
        check(&fulfilled(&[], RETURNS_MAX), &[("CUP-01", 1)], refusal);
    }

    #[test]
    fn no_more_comes_back_than_was_shipped_and_is_not_back_yet() {
        check(&fulfilled(&[], 0), &[("CUP-01", 1), ("TEA-01", 2)], None);
        check(&fulfilled(&[("TEA-01", 1)], 1), &[("TEA-01", 1)], None);
        let exceeds = |detail| Some(("exceeds-shipped", detail));
        check(
            &fulfilled(&[], 0),
            &[("TEA-01", 3)],
            exceeds("Of TEA-01, 2 can come back, not 3."),
        );
        check(
            &fulfilled(&[("TEA-01", 1)], 1),
            &[("CUP-01", 1), ("TEA-01", 2)],
            exceeds("Of TEA-01, 1 can come back, not 2."),
        );
        check(
            &fulfilled(&[("CUP-01", 1)], 1),
            &[("CUP-01", 1), ("SOAP", 1)],
            exceeds("Of CUP-01, 0 can come back, not 1. One more line cannot be returned."),
        );
        check(
            &fulfilled(&[], 0),
            &[("CUP-01", 2), ("SOAP", 1), ("TEA-01", 9)],
            exceeds("Of CUP-01, 1 can come back, not 2. 2 more lines cannot be returned."),
        );
    }

    #[test]
    fn each_line_that_cannot_come_back_says_how_many_could() {
        let request = ReturnRequest {
            lines: goods(&[("CUP-01", 1), ("TEA-01", 3)]),
            restock: true,
        };
        let problem = refused(&fulfilled(&[("TEA-01", 1)], 1), &request).unwrap();
        let body: Value = serde_json::from_str(&problem.body()).unwrap();
        assert_eq!(
            body["lines"],
            json!([{
                "sku": "TEA-01", "reason": "exceeds-shipped", "requested": 3, "returnable": 1,
            }])
        );
    }
}
