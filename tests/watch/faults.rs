//! Breaking a running server by its page, and mending it.

use http::Method;

use super::load::Load;
use super::stage::Stage;
use crate::support::harness::Answer;

async fn ask(stage: &Stage, method: Method, body: &'static str) -> Answer {
    let request = stage.shop.request(method, "/_local/fault");
    request.body(body).send().await
}

#[tokio::test]
async fn a_service_is_broken_and_mended_by_a_request() {
    let mut stage = Stage::deploy().await;
    let answer = ask(&stage, Method::GET, "").await;
    assert_eq!(answer.assert(200).body, "nothing is broken\n");
    let answer = ask(&stage, Method::POST, "dynamodb=error orders=slow:1s").await;
    assert_eq!(
        answer.assert(200).body,
        "dynamodb=error\norders=slow:1000ms\n"
    );
    let key = stage.next_key();
    stage.shop.place(&key, "TEA-01", 1).await.assert(503);
    let answer = ask(&stage, Method::POST, "dynamodb=broken").await;
    assert!(
        answer.assert(400).body.contains("it can be error"),
        "{}",
        answer.body
    );
    let answer = ask(&stage, Method::DELETE, "").await;
    assert_eq!(answer.assert(200).body, "nothing is broken\n");
    stage.shop.get("/products").send().await.assert(200);
    // A page of any origin could send a simple request.
    let request = stage.shop.post("/_local/fault").body("dynamodb=error");
    let answer = request
        .header("origin", "https://evil.example")
        .send()
        .await;
    answer.assert(403);
    stage.minute(Load::Orders(0)).await;
    stage.stop().await;
}

#[tokio::test]
async fn the_alarms_and_the_mails_have_pages() {
    let mut stage = Stage::deploy().await;
    stage.quiet_minute().await;
    let alarms = stage.shop.get("/_local/alarms").send().await;
    let alarms = alarms.assert(200).json();
    assert_eq!(alarms["speed"], 1);
    assert!(30 < alarms["alarms"].as_array().unwrap().len());
    let mail = stage.shop.get("/_local/mail").send().await;
    assert!(
        mail.assert(200).body.contains("This machine sends none"),
        "{}",
        mail.body
    );
    stage
        .watching
        .set_alarm_state("surefire-alerts-wait", watch::State::Alarm, "a test");
    let mail = stage.shop.get("/_local/mail").send().await;
    assert!(
        mail.body.contains("To:      on-call@shop.example"),
        "{}",
        mail.body
    );
    stage.stop().await;
}

#[tokio::test]
async fn an_alarm_whose_state_is_set_goes_the_whole_way_to_discord() {
    let mut stage = Stage::deploy().await;
    stage.quiet_minute().await;
    let before = stage.shop.running.discord.messages().len();
    let name = "surefire-delivery-test";
    stage
        .watching
        .set_alarm_state(name, watch::State::Alarm, "a test")
        .unwrap();
    assert_eq!(
        stage.watching.deliver().await,
        1,
        "one message was in the queue"
    );
    let messages = stage.shop.running.discord.messages();
    assert_eq!(messages.len(), before + 1);
    assert!(
        messages[before]
            .line()
            .contains("ALARM · surefire-delivery-test")
    );
    stage.stop().await;
}
