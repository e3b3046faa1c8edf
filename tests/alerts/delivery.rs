//! What Discord answers, and what the forwarder does next.

use std::time::Duration;

use alert_forwarder::Timeouts;
use discord::fault::{Fault, RetryAfter};
use discord::message::Message;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::stage::{Setting, Stage, alarm, sample_event};

fn limited(retry_after: RetryAfter) -> Fault {
    Fault::Limited {
        retry_after,
        global: false,
        shared: false,
    }
}

/// Whether a message has the label of a possible duplicate.
pub(super) fn is_labelled(message: &Message) -> bool {
    let footer = message
        .embeds
        .first()
        .map(|embed| embed["footer"]["text"].to_string());
    footer
        .unwrap_or_else(|| message.content.clone())
        .contains("possible duplicate")
}

/// Answers the first call with a fault. Returns after how many milliseconds the message was delivered.
async fn delay_of(fault: Fault) -> i64 {
    let stage = Stage::usual().await;
    stage.discord.fail([fault]);
    let begin = stage.world.now().as_millisecond();
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(stage.discord.messages().len(), 1);
    assert!(!is_labelled(&stage.discord.messages()[0]));
    assert_eq!(stage.posts().len(), 2);
    stage.world.now().as_millisecond() - begin
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_wherever_discord_says_the_wait() {
    assert_eq!(delay_of(limited(RetryAfter::Float(1.25))).await, 1_250);
    assert_eq!(delay_of(limited(RetryAfter::Integer(3))).await, 3_000);
    assert_eq!(delay_of(limited(RetryAfter::Header(4))).await, 4_000);
    let milliseconds = limited(RetryAfter::Milliseconds(1_873));
    assert_eq!(delay_of(milliseconds).await, 1_873);
    let shared = Fault::Limited {
        retry_after: RetryAfter::Float(0.5),
        global: false,
        shared: true,
    };
    assert_eq!(delay_of(shared).await, 500);
    let edge = Fault::LimitedByEdge {
        retry_after: Some(5),
    };
    assert_eq!(delay_of(edge).await, 5_000);
}

/// Answers the first call with a fault. Returns for how many seconds the record is hidden.
async fn hidden_by(fault: Fault) -> u64 {
    let stage = Stage::usual().await;
    stage.discord.fail([fault]);
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert_eq!(
        stage.posts().len(),
        1,
        "no call is made before the wait is over"
    );
    assert!(stage.discord.messages().is_empty());
    let hidden = stage.aws.hidden.lock().unwrap()["handle-a"];
    // It comes back after that time, without a label: the first try cannot have arrived.
    stage.clock.advance(Duration::from_secs(hidden));
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert!(!is_labelled(&stage.discord.messages()[0]));
    hidden
}

#[tokio::test]
async fn a_wait_longer_than_the_time_left_hides_the_record_for_that_long() {
    assert_eq!(hidden_by(limited(RetryAfter::Float(40.2))).await, 41);
    assert_eq!(hidden_by(limited(RetryAfter::Confirmed(300))).await, 300);
    assert_eq!(
        hidden_by(limited(RetryAfter::Milliseconds(90_000))).await,
        90
    );
    assert_eq!(hidden_by(limited(RetryAfter::Missing)).await, 60);
    assert_eq!(
        hidden_by(Fault::LimitedByEdge { retry_after: None }).await,
        60
    );
}

#[tokio::test]
async fn a_wait_over_a_minute_that_the_bucket_does_not_confirm_hides_the_record_for_a_minute() {
    assert_eq!(hidden_by(limited(RetryAfter::Integer(1_873))).await, 60);
    assert_eq!(hidden_by(limited(RetryAfter::Header(300))).await, 60);
    let edge = Fault::LimitedByEdge {
        retry_after: Some(900),
    };
    assert_eq!(hidden_by(edge).await, 60);
}

#[tokio::test]
async fn a_wait_that_no_clock_can_reach_is_the_longest_wait_and_not_a_call_at_once() {
    for wait in [f64::MAX, 1e19, 1e18, 1e12] {
        let limit = limited(RetryAfter::Float(wait));
        assert_eq!(hidden_by(limit).await, 60, "{wait}");
    }
    let confirmed = limited(RetryAfter::Confirmed(1_000_000_000_000_000_000));
    assert_eq!(hidden_by(confirmed).await, 7_200);
}

#[tokio::test]
async fn a_limit_holds_the_routes_of_its_webhook_and_a_global_one_holds_all() {
    let routes = r#"[{"name": "a", "match": {"name": "a*"}, "webhook": "one"},
        {"name": "b", "match": {"name": "b*"}, "webhook": "one"},
        {"name": "c", "match": {"name": "c*"}, "webhook": "two"}]"#;
    let secret = r#"{"one": "HOST/api/webhooks/1/TOKEN", "two": "HOST/api/webhooks/2/TOKEN"}"#;
    for (global, calls) in [(true, 1), (false, 2)] {
        let stage = Stage::set(Setting {
            routes: Some(routes),
            secret: Some(secret),
            ..Setting::default()
        })
        .await;
        stage.discord.fail([Fault::Limited {
            retry_after: RetryAfter::Integer(600),
            global,
            shared: false,
        }]);
        stage
            .handed_back(&[alarm("a1"), alarm("b1"), alarm("c1")])
            .await;
        assert_eq!(stage.posts().len(), calls, "global: {global}");
    }
}

