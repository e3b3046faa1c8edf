//! Compares the API with a simple specification of it, on random sequences of everything that
//! customers and staff can do. Every answer and the final stock must be the same.

mod action;
mod model;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use self::action::{Action, CUSTOMERS, SKUS, action};
use self::model::{Decided, Expected, Order, Specification};
use crate::support::harness::{Answer, CUSTOMER, STAFF, Shop, shop};

/// How many sequences are run, or `PROPTEST_CASES` if that is more.
const CASES: u32 = 40;

/// How far one step puts the clock forward. After three steps a hold is overdue (900 s, and 30 s
/// for clocks that differ). After two it is not.
const STEP_SECONDS: i64 = 400;

/// One sequence, on the shop and on the specification.
struct Run<'shop> {
    shop: &'shop Shop,
    /// A prefix that keeps the products, customers and payments of sequences apart.
    name: String,
    specification: Specification,
}

impl Run<'_> {
    fn sku(&self, sku: usize) -> String {
        format!("{}-{}", self.name, SKUS[sku])
    }

    fn customer(&self, customer: usize) -> String {
        format!("{}-{}", self.name, CUSTOMERS[customer])
    }

    /// The order that a random number selects, if there is any order yet.
    fn order(&self, number: usize) -> Option<usize> {
        let count = self.specification.orders.len();
        (count != 0).then(|| number % count)
    }

    async fn send(
        &self,
        method: http::Method,
        path: String,
        sub: &str,
        scope: &str,
        headers: &[(&str, String)],
        body: Value,
    ) -> Answer {
        let mut request = self.shop.request(method, &path).by(sub, scope);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.json(&body).send().await
    }

    async fn post(
        &self,
        path: String,
        sub: &str,
        scope: &str,
        if_match: Option<i64>,
        body: Value,
    ) -> Answer {
        let headers = etag(if_match);
        self.send(http::Method::POST, path, sub, scope, &headers, body)
            .await
    }

    async fn act(&mut self, action: &Action) {
        match action {
            Action::Describe {
                sku,
                price,
                sellable,
                if_match,
            } => {
                let path = format!("/products/{}", self.sku(*sku));
                let body = json!({"name": "x", "unit_price": price, "currency": "KRW", "sellable": sellable});
                let headers = etag(*if_match);
                let answer = self
                    .send(http::Method::PUT, path, "staff", STAFF, &headers, body)
                    .await;
                let specified = &mut self.specification;
                check(
                    action,
                    &answer,
                    specified.describe(*sku, *price, *sellable, *if_match),
                );
            }
            Action::Adjust { sku, key, delta } => self.adjust(action, *sku, *key, *delta).await,
            Action::Place {
                customer,
                key,
                lines,
                price,
            } => {
                self.place(action, *customer, *key, lines, *price).await;
            }
            Action::Confirm { order, .. }
            | Action::Cancel { order, .. }
            | Action::Read { order, .. } => {
                if let Some(order) = self.order(*order) {
                    self.act_on(order, action).await;
                }
            }
            Action::Pass => {
                self.shop.pass_seconds(STEP_SECONDS);
                self.specification.step += 1;
            }
            Action::Sweep => {
                let swept = self.shop.sweep().await;
                assert_eq!(swept["expired"], self.specification.sweep(), "{swept}");
            }
        }
    }

    /// Acts on an order that was placed before.
    async fn act_on(&mut self, order: usize, action: &Action) {
        let path = |what: &str| format!("/orders/{}/{what}", self.specification.orders[order].id);
        match action {
            Action::Confirm {
                payment, if_match, ..
            } => {
                let body = json!({"payment_reference": format!("{}-{payment}", self.name)});
                let answer = self
                    .post(path("confirm"), "payments", STAFF, *if_match, body)
                    .await;
                check(
                    action,
                    &answer,
                    self.specification.confirm(order, *payment, *if_match),
                );
            }
            Action::Cancel {
                customer, if_match, ..
            } => {
                let sub = self.customer(*customer);
                let answer = self
                    .post(path("cancel"), &sub, CUSTOMER, *if_match, json!({}))
                    .await;
                check(
                    action,
                    &answer,
                    self.specification.cancel(*customer, order, *if_match),
                );
            }
            Action::Read { customer, .. } => self.read(action, *customer, order).await,
            other => panic!("{other:?} does not name an order"),
        }
    }

    async fn adjust(&mut self, action: &Action, sku: usize, key: u8, delta: i64) {
        let path = format!("/products/{}/stock", self.sku(sku));
        let headers = [("idempotency-key", format!("{}-{key}", self.name))];
        let body = json!({"delta": delta, "reason": "x"});
        let answer = self
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
        customer: usize,
        key: u8,
        lines: &[(usize, i64)],
        price: i64,
    ) {
        let asked: Vec<_> = lines
            .iter()
            .map(|(sku, quantity)| json!({"sku": self.sku(*sku), "quantity": quantity, "unit_price": price}))
            .collect();
        let mut merged = BTreeMap::new();
        for (sku, quantity) in lines {
            *merged.entry(*sku).or_insert(0) += quantity;
        }
        let headers = [("idempotency-key", key.to_string())];
        let body = json!({"currency": "KRW", "lines": asked});
        let sub = self.customer(customer);
        let answer = self
            .send(
                http::Method::POST,
                "/orders".to_owned(),
                &sub,
                CUSTOMER,
                &headers,
                body,
            )
            .await;
        let request = format!("{merged:?} {price}");
        let decided = (format!("place {customer}"), key);
        if self.check_decided(action, &decided, &request, &answer) {
            return;
        }
        check(action, &answer, self.specification.place(&merged, price));
        if answer.status == 201 {
            self.specification.orders.push(Order {
                id: answer.order_id(),
                customer,
                lines: merged,
                status: "pending",
                version: 1,
                payment: None,
                placed_at_step: self.specification.step,
            });
        }
        self.decide(decided, request, &answer);
    }

    async fn read(&self, action: &Action, customer: usize, order: usize) {
        let order = &self.specification.orders[order];
        let answer = self.shop.read(&self.customer(customer), &order.id).await;
        if order.customer != customer {
            return check(action, &answer, (404, "not-found"));
        }
        check(action, &answer, (200, ""));
        assert_eq!(answer.json()["status"], order.status);
        assert_eq!(
            answer.header("etag"),
            Some(format!("\"{}\"", order.version).as_str())
        );
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
                self.shop.available(&self.sku(*sku)).await,
                product.available,
                "{}",
                SKUS[*sku]
            );
        }
    }
}

fn etag(version: Option<i64>) -> Vec<(&'static str, String)> {
    version
        .map(|version| ("if-match", format!("\"{version}\"")))
        .into_iter()
        .collect()
}

#[track_caller]
fn check(action: &Action, answer: &Answer, (status, reason): Expected) {
    assert_eq!(answer.status, status, "{action:?}: {}", answer.body);
    if !reason.is_empty() {
        assert_eq!(answer.problem(), reason, "{action:?}");
    }
}

#[test]
fn any_sequence_of_actions_is_answered_as_specified() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(crate::support::harness::made_up(CASES));
    let sequence = prop::collection::vec(action(), 1..60);
    let number = std::cell::Cell::new(0_u32);
    let result = runner.run(&sequence, |actions| {
        number.set(number.get() + 1);
        let name = format!("s{}", number.get());
        runtime.block_on(shop(async |shop| {
            let specification = Specification::default();
            let mut run = Run {
                shop,
                name,
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
