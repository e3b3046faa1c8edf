//! A server before the database that asks it for the units of every request, and adds them up.
//!
//! It is used for counting only: no time is measured through it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use database::Forward;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::Fallible;

/// The server.
#[derive(Debug)]
pub(crate) struct Meter {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    read: Arc<Mutex<Metered>>,
}

/// What was requested.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Metered {
    pub(crate) requests: u64,
    pub(crate) units: f64,
}

struct Way {
    database: Forward,
    read: Arc<Mutex<Metered>>,
}

impl Meter {
    pub(crate) async fn start(target: &str) -> Fallible<Self> {
        let read = Arc::new(Mutex::new(Metered::default()));
        let way = Arc::new(Way {
            database: Forward::to(&format!("http://{target}")),
            read: Arc::clone(&read),
        });
        let router = Router::new().fallback(pass).with_state(way);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, read })
    }

    /// What was requested since the last call.
    pub(crate) fn take(&self) -> Metered {
        std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn pass(State(way): State<Arc<Way>>, headers: HeaderMap, body: Bytes) -> Response {
    match way.send(&headers, &body).await {
        Ok((status, answer)) => {
            let kind = [("content-type", "application/x-amz-json-1.0")];
            (status, kind, Body::from(answer)).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Way {
    async fn send(&self, headers: &HeaderMap, body: &Bytes) -> Fallible<(StatusCode, Bytes)> {
        let mut asked: Value = serde_json::from_slice(body)?;
        if let Some(members) = asked.as_object_mut() {
            members.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
        }
        let asked = Bytes::from(asked.to_string());
        let (status, body) = self.database.send(headers, asked).await?;
        let units = units(&serde_json::from_slice(&body)?);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.requests += 1;
        read.units += units;
        Ok((StatusCode::from_u16(status)?, body))
    }
}

/// The units of an answer: one entry, or one for each table.
fn units(answer: &Value) -> f64 {
    let of = |entry: &Value| entry["CapacityUnits"].as_f64().unwrap_or_default();
    match &answer["ConsumedCapacity"] {
        Value::Array(entries) => entries.iter().map(of).sum(),
        entry => of(entry),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(answer: &Value, expected: f64) {
        assert!((units(answer) - expected).abs() < f64::EPSILON, "{answer}");
    }

    #[test]
    fn the_units_of_all_tables_are_added() {
        check(&json!({"ConsumedCapacity": {"CapacityUnits": 1.5}}), 1.5);
        let two = json!([{"CapacityUnits": 4.0}, {"CapacityUnits": 3.0}]);
        check(&json!({"ConsumedCapacity": two}), 7.0);
        check(&json!({}), 0.0);
    }
}