#[tokio::test]
async fn the_next_call_waits_for_an_empty_bucket() {
    let stage = Stage::usual().await;
    let alarms: Vec<_> = (0..10).map(|number| alarm(&format!("a{number}"))).collect();
    for batch in alarms.chunks(5) {
        assert!(stage.handed_back(batch).await.is_empty());
    }
    let statuses: Vec<_> = stage.posts().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(200); 10], "no call exceeded the limit");
}

#[tokio::test]
async fn a_failed_call_is_retried_and_handed_back_after_three_failures() {
    let stage = Stage::usual().await;
    stage.discord.fail([Fault::Status(500)]);
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(stage.discord.messages().len(), 1);
    assert!(!is_labelled(&stage.discord.messages()[0]));

    stage.discord.script(|_| Some(Fault::Status(502)));
    assert_eq!(stage.handed_back(&[alarm("b")]).await, ["b"]);
    assert_eq!(stage.posts().len(), 2 + 3);
    assert_eq!(stage.metric("AlertHandedBack"), 1);
    assert_eq!(stage.metric("AlertDelivered"), 1);
    assert_eq!(stage.aws.hidden.lock().unwrap()["handle-b"], 30);

    // The gateway may have lost an answer, so the next message has the label.
    stage.discord.script(|_| None);
    stage.clock.advance(Duration::from_secs(30));
    assert!(stage.handed_back(&[alarm("b")]).await.is_empty());
    assert!(is_labelled(&stage.discord.messages()[1]));
}

#[tokio::test]
async fn without_a_connection_the_message_was_certainly_not_sent() {
    // With a full backlog, the kernel drops every further attempt to connect.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener: TcpListener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let _filling = [
        TcpStream::connect(address).await,
        TcpStream::connect(address).await,
    ];
    let stage = Stage::set(Setting {
        discord_url: Some(format!("http://{address}")),
        timeouts: Some(Timeouts {
            connect: Duration::from_millis(50),
            ..Timeouts::default()
        }),
        ..Setting::default()
    })
    .await;
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert!(stage.logged("connecting took too long"));

    let items = stage
        .table
        .scan()
        .table_name("alerts")
        .send()
        .await
        .unwrap();
    let claims = items
        .items()
        .iter()
        .filter(|item| item["pk"].as_s().unwrap().starts_with("seen#"));
    assert_eq!(claims.count(), 0, "the claim is released at once");
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_sent_again_with_a_label() {
    for fault in [Fault::AcceptThenHang, Fault::AcceptThenDrop] {
        let stage = Stage::set(Setting {
            timeouts: Some(Timeouts {
                total: Duration::from_millis(400),
                ..Timeouts::default()
            }),
            ..Setting::default()
        })
        .await;
        stage.discord.fail([fault]);
        assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
        let labels: Vec<bool> = stage.discord.messages().iter().map(is_labelled).collect();
        assert_eq!(labels, [false, true]);
    }
}

#[tokio::test]
async fn another_instance_labels_a_message_that_may_have_been_sent() {
    let stage = Stage::usual().await;
    stage
        .discord
        .fail([Fault::AcceptThenDrop, Fault::Drop, Fault::Drop]);
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    stage.clock.advance(Duration::from_secs(30));
    let other = stage.another_instance();
    let event = stage.event(
        serde_json::json!({"Records": [alarm("a")]}),
        Duration::from_secs(20),
    );
    alert_forwarder::handle(&other, event).await.unwrap();
    let labels: Vec<bool> = stage.discord.messages().iter().map(is_labelled).collect();
    assert_eq!(labels, [false, true]);
}

