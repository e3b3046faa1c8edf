//! Runs the code of `docs/front-end.md` in a page, on a network that fails.

use http::StatusCode;
use local::serve::Options;
use serde_json::{Value, json};

use super::stage::{Stage, stage};
use crate::support::between::Fate;
use crate::support::harness::{line, order_of};

/// Places `orders`, with one attempt for each. A call of an attempt that ends without an answer is
/// repeated, twice at most. The timer does not wait; it only records how long it would have waited.
const PLACE: &str = r#"
    const [{api, orders, tokens}, done] = arguments;
    const pauses = [], asked = [], answers = [];
    const token = async (fresh) => { asked.push(fresh); return tokens[fresh ? 1 : 0]; };
    const run = async () => {
        for (const order of orders) {
            const attempt = window.surefire.newAttempt(order);
            for (let calls = 0; calls < 3; calls += 1) {
                try {
                    const {status, headers, text} = await window.surefire.place(api, attempt, token);
                    answers.push({status, replayed: headers.get("idempotent-replayed"), body: JSON.parse(text)});
                    break;
                } catch (error) {
                    answers.push({error: error.message});
                }
            }
        }
    };
    // The timer is replaced later, because some drivers set a timer right after this script.
    setTimeout(() => {
        window.setTimeout = (callback, pause) => { pauses.push(pause); queueMicrotask(callback); };
        run().then(() => done({answers, pauses, asked}), (error) => done({failed: String(error)}));
    });
"#;

const UNKNOWN: &str = "Nobody knows yet whether the order was placed.";

async fn place(stage: &Stage<'_>, orders: Value, tokens: [&str; 2]) -> Value {
    stage.page.open(&stage.allowed.origin).await;
    let argument = json!({"api": stage.api.url, "orders": orders, "tokens": tokens});
    stage.page.run(PLACE, argument).await
}

fn order(sku: &str, quantity: i64) -> Value {
    order_of(&[line(sku, quantity)])
}

/// A 503 with the CORS headers that the edge adds, so that a page can read it.
fn busy(stage: &Stage<'_>, retry_after: &str) -> Fate {
    Fate::Answered {
        status: StatusCode::SERVICE_UNAVAILABLE,
        headers: vec![
            ("access-control-allow-origin", stage.allowed.origin.clone()),
            ("access-control-expose-headers", "retry-after".to_owned()),
            ("retry-after", retry_after.to_owned()),
        ],
        body: r#"{"message":"Service Unavailable"}"#.to_owned(),
    }
}

fn distinct(keys: &[String]) -> usize {
    keys.iter().collect::<std::collections::BTreeSet<_>>().len()
}

#[tokio::test]
async fn slow_the_documented_code_places_one_order_on_a_network_that_loses_answers() {
    stage(Options::in_memory(), async |stage| {
        stage.shop.stock("TEA-01", 10).await;
        let token = stage.token();
        stage.next([
            Fate::RequestLost,
            // From here on the order is placed, but the page does not know it.
            Fate::AnswerLost,
            busy(stage, "3"),
            Fate::AnswerCut,
        ]);
        let placed = place(stage, json!([order("TEA-01", 2)]), [&token, &token]).await;
        let [answer] = placed["answers"].as_array().unwrap().as_slice() else {
            panic!("{placed}");
        };
        assert_eq!(answer["status"], 201, "{placed}");
        assert_eq!(answer["replayed"], "true");
        let keys = stage.keys();
        assert_eq!((keys.len(), distinct(&keys)), (5, 1), "{keys:?}");
        assert_eq!(stage.shop.count_orders().await, 1);
        assert_eq!(stage.shop.available("TEA-01").await, 8);

        // Each pause is a random time within its bounds. `Retry-After` raises the bounds.
        let pauses = placed["pauses"].as_array().unwrap();
        let bounds = [(0., 250.), (0., 500.), (3_000., 4_000.), (0., 2_000.)];
        assert_eq!(pauses.len(), bounds.len(), "{placed}");
        let share = |(pause, (least, most)): (&Value, (f64, f64))| {
            (pause.as_f64().unwrap() - least) / (most - least)
        };
        let shares: Vec<f64> = pauses.iter().zip(bounds).map(share).collect();
        assert!(
            shares.iter().all(|share| (0. ..1.).contains(share)),
            "{placed}"
        );
        let jitter = shares.iter().any(|share| 0.001 < (share - shares[0]).abs());
        assert!(jitter, "{placed}");
    })
    .await;
}

#[tokio::test]
async fn slow_the_documented_code_gives_up_and_later_continues_with_the_same_key() {
    stage(Options::in_memory(), async |stage| {
        stage.shop.stock("TEA-01", 10).await;
        let token = stage.token();
        stage.next([Fate::AnswerLost]);
        stage.next((1..7).map(|_| Fate::RequestLost));
        let placed = place(stage, json!([order("TEA-01", 1)]), [&token, &token]).await;
        assert_eq!(placed["answers"][0], json!({"error": UNKNOWN}), "{placed}");
        assert_eq!(placed["answers"][1]["status"], 201, "{placed}");
        assert_eq!(placed["answers"][1]["replayed"], "true");
        let keys = stage.keys();
        assert_eq!((keys.len(), distinct(&keys)), (8, 1), "{keys:?}");
        assert_eq!(stage.shop.count_orders().await, 1);
    })
    .await;
}

