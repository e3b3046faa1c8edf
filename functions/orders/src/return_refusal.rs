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