#[tokio::test]
async fn no_failure_logs_the_token_of_the_webhook() {
    // Every stage searches its log for the token. Here it has every fault.
    let faults = [
        limited(RetryAfter::Float(0.1)),
        Fault::LimitedByEdge {
            retry_after: Some(1),
        },
        Fault::Status(500),
        Fault::Status(504),
        Fault::Status(302),
        Fault::Status(418),
        Fault::Refuse,
        Fault::Forbid,
        Fault::Hang,
        Fault::AcceptThenHang,
        Fault::Drop,
        Fault::AcceptThenDrop,
        Fault::BrokenAnswer,
        Fault::NoContent,
    ];
    for fault in faults {
        let stage = Stage::set(Setting {
            timeouts: Some(Timeouts {
                total: Duration::from_millis(200),
                ..Timeouts::default()
            }),
            ..Setting::default()
        })
        .await;
        stage.discord.fail([fault.clone(), fault.clone(), fault]);
        stage.handed_back(&[alarm("a")]).await;
        stage.discord.remove_webhook("7");
        stage.handed_back(&[alarm("b")]).await;
    }
    let nobody = Stage::set(Setting {
        discord_url: Some("http://127.0.0.1:1".to_owned()),
        ..Setting::default()
    })
    .await;
    assert_eq!(nobody.handed_back(&[alarm("a")]).await, ["a"]);
    assert!(nobody.logged("no connection"));
}

#[tokio::test]
async fn an_accepted_message_without_a_body_counts_as_sent() {
    let stage = Stage::usual().await;
    stage.discord.fail([Fault::NoContent, Fault::BrokenAnswer]);
    assert!(
        stage
            .handed_back(&[alarm("a"), alarm("b")])
            .await
            .is_empty()
    );
    assert!(
        stage
            .handed_back(&[alarm("a"), alarm("b")])
            .await
            .is_empty()
    );
    assert_eq!(stage.discord.messages().len(), 2);
    assert_eq!(stage.metric("AlertDuplicateSuppressed"), 2);
}

#[tokio::test]
async fn every_call_waits_for_the_result_and_names_its_user_agent() {
    let stage = Stage::set(Setting {
        routes: Some(r#"[{"name": "all", "thread_id": "123456789012345678"}]"#),
        ..Setting::default()
    })
    .await;
    stage.handed_back(&[alarm("a")]).await;
    let posts = stage.posts();
    assert_eq!(
        posts[0].query,
        "thread_id=123456789012345678&wait=true&with_components=true"
    );
    assert_eq!(posts[0].version.as_deref(), Some("v10"));
    assert!(posts[0].user_agent.starts_with("DiscordBot (https://"));
    assert_eq!(
        stage.discord.messages()[0].thread_id.as_deref(),
        Some("123456789012345678")
    );
}

#[tokio::test]
async fn an_alarm_reaches_the_channel_from_every_way_of_invoking() {
    for name in [
        "metric-alarm",
        "metric-alarm-without-description",
        "alarm-direct",
        "alarm-eventbridge",
        "lambda-destination",
    ] {
        let stage = Stage::usual().await;
        let answer = stage.invoke(sample_event(name)).await.unwrap();
        assert_eq!(stage.discord.messages().len(), 1, "{name}: {answer}");
        // Lambda retries an invocation that it considers failed.
        stage.invoke(sample_event(name)).await.unwrap();
        assert_eq!(stage.discord.messages().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn an_invocation_without_a_queue_fails_as_a_whole_and_is_retried() {
    let stage = Stage::usual().await;
    stage.discord.script(|_| Some(Fault::Status(503)));
    let error = stage
        .invoke(sample_event("alarm-direct"))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("1 of the invocation's messages"),
        "{error}"
    );
}

#[tokio::test]
async fn the_latency_is_measured_from_the_change_of_state() {
    let stage = Stage::usual().await;
    stage.handed_back(&[alarm("a")]).await;
    assert_eq!(stage.metric("AlertDeliveryLatency"), 5_000);
    assert_eq!(stage.metric("AlertDelivered"), 1);
}

#[tokio::test]
async fn a_message_that_does_not_fit_arrives_as_a_file() {
    let stage = Stage::usual().await;
    let long = "word ".repeat(50_000);
    stage
        .handed_back(&[super::stage::record("a", &serde_json::json!(long))])
        .await;
    let messages = stage.discord.messages();
    assert_eq!(messages[0].files[0].name, "alert.txt");
    assert!(String::from_utf8_lossy(&messages[0].files[0].bytes).contains(&long));
}

#[tokio::test]
async fn without_time_left_a_record_is_handed_back_unsent() {
    let stage = Stage::usual().await;
    let event = serde_json::json!({"Records": [alarm("a")]});
    let answer = stage
        .invoke_within(event, Duration::from_secs(2))
        .await
        .unwrap();
    assert_eq!(super::stage::handed_back(&answer), ["a"]);
    assert!(stage.posts().is_empty());
    assert_eq!(stage.aws.hidden.lock().unwrap()["handle-a"], 1);
}
