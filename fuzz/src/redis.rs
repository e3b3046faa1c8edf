//! The target of what Redis remembers: no entry changes the answer to a repeated order.

use std::cell::LazyCell;
use std::sync::{Arc, Mutex};

use arbitrary::Unstructured;
use futures::FutureExt as _;
use orders::turns::{Exchange, Question, Redis, Reply};
use orders::{App, handle};
use serde_json::{Value, json};
use shared::as_is::AsIs;

use crate::document::changed;
use crate::stage::{block_on, orders, request, sample};

const NAMES: [&str; 20] = [
    "version",
    "record",
    "pk",
    "sk",
    "status",
    "fingerprint",
    "fingerprint_version",
    "answer_version",
    "answer",
    "answer_status",
    "expires_at",
    "lines",
    "delta",
    "available",
    "created_at",
    "rejected",
    "cancelled",
    "pending",
    "ORDER",
    "owner",
];

/// A function whose Redis answers what a target decides.
struct Decided {
    app: App,
    answer: Arc<Mutex<Option<String>>>,
    /// Requests, their first answers, and the entries that Redis got.
    first: Vec<(Value, (u16, String), Value)>,
}

thread_local! {
    static DECIDED: LazyCell<Decided> = LazyCell::new(Decided::new);
}

impl Decided {
    fn new() -> Self {
        let answer = Arc::<Mutex<Option<String>>>::default();
        let entries = Arc::<Mutex<Vec<String>>>::default();
        let (asked, kept) = (Arc::clone(&answer), Arc::clone(&entries));
        let exchange: Exchange = Arc::new(move |question| {
            let reply = match question {
                Question::Enter { .. } => match asked.lock().unwrap().clone() {
                    Some(entry) => Reply::Decided(entry),
                    None => Reply::Turn,
                },
                Question::Leave { entry, .. } => {
                    kept.lock().unwrap().extend(entry);
                    Reply::Left
                }
            };
            futures::future::ready(Ok(reply)).boxed()
        });
        let app = orders().with_redis(Redis::played(exchange, "orders"));
        let mut decided = Self {
            app,
            answer,
            first: Vec::new(),
        };
        decided.ask(&sample(include_str!(
            "../../events/orders/put-product-new.json"
        )));
        let order = sample(include_str!("../../events/orders/place-replay.json"));
        let mut stock = sample(include_str!("../../events/orders/adjust-stock.json"));
        // The product that the sample describes.
        let product = sample(include_str!("../../events/orders/put-product-new.json"));
        stock["pathParameters"] = product["pathParameters"].clone();
        let sku = product["pathParameters"]["sku"].clone();
        let described: Value = serde_json::from_str(product["body"].as_str().unwrap()).unwrap();
        let placed = |key: &str, quantity: i64| {
            let mut event = order.clone();
            event["headers"]["idempotency-key"] = key.into();
            let line =
                json!({"sku": sku, "quantity": quantity, "unit_price": described["unit_price"]});
            event["body"] = json!({"currency": described["currency"], "lines": [line]})
                .to_string()
                .into();
            event
        };
        for (event, status) in [
            (stock, 201),
            (placed("placed", 1), 201),
            (placed("refused", 999_999), 409),
        ] {
            let first = decided.ask(&event);
            assert_eq!(first.0, status, "{}", first.1);
            let entry = entries.lock().unwrap().pop().unwrap();
            decided
                .first
                .push((event, first, serde_json::from_str(&entry).unwrap()));
        }
        decided
    }

    fn ask(&self, event: &Value) -> (u16, String) {
        let Ok(AsIs(response)) = block_on(handle(&self.app, request(event).unwrap()));
        let body = std::str::from_utf8(response.body()).unwrap().to_owned();
        (response.status().as_u16(), body)
    }
}

/// Redis answers a repeat with the input's bytes, or with a changed entry.
pub(crate) fn entry(data: &[u8]) {
    DECIDED.with(|decided| {
        let mut input = Unstructured::new(data);
        let which = input.choose_index(decided.first.len()).unwrap_or(0);
        let Some((event, first, entry)) = decided.first.get(which) else {
            return;
        };
        let bytes = input.arbitrary().unwrap_or(false);
        let text = if bytes {
            String::from_utf8_lossy(input.take_rest()).into_owned()
        } else {
            changed(&mut input, entry.clone(), &NAMES).to_string()
        };
        *decided.answer.lock().unwrap() = Some(text);
        let again = decided.ask(event);
        *decided.answer.lock().unwrap() = None;
        // Whoever can write to Redis can forge the answer to a repeat of what can never change, but
        // the answer is a final one.
        assert!(again.0 == 201 || again.0 / 100 == 4, "{again:?}");
        let is_order = event["routeKey"] == "POST /orders" && first.0 == 201;
        if is_order || bytes {
            assert_eq!(again, *first);
        }
    });
}
