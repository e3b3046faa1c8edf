//! Owns the comparison of the API with a simple specification of it: random
//! sequences of everything that several customers can do, every answer and the
//! final stock compared.

mod deed;
mod model;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use self::deed::{CUSTOMERS, Deed, SKUS, deed};
use self::model::{Decided, Expected, Order, Specification};
use crate::support::harness::{Answer, CUSTOMER, STAFF, Shop, shop};

/// How many sequences are made up, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 40;

/// How far the clock is put forward at a time. Three times is overdue (a hold
/// of 900 s and 30 s for clocks that differ), twice is not.
const STEP_SECONDS: i64 = 400;

/// One sequence, on the shop and on the specification.
struct Run<'shop> {
    shop: &'shop Shop,
    /// Makes this sequence's products, customers and payments its own.
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

    /// The order that a number points at, if there is one yet.
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

    async fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Describe {
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
                    deed,
                    &answer,
                    specified.describe(*sku, *price, *sellable, *if_match),
                );
            }
            Deed::Adjust { sku, key, delta } => self.adjust(deed, *sku, *key, *delta).await,
            Deed::Place {
                customer,
                key,
                lines,
                price,
            } => {
                self.place(deed, *customer, *key, lines, *price).await;
            }
            Deed::Confirm { order, .. } | Deed::Cancel { order, .. } | Deed::Read { order, .. } => {
                if let Some(order) = self.order(*order) {
                    self.act_on(order, deed).await;
                }
            }
            Deed::Pass => {
                self.shop.pass_seconds(STEP_SECONDS);
                self.specification.step += 1;
            }
            Deed::Sweep => {
                let swept = self.shop.sweep().await;
                assert_eq!(swept["expired"], self.specification.sweep(), "{swept}");
            }
        }
    }

    /// Does what concerns an order that was placed before.
    async fn act_on(&mut self, order: usize, deed: &Deed) {
        let path = |what: &str| format!("/orders/{}/{what}", self.specification.orders[order].id);
        match deed {
            Deed::Confirm {
                payment, if_match, ..
            } => {
                let body = json!({"payment_reference": format!("{}-{payment}", self.name)});
                let answer = self
                    .post(path("confirm"), "payments", STAFF, *if_match, body)
                    .await;
                check(
                    deed,
                    &answer,
                    self.specification.confirm(order, *payment, *if_match),
                );
            }
            Deed::Cancel {
                customer, if_match, ..
            } => {
                let sub = self.customer(*customer);
                let answer = self
                    .post(path("cancel"), &sub, CUSTOMER, *if_match, json!({}))
                    .await;
                check(
                    deed,
                    &answer,
                    self.specification.cancel(*customer, order, *if_match),
                );
            }
            Deed::Read { customer, .. } => self.read(deed, *customer, order).await,
            other => panic!("{other:?} concerns no order"),
        }
    }

    async fn adjust(&mut self, deed: &Deed, sku: usize, key: u8, delta: i64) {
        let path = format!("/products/{}/stock", self.sku(sku));
        let headers = [("idempotency-key", format!("{}-{key}", self.name))];
        let body = json!({"delta": delta, "reason": "x"});
        let answer = self
            .send(http::Method::POST, path, "staff", STAFF, &headers, body)
            .await;
        let decided = (format!("adjust {sku}"), key);
        if self.check_decided(deed, &decided, &delta.to_string(), &answer) {
            return;
        }
        check(deed, &answer, self.specification.adjust(sku, delta));
        self.decide(decided, delta.to_string(), &answer);
    }

    async fn place(
        &mut self,
        deed: &Deed,
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
        if self.check_decided(deed, &decided, &request, &answer) {
            return;
        }
        check(deed, &answer, self.specification.place(&merged, price));
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

    async fn read(&self, deed: &Deed, customer: usize, order: usize) {
        let order = &self.specification.orders[order];
        let answer = self.shop.read(&self.customer(customer), &order.id).await;
        if order.customer != customer {
            return check(deed, &answer, (404, "not-found"));
        }
        check(deed, &answer, (200, ""));
        assert_eq!(answer.json()["status"], order.status);
        assert_eq!(
            answer.header("etag"),
            Some(format!("\"{}\"", order.version).as_str())
        );
    }

    /// If a key was used before, checks that the answer says so, byte for byte.
    fn check_decided(
        &self,
        deed: &Deed,
        key: &(String, u8),
        request: &str,
        answer: &Answer,
    ) -> bool {
        let Some(decided) = self.specification.decided.get(key) else {
            assert!(!answer.is_replay(), "{deed:?}");
            return false;
        };
        if decided.request == request {
            assert_eq!(
                (answer.status, &answer.body),
                (decided.status, &decided.body),
                "{deed:?}"
            );
            assert!(answer.is_replay(), "{deed:?}");
        } else {
            check(deed, answer, (422, "idempotency-key-reused"));
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

    /// Compares what is left in the end.
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
fn check(deed: &Deed, answer: &Answer, (status, reason): Expected) {
    assert_eq!(answer.status, status, "{deed:?}: {}", answer.body);
    if !reason.is_empty() {
        assert_eq!(answer.problem(), reason, "{deed:?}");
    }
}

#[test]
fn any_sequence_of_actions_is_answered_as_specified() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(crate::support::harness::made_up(CASES));
    let sequence = prop::collection::vec(deed(), 1..60);
    let number = std::cell::Cell::new(0_u32);
    let result = runner.run(&sequence, |deeds| {
        number.set(number.get() + 1);
        let name = format!("s{}", number.get());
        runtime.block_on(shop(async |shop| {
            let specification = Specification::default();
            let mut run = Run {
                shop,
                name,
                specification,
            };
            for deed in &deeds {
                run.act(deed).await;
            }
            run.check_stock().await;
        }));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
