//! Sends the requests of one sequence.

use serde_json::{Value, json};

use super::action::{Action, CUSTOMERS, Extras, SKUS};
use super::model::Expected;
use crate::support::harness::{Answer, Shop};

/// The clients of one sequence.
pub(super) struct Client<'shop> {
    pub(super) shop: &'shop Shop,
    /// A prefix that keeps the products, customers and payments of sequences apart.
    pub(super) name: String,
}

impl Client<'_> {
    pub(super) fn sku(&self, sku: usize) -> String {
        format!("{}-{}", self.name, SKUS[sku])
    }

    pub(super) fn customer(&self, customer: usize) -> String {
        format!("{}-{}", self.name, CUSTOMERS[customer])
    }

    pub(super) async fn send(
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

    pub(super) async fn post(
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
}

/// The members that carry an order's extras.
pub(super) fn carried(extras: Extras) -> impl Iterator<Item = (&'static str, Value)> {
    let reference = extras
        .reference
        .map(|number| ("reference", json!(format!("basket {number}"))));
    let metadata = extras.metadata.map(|number| {
        (
            "metadata",
            json!({"gift": "yes", "shelf": number.to_string()}),
        )
    });
    reference.into_iter().chain(metadata)
}

pub(super) fn etag(version: Option<i64>) -> Vec<(&'static str, String)> {
    version
        .map(|version| ("if-match", format!("\"{version}\"")))
        .into_iter()
        .collect()
}

#[track_caller]
pub(super) fn check(action: &Action, answer: &Answer, (status, reason): Expected) {
    assert_eq!(answer.status, status, "{action:?}: {}", answer.body);
    if !reason.is_empty() {
        assert_eq!(answer.problem(), reason, "{action:?}");
    }
}
