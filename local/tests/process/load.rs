//! Customers: each places an order under a key of its own, and then cancels it, confirms it, or waits.
//! Everything that the program answered is noted.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::books::{assert_sound, integer, is_order, text};
use crate::description::{Described, assert_described};
use crate::served::{Directory, Served};

/// How many customers order at the same time. So a kill or a fault hits requests at every stage.
pub(crate) const IN_FLIGHT: usize = 8;

/// An order that waits longer for its answer fails the test.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// What a customer's order became by an answer.
#[derive(Clone, Debug, PartialEq)]
struct Answered {
    body: String,
    /// The status by the last answer.
    status: &'static str,
}

/// The customers of one test, and their notes.
pub(crate) struct Load {
    http: Client,
    answered: BTreeMap<String, Answered>,
    keys: Vec<String>,
    received: i64,
}

/// The end of one customer's visit.
#[derive(Debug)]
enum Visit {
    /// All requests were answered, the last one after so long.
    Whole(Duration),
    /// The program ended before an answer.
    Broken,
}

impl Load {
    pub(crate) fn new() -> Self {
        let http = Client::builder().timeout(ANSWER_MAX).build().unwrap();
        Self {
            http,
            answered: BTreeMap::new(),
            keys: Vec::new(),
            received: 0,
        }
    }

    /// How many orders were answered.
    pub(crate) fn answered(&self) -> usize {
        self.answered.len()
    }

    /// Adds stock for `orders`, and sends them. `then` runs once `until` of them were answered; the
    /// others are under way or come later. Returns the longest wait for an answer.
    pub(crate) async fn run(
        &mut self,
        served: &Served,
        orders: usize,
        until: usize,
        then: impl AsyncFnOnce(),
    ) -> Duration {
        let round = self.keys.len();
        self.restock(served, round, orders).await;
        let keys: Vec<String> = (0..orders).map(|n| format!("key-{}", round + n)).collect();
        self.keys.extend(keys.clone());
        let (url, token) = (served.url.clone(), served.token.clone());
        let http = self.http.clone();
        let visits = stream::iter(keys.into_iter().enumerate()).map(|(number, key)| {
            let customer = Customer {
                http: &http,
                url: &url,
                token: &token,
                key,
            };
            async move { customer.visit(number).await }
        });
        let mut visits = Box::pin(visits.buffer_unordered(IN_FLIGHT));
        let mut longest = Duration::ZERO;
        let mut then = Some(then);
        let mut ended = 0;
        while let Some((key, answered, visit)) = visits.next().await {
            self.answered
                .extend(answered.map(|answered| (key, answered)));
            match visit {
                Visit::Whole(longest_here) => longest = longest.max(longest_here),
                Visit::Broken => assert!(then.is_none(), "no answer, though nothing was done yet"),
            }
            ended += 1;
            if ended == until
                && let Some(then) = then.take()
            {
                then().await;
            }
        }
        longest
    }

    async fn restock(&mut self, served: &Served, round: usize, orders: usize) {
        let delta = i64::try_from(orders).unwrap();
        let request = self
            .http
            .post(format!("{}/products/TEA-01/stock", served.url))
            .bearer_auth(&served.token)
            .header("idempotency-key", format!("restock-{round}"))
            .json(&json!({"delta": delta, "reason": "a test"}));
        assert_eq!(request.send().await.unwrap().status(), 201);
        self.received += delta;
    }

