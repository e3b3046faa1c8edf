//! Lists and reads orders, and compares them with the specification's.

use serde_json::{Value, json};

use super::action::{Action, Which};
use super::client::{Client, carried, check};
use super::model::{Order, Specification};
use crate::support::harness::{CUSTOMER, STAFF};

/// Lists page by page, and compares the list with the specification's.
pub(super) async fn list(
    client: &Client<'_>,
    specification: &Specification,
    action: &Action,
    (which, status, limit): (Which, Option<&str>, usize),
) {
    let (sub, scope, filter) = match which {
        Which::Own(customer) => (client.customer(customer), CUSTOMER, String::new()),
        Which::Of(customer) => {
            let filter = format!("&customer=local%23{}", client.customer(customer));
            ("staff".to_owned(), STAFF, filter)
        }
        Which::OnDayOf(order) => {
            let day = specification.orders[order].day();
            ("staff".to_owned(), STAFF, format!("&day={day}"))
        }
    };
    let status_filter = status.map(|status| format!("&status={status}"));
    let first = format!(
        "/orders?limit={limit}{filter}{}",
        status_filter.unwrap_or_default()
    );
    let mut listed = Vec::new();
    let mut path = first.clone();
    loop {
        let answer = client.shop.get(&path).by(&sub, scope).send().await;
        check(action, &answer, (200, ""));
        let page = answer.json();
        let orders = page["orders"].as_array().unwrap();
        assert!(orders.len() <= limit, "{action:?}: {page}");
        listed.extend(orders.iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("{first}&cursor={cursor}");
    }
    let created_at = |order: &Value| order["created_at"].as_str().unwrap().to_owned();
    let newest_first = listed.is_sorted_by(|one, next| created_at(one) >= created_at(next));
    assert!(newest_first, "{action:?}: {listed:?}");
    let expected = specification.list(which, status);
    assert_eq!(listed.len(), expected.len(), "{action:?}: {listed:?}");
    for order in expected {
        let shown = listed.iter().find(|shown| shown["id"] == order.id.as_str());
        check_shown(client, action, order, shown.unwrap_or(&Value::Null));
    }
}

/// Reads an order, and compares it with the specification's.
pub(super) async fn read(client: &Client<'_>, order: &Order, action: &Action, customer: usize) {
    let answer = client
        .shop
        .read(&client.customer(customer), &order.id)
        .await;
    if order.customer != customer {
        return check(action, &answer, (404, "not-found"));
    }
    check(action, &answer, (200, ""));
    check_shown(client, action, order, &answer.json());
    assert_eq!(
        answer.header("etag"),
        Some(format!("\"{}\"", order.version).as_str())
    );
}

/// Compares an order as a client sees it with the specification's.
fn check_shown(client: &Client<'_>, action: &Action, order: &Order, shown: &Value) {
    let text = |text: Option<String>| text.map_or(Value::Null, Value::String);
    let back =
        |(sku, quantity): (&usize, &i64)| json!({"sku": client.sku(*sku), "quantity": quantity});
    let returned: Vec<_> = order.returned.iter().map(back).collect();
    let mut expected = json!({
        "status": order.status,
        "version": order.version,
        "total": order.total,
        "created_at": order.created_at,
        "payment_reference": text(order.payment.map(|it| format!("{}-{it}", client.name))),
        "fulfilment_reference": text(order.parcel.map(|it| format!("parcel {it}"))),
        "returned": if returned.is_empty() { Value::Null } else { returned.into() },
    });
    for name in ["reference", "metadata"] {
        expected[name] = Value::Null;
    }
    for (name, value) in carried(order.extras) {
        expected[name] = value;
    }
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(shown[name], *value, "{action:?}: {name} of {shown}");
    }
}
