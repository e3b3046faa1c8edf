//! Compares the documented costs of requests with what they cost.

use serde_json::{Value, json};

use super::counting::{Metered, Reading};
use crate::support::harness::{Shop, line, order_of, shop};

/// The page with the table.
const PAGE: &str = include_str!("../../docs/api.md");

/// A row of the page's table.
fn row(request: &str, reading: Reading) -> String {
    let Reading {
        round_trips,
        write_units,
        read_units,
        sent_bytes: _,
    } = reading;
    format!("| {request} | {round_trips} | {write_units} | {read_units} |")
}

/// The rows of a small shop, in the order of the page's table.
struct Rows<'shop> {
    metered: Metered<'shop>,
    rows: Vec<String>,
}

impl Rows<'_> {
    /// Sends a request, and adds its row.
    async fn add(&mut self, name: &str, status: u16, route: &str, id: &str, body: &Value) {
        // A key for each row and its repeat.
        let key = name.trim_start_matches("repeat: ");
        let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
        let headers = json!({"content-type": "application/json", "idempotency-key": key});
        self.add_with(name, status, route, id, &headers, body).await;
    }

    async fn add_with(
        &mut self,
        name: &str,
        status: u16,
        route: &str,
        id: &str,
        headers: &Value,
        body: &Value,
    ) {
        let (answered, reading) = self.metered.cost(route, id, headers, body).await;
        assert_eq!(answered, status, "{name}");
        self.rows.push(row(name, reading));
    }

    async fn of_orders(&mut self, shop: &Shop) {
        let lines =
            |skus: &[&str]| order_of(&skus.iter().map(|sku| line(sku, 1)).collect::<Vec<_>>());
        let (one, three) = (lines(&["A"]), lines(&["A", "B", "C"]));
        let too_many = order_of(&[line("A", 1_000)]);
        let place = "POST /orders";
        self.add("place one line", 201, place, "", &one).await;
        self.add("place three lines", 201, place, "", &three).await;
        self.add("repeat: place one line", 201, place, "", &one)
            .await;
        self.add("refuse an order", 409, place, "", &too_many).await;
        self.add("repeat: refuse an order", 409, place, "", &too_many)
            .await;
        let id = &shop.place("placeoneline", "A", 1).await.order_id();
        let none = json!({});
        self.add("read an order", 200, "GET /orders/{id}", id, &none)
            .await;
        self.add(
            "list the caller's two orders",
            200,
            "GET /orders",
            "",
            &none,
        )
        .await;
        let order = shop.read("demo", id).await.json();
        let (day, _) = order["created_at"]
            .as_str()
            .unwrap()
            .split_once('T')
            .unwrap();
        let of_day = format!("GET /orders?day={day}");
        self.add("list a day's two orders", 200, &of_day, "", &none)
            .await;
        self.of_its_end(shop, id).await;
    }

    async fn of_its_end(&mut self, shop: &Shop, id: &str) {
        let payment = json!({"payment_reference": "pay"});
        let confirm = "POST /orders/{id}/confirm";
        self.add("confirm", 200, confirm, id, &payment).await;
        self.add("repeat: confirm", 200, confirm, id, &payment)
            .await;
        let parcel = json!({"reference": "parcel"});
        let fulfil = "POST /orders/{id}/fulfil";
        self.add("fulfil one line", 200, fulfil, id, &parcel).await;
        let back =
            |count: i64| json!({"lines": [{"sku": "A", "quantity": count}], "restock": true});
        let returns = "POST /orders/{id}/returns";
        self.add("refuse a return", 409, returns, id, &back(2))
            .await;
        self.add("return one line", 201, returns, id, &back(1))
            .await;
        // It reads the order, finds nothing left to return, and meets the record.
        self.add("repeat: return one line", 201, returns, id, &back(1))
            .await;
        let other = shop.place("other", "A", 1).await.order_id();
        let cancel = "POST /orders/{id}/cancel";
        self.add("cancel one line", 200, cancel, &other, &json!({}))
            .await;
    }

    async fn of_products(&mut self) {
        let product = json!({"name": "x", "unit_price": 1, "currency": "KRW", "sellable": true});
        let put = "PUT /products/{sku}";
        self.add("describe a product", 200, put, "B", &product)
            .await;
        let if_match = json!({"content-type": "application/json", "if-match": "\"2\""});
        let name = "describe a product with `If-Match`";
        self.add_with(name, 200, put, "B", &if_match, &product)
            .await;
        let delta = json!({"delta": 1, "reason": "x"});
        let adjust = "POST /products/{sku}/stock";
        self.add("adjust stock", 201, adjust, "B", &delta).await;
        self.add(
            "read a product",
            200,
            "GET /products/{sku}",
            "B",
            &json!({}),
        )
        .await;
    }
}

#[tokio::test]
async fn the_documented_costs_are_what_requests_cost() {
    shop(async |shop| {
        for sku in ["A", "B", "C"] {
            shop.stock(sku, 100).await;
        }
        let mut measured = Rows {
            metered: Metered::new(shop),
            rows: Vec::new(),
        };
        Box::pin(measured.of_orders(shop)).await;
        Box::pin(measured.of_products()).await;
        let documented: Vec<_> = PAGE
            .lines()
            .skip_while(|line| !line.starts_with("| request | round trips"))
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .collect();
        let rows = measured.rows;
        assert_eq!(
            documented,
            rows,
            "docs/api.md should say:\n{}",
            rows.join("\n")
        );
    })
    .await;
}