    /// Sends every order once more, answered or not, and compares: each answer is as it was, each key
    /// counts once, no answered change is lost, and the books agree.
    pub(crate) async fn check(&self, served: &Served, directory: &Directory) {
        for key in &self.keys {
            let customer = Customer {
                http: &self.http,
                url: &served.url,
                token: &served.token,
                key: key.clone(),
            };
            let again = customer.place().await.unwrap();
            assert_eq!(again.code, 201, "{key}: {}", again.body);
            if let Some(first) = self.answered.get(key) {
                assert_eq!(again.body, first.body, "{key}");
                assert!(again.replayed, "{key} was answered, and is placed anew");
                if first.status != "pending" {
                    assert_eq!(again.status, first.status, "{key}");
                }
            }
        }
        let items = served.items(directory).await;
        assert_sound(&items);
        let orders = items.iter().filter(|item| is_order(item));
        assert_eq!(orders.clone().count(), self.keys.len());
        let taken = orders
            .filter(|order| text(order, "status") != "cancelled")
            .count();
        let stock = items
            .iter()
            .find(|item| text(item, "pk") == "SKU#TEA-01" && text(item, "sk") == "STOCK#0");
        let stock = stock.unwrap();
        assert_eq!(integer(stock, "taken"), i64::try_from(taken).unwrap());
        assert!(self.received <= integer(stock, "received"));
    }
}

/// The parts of an answer that a repeat must have too.
struct Answer {
    code: u16,
    body: String,
    replayed: bool,
    status: String,
}

struct Customer<'a> {
    http: &'a Client,
    url: &'a str,
    token: &'a str,
    key: String,
}

impl Customer<'_> {
    /// Places the order. Of three customers one also cancels it, and one confirms it.
    async fn visit(self, number: usize) -> (String, Option<Answered>, Visit) {
        let began = now();
        let Some(placed) = self.place().await else {
            return (self.key, None, Visit::Broken);
        };
        assert_eq!(placed.code, 201, "{}: {}", self.key, placed.body);
        let mut longest = began.elapsed();
        let mut answered = Answered {
            body: placed.body,
            status: "pending",
        };
        let order: Value = serde_json::from_str(&answered.body).unwrap();
        let url = format!("{}/orders/{}", self.url, order["id"].as_str().unwrap());
        let change = match number % 3 {
            0 => None,
            1 => Some((self.http.post(format!("{url}/cancel")), "cancelled")),
            _ => {
                let payment = json!({"payment_reference": format!("pay-{}", self.key)});
                Some((
                    self.http.post(format!("{url}/confirm")).json(&payment),
                    "confirmed",
                ))
            }
        };
        if let Some((request, status)) = change {
            let began = now();
            let Some(changed) = self.send(request).await else {
                return (self.key, Some(answered), Visit::Broken);
            };
            assert_eq!(changed.code, 200, "{}: {}", self.key, changed.body);
            longest = longest.max(began.elapsed());
            answered.status = status;
        }
        (self.key, Some(answered), Visit::Whole(longest))
    }

    async fn place(&self) -> Option<Answer> {
        let body = json!({
            "currency": "KRW",
            "lines": [{"sku": "TEA-01", "quantity": 1, "unit_price": 19_900}],
        });
        let request = self.http.post(format!("{}/orders", self.url));
        self.send(request.header("idempotency-key", &self.key).json(&body))
            .await
    }

    /// The answer. `None` if the program ended before it.
    async fn send(&self, request: RequestBuilder) -> Option<Answer> {
        let sent = request.bearer_auth(self.token).send().await;
        if let Err(error) = &sent {
            assert!(
                !error.is_timeout(),
                "{}: no answer within {ANSWER_MAX:?}",
                self.key
            );
        }
        let answer = sent.ok()?;
        let (code, path) = (answer.status().as_u16(), answer.url().path().to_owned());
        let headers = answer.headers().clone();
        let body = answer.text().await.ok()?;
        assert_described(&Described {
            method: &Method::POST,
            path: &path,
            status: code,
            headers: &headers,
            body: &body,
        });
        let header = |name| Some(headers.get(name)?.to_str().unwrap().to_owned());
        Some(Answer {
            code,
            replayed: header("idempotent-replayed").is_some_and(|value| value == "true"),
            status: header("order-status").unwrap_or_default(),
            body,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long a real program takes"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
