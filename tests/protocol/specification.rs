//! Compares the API with a simple specification of it, on random sequences of everything that
//! customers and staff can do. Every answer and the final stock must be the same.

mod action;
mod client;
mod model;
mod shown;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use self::action::{Action, Amount, Extras, SKUS, Which, action};
use self::client::{Client, carried, check, etag};
use self::model::{Decided, Order, Specification};
use self::shown::{list, read};
use crate::support::harness::{Answer, CUSTOMER, STAFF, shop};

/// How many sequences are run, or `PROPTEST_CASES` if that is more.
const CASES: u32 = 40;

/// How far one step puts the clock forward. After three steps a hold is overdue (900 s, and 30 s
/// for clocks that differ). After two it is not.
const STEP_SECONDS: i64 = 400;

/// One sequence, on the shop and on the specification.
struct Run<'shop> {
    client: Client<'shop>,
    specification: Specification,
}

impl Run<'_> {
    /// The order that a random number selects, if there is any order yet.
    fn order(&self, number: usize) -> Option<usize> {
        let count = self.specification.orders.len();
        (count != 0).then(|| number % count)
    }

    async fn act(&mut self, action: &Action) {
        match action {
            Action::Describe {
                sku,
                price,
                sellable,
                quantity_max,
                if_match,
            } => {
                let path = format!("/products/{}", self.client.sku(*sku));
                let mut body = json!({"name": "x", "unit_price": price, "currency": "KRW", "sellable": sellable});
                if let Some(most) = quantity_max {
                    body["quantity_max"] = json!(most);
                }
                let headers = etag(*if_match);
                let answer = self
                    .client
                    .send(http::Method::PUT, path, "staff", STAFF, &headers, body)
                    .await;
                let specified = &mut self.specification;
                check(
                    action,
                    &answer,
                    specified.describe(*sku, *price, *sellable, *quantity_max, *if_match),
                );
            }
            Action::Adjust { sku, key, delta } => self.adjust(action, *sku, *key, *delta).await,
            Action::Place {
                customer,
                key,
                lines,
                price,
                extras,
            } => {
                self.place(action, (*customer, *key), lines, *price, *extras)
                    .await;
            }
            Action::List {
                which,
                status,
                limit,
            } => {
                let which = match *which {
                    Which::OnDayOf(order) => self.order(order).map(Which::OnDayOf),
                    other => Some(other),
                };
                if let Some(which) = which {
                    let asked = (which, *status, *limit);
                    list(&self.client, &self.specification, action, asked).await;
                }
            }
            Action::Confirm { order, .. }
            | Action::Fulfil { order, .. }
            | Action::Return { order, .. }
            | Action::Cancel { order, .. }
            | Action::Read { order, .. } => {
                if let Some(order) = self.order(*order) {
                    self.act_on(order, action).await;
                }
            }
            Action::Pass => {
                self.client.shop.pass_seconds(STEP_SECONDS);
                self.specification.step += 1;
            }
            Action::Sweep => {
                let swept = self.client.shop.sweep().await;
                assert_eq!(swept["expired"], self.specification.sweep(), "{swept}");
            }
        }
    }

    /// Acts on an order that was placed before.
    async fn act_on(&mut self, order: usize, action: &Action) {
        let path = |what: &str| format!("/orders/{}/{what}", self.specification.orders[order].id);
        match action {
            Action::Confirm {
                payment,
                amount,
                if_match,
                ..
            } => {
                let mut body =
                    json!({"payment_reference": format!("{}-{payment}", self.client.name)});
                let total = self.specification.orders[order].total;
                match amount {
                    Amount::Unsaid => {}
                    Amount::Total { more } => {
                        body["amount"] = json!(total + more);
                        body["currency"] = "KRW".into();
                    }
                    Amount::OtherCurrency => {
                        body["amount"] = json!(total);
                        body["currency"] = "EUR".into();
                    }
                }
                let answer = self
                    .client
                    .post(path("confirm"), "payments", STAFF, *if_match, body)
                    .await;
                let specified = &mut self.specification;
                check(
                    action,
                    &answer,
                    specified.confirm(order, *payment, *amount, *if_match),
                );
            }
            Action::Fulfil {
                parcel, if_match, ..
            } => {
                let body = json!({"reference": format!("parcel {parcel}")});
                let answer = self
                    .client
                    .post(path("fulfil"), "shipping", STAFF, *if_match, body)
                    .await;
                let expected = self.specification.fulfil(order, *parcel, *if_match);
                check(action, &answer, expected);
            }
            Action::Return {
                key,
                lines,
                restock,
                ..
            } => {
                self.take_back(action, (order, *key), lines, *restock).await;
            }
            Action::Cancel {
                customer, if_match, ..
            } => {
                let (sub, scope) = match customer {
                    Some(customer) => (self.client.customer(*customer), CUSTOMER),
                    None => ("staff".to_owned(), STAFF),
                };
                let answer = self
                    .client
                    .post(path("cancel"), &sub, scope, *if_match, json!({}))
                    .await;
                check(
                    action,
                    &answer,
                    self.specification.cancel(*customer, order, *if_match),
                );
            }
            Action::Read { customer, .. } => {
                let order = &self.specification.orders[order];
                read(&self.client, order, action, *customer).await;
            }
            other => panic!("{other:?} does not name an order"),
        }
    }

    async fn adjust(&mut self, action: &Action, sku: usize, key: u8, delta: i64) {
        let path = format!("/products/{}/stock", self.client.sku(sku));
        let headers = [("idempotency-key", format!("{}-{key}", self.client.name))];
        let body = json!({"delta": delta, "reason": "x"});
        let answer = self
            .client
            .send(http::Method::POST, path, "staff", STAFF, &headers, body)
            .await;
        let decided = (format!("adjust {sku}"), key);
        if self.check_decided(action, &decided, &delta.to_string(), &answer) {
            return;
        }
        check(action, &answer, self.specification.adjust(sku, delta));
        self.decide(decided, delta.to_string(), &answer);
    }

    async fn place(
        &mut self,
        action: &Action,
        (customer, key): (usize, u8),
        lines: &[(usize, i64)],
        price: i64,
        extras: Extras,
    ) {
        let asked: Vec<_> = lines
            .iter()
            .map(|(sku, quantity)| json!({"sku": self.client.sku(*sku), "quantity": quantity, "unit_price": price}))
            .collect();
        let merged = merged(lines);
        let headers = [("idempotency-key", key.to_string())];
        let mut body = json!({"currency": "KRW", "lines": asked});
        for (name, value) in carried(extras) {
            body[name] = value;
        }
        let sub = self.client.customer(customer);
        let path = "/orders".to_owned();
        let post = http::Method::POST;
        let answer = self
            .client
            .send(post, path, &sub, CUSTOMER, &headers, body)
            .await;
        let request = format!("{merged:?} {price} {extras:?}");
        let decided = (format!("place {customer}"), key);
        if self.check_decided(action, &decided, &request, &answer) {
            return;
        }
        check(action, &answer, self.specification.place(&merged, price));
        if answer.status == 201 {
            let placed = answer.json();
            for (name, value) in carried(extras) {
                assert_eq!(placed[name], value, "{action:?}");
            }
            let order = Order {
                id: answer.order_id(),
                customer,
                total: merged.values().sum::<i64>() * price,
                lines: merged,
                status: "pending",
                version: 1,
                payment: None,
                parcel: None,
                returned: BTreeMap::new(),
                extras,
                created_at: placed["created_at"].as_str().unwrap().to_owned(),
                placed_at_step: self.specification.step,
            };
            assert_eq!(placed["total"], order.total, "{action:?}");
            self.specification.orders.push(order);
        }
        self.decide(decided, request, &answer);
    }

    async fn take_back(
        &mut self,
        action: &Action,
        (order, key): (usize, u8),
        lines: &[(usize, i64)],
        restock: bool,
    ) {
        let id = &self.specification.orders[order].id;
        let path = format!("/orders/{id}/returns");
        let headers = [("idempotency-key", key.to_string())];
        let asked: Vec<_> = lines
            .iter()
            .map(|(sku, quantity)| json!({"sku": self.client.sku(*sku), "quantity": quantity}))
            .collect();
        let body = json!({"lines": asked, "restock": restock});
        let post = http::Method::POST;
        let answer = self
            .client
            .send(post, path, "shipping", STAFF, &headers, body);
        let answer = answer.await;
        let merged = merged(lines);
        let request = format!("{merged:?} {restock}");
        let decided = (format!("return {order}"), key);
        if self.check_decided(action, &decided, &request, &answer) {
            return;
        }
        let expected = self.specification.take_back(order, &merged, restock);
        check(action, &answer, expected);
        self.decide(decided, request, &answer);
    }

    /// Returns whether the key was used before. If so, checks the answer: it must have the first
    /// answer's bytes, or say that the key is reused.
    fn check_decided(
        &self,
        action: &Action,
        key: &(String, u8),
        request: &str,
        answer: &Answer,
    ) -> bool {
        let Some(decided) = self.specification.decided.get(key) else {
            assert!(!answer.is_replay(), "{action:?}");
            return false;
        };
        if decided.request == request {
            assert_eq!(
                (answer.status, &answer.body),
                (decided.status, &decided.body),
                "{action:?}"
            );
            assert!(answer.is_replay(), "{action:?}");
        } else {
            check(action, answer, (422, "idempotency-key-reused"));
        }
        true
    }

    fn decide(&mut self, key: (String, u8), request: String, answer: &Answer) {
        let decided = Decided {
            request,
            status: answer.status,
            body: answer.body.clone(),
        };
        self.specification.decided.insert(key, decided);
    }

    /// Compares the final stock.
    async fn check_stock(&self) {
        for (sku, product) in &self.specification.products {
            assert_eq!(
                self.client.shop.available(&self.client.sku(*sku)).await,
                product.available,
                "{}",
                SKUS[*sku]
            );
        }
    }
}

/// The quantity of each product.
fn merged(lines: &[(usize, i64)]) -> BTreeMap<usize, i64> {
    let mut merged = BTreeMap::new();
    for (sku, quantity) in lines {
        *merged.entry(*sku).or_insert(0) += quantity;
    }
    merged
}

#[test]
fn any_sequence_of_actions_is_answered_as_specified() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(crate::support::cases::made_up(CASES));
    let sequence = prop::collection::vec(action(), 1..60);
    let number = std::cell::Cell::new(0_u32);
    let result = runner.run(&sequence, |actions| {
        number.set(number.get() + 1);
        let name = format!("s{}", number.get());
        runtime.block_on(shop(async |shop| {
            let specification = Specification::default();
            let mut run = Run {
                client: Client { shop, name },
                specification,
            };
            for action in &actions {
                run.act(action).await;
            }
            run.check_stock().await;
        }));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