#[tokio::test]
async fn slow_the_documented_code_makes_a_new_key_after_a_final_answer() {
    stage(Options::in_memory(), async |stage| {
        stage.shop.stock("TEA-01", 1).await;
        let token = stage.token();
        let orders = json!([
            order("TEA-01", 2),
            order("NONE", 1),
            order("TEA-01", 0),
            order("TEA-01", 1)
        ]);
        let placed = place(stage, orders, [&token, &token]).await;
        let answers = placed["answers"].as_array().unwrap();
        let statuses: Vec<_> = answers.iter().map(|answer| &answer["status"]).collect();
        assert_eq!(statuses, [409, 422, 400, 201], "{placed}");
        assert_eq!(answers[0]["body"]["lines"][0]["available"], 1);
        assert_eq!(placed["pauses"], json!([]));
        let keys = stage.keys();
        assert_eq!((keys.len(), distinct(&keys)), (4, 4), "{keys:?}");
        // As `crypto.randomUUID` writes them.
        assert!(keys.iter().all(|key| key.len() == 36), "{keys:?}");
    })
    .await;
}

#[tokio::test]
async fn slow_the_documented_code_refreshes_a_refused_token_only_once() {
    stage(Options::in_memory(), async |stage| {
        stage.shop.stock("TEA-01", 10).await;
        let token = stage.token();
        let orders = json!([order("TEA-01", 1)]);
        let placed = place(stage, orders.clone(), ["expired", &token]).await;
        assert_eq!(placed["answers"][0]["status"], 201, "{placed}");
        assert_eq!(placed["asked"], json!([false, true]));
        assert_eq!(placed["pauses"], json!([]));
        let keys = stage.keys();
        assert_eq!((keys.len(), distinct(&keys)), (2, 1), "{keys:?}");

        let placed = place(stage, orders, ["expired", "expired too"]).await;
        assert_eq!(placed["answers"].as_array().unwrap().len(), 1, "{placed}");
        assert_eq!(placed["answers"][0]["status"], 403, "{placed}");
        assert_eq!(placed["asked"], json!([false, true]));
        assert_eq!(stage.keys().len(), 4);
        assert_eq!(stage.shop.count_orders().await, 1);
    })
    .await;
}

/// Presses the documented button twice in a row, and waits for its message.
const PRESS_TWICE: &str = r##"
    const [_, done] = arguments;
    const outcome = document.querySelector("#outcome");
    new MutationObserver(() => done(outcome.value)).observe(outcome, {childList: true, characterData: true, subtree: true});
    document.querySelector("#order").click();
    document.querySelector("#order").click();
"##;

#[tokio::test]
async fn slow_the_documented_button_orders_once_however_often_it_is_pressed() {
    stage(Options::in_memory(), async |stage| {
        stage.shop.stock("TEA-01", 1).await;
        stage.fill_basket("TEA-01");
        stage
            .page
            .open(&format!("{}/button", stage.allowed.origin))
            .await;
        stage.next([Fate::AnswerLost]);
        let said = stage.page.run(PRESS_TWICE, Value::Null).await;
        assert!(
            said.as_str().unwrap().starts_with("Thank you: ord_"),
            "{said}"
        );
        let keys = stage.keys();
        assert_eq!((keys.len(), distinct(&keys)), (2, 1), "{keys:?}");
        // After a final answer, the button places a new order. The last piece is sold by now.
        let said = stage.page.run(PRESS_TWICE, Value::Null).await;
        assert_eq!(said, "TEA-01 has 0 left, 1 were asked for.");
        assert_eq!(distinct(&stage.keys()), 2);
        assert_eq!(stage.shop.count_orders().await, 1);
    })
    .await;
}

/// Presses the documented button, and waits for its message. The pauses between tries take no time.
const PRESS: &str = r##"
    const [_, done] = arguments;
    // The timer is replaced later, because some drivers set a timer right after this script.
    setTimeout(() => {
        window.setTimeout = (callback) => queueMicrotask(callback);
        const outcome = document.querySelector("#outcome");
        new MutationObserver(() => done(outcome.value)).observe(outcome, {childList: true, characterData: true, subtree: true});
        document.querySelector("#order").click();
    });
"##;

#[tokio::test]
async fn slow_the_documented_button_thanks_for_no_order_that_has_expired_since() {
    stage(Options::in_memory(), async |stage| {
        stage.shop.stock("TEA-01", 1).await;
        stage.fill_basket("TEA-01");
        let button = format!("{}/button", stage.allowed.origin);
        stage.page.open(&button).await;
        stage.next([Fate::AnswerLost]);
        stage.next((1..7).map(|_| Fate::RequestLost));
        let said = stage.page.run(PRESS, Value::Null).await;
        assert!(
            said.as_str().unwrap().starts_with("We do not know yet"),
            "{said}"
        );
        // The user comes back when the hold is over.
        stage.shop.pass_seconds(900 + 30 + 1);
        assert_eq!(stage.shop.sweep().await["expired"], 1);
        let said = stage.page.run(PRESS, Value::Null).await;
        assert_eq!(
            said,
            "This order has ended, and nothing is reserved. Please order again."
        );
        let keys = stage.keys();
        assert_eq!((keys.len(), distinct(&keys)), (8, 1), "{keys:?}");
        // Pressed once more, it is a new order.
        let said = stage.page.run(PRESS, Value::Null).await;
        assert!(
            said.as_str().unwrap().starts_with("Thank you: ord_"),
            "{said}"
        );
        assert_eq!(distinct(&stage.keys()), 2);
    })
    .await;
}
