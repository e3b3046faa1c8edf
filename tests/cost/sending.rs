//! The report is sent once, to Discord, with its picture.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use billing::{Fault, SHIPPED, Scenario};
use cost_report::{Error, Timeouts};
use serde_json::json;
use std::time::Duration;

use super::stage::{Stage, refused, shop};

const TODAY: &str = "2026-11-26";

#[tokio::test]
async fn the_report_of_the_shipped_scenario_arrives_with_its_picture() {
    let stage = Stage::set(Scenario::read(SHIPPED).unwrap()).await;
    let report = stage.report().await;
    let size = report.0.to_string().len();
    assert!(
        size < 200 * 1024,
        "the topic takes 256 KiB, and this has {size} bytes"
    );
    let picture = BASE64.decode(report.text("picture")).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));

    let messages = stage.deliver(&report).await;
    assert_eq!(messages.len(), 1);
    let embed = &messages[0].embeds[0];
    assert_eq!(embed["image"]["url"], "attachment://picture.png");
    // Everything fits: no text file is attached.
    let [file] = messages[0].files.as_slice() else {
        panic!("{} files", messages[0].files.len());
    };
    assert_eq!((file.name.as_str(), &file.bytes), ("picture.png", &picture));
    stage.end().await;
}

#[tokio::test]
async fn a_person_gets_a_second_report_of_a_day_without_a_second_bill() {
    let stage = Stage::set(shop(TODAY)).await;
    let first = stage.report().await;
    let answer = stage.invoke(json!({"again": true})).await.unwrap();
    assert_eq!(
        (&answer["sent"], &answer["paid_calls"]),
        (&json!(true), &json!(0))
    );
    let published = stage.billing.take_published();
    let second: serde_json::Value = serde_json::from_str(&published[0]).unwrap();
    assert_eq!(second, first.0, "it is made of the same answers");
    assert_eq!(stage.billing.paid_calls(), 4);
    stage.end().await;
}

#[tokio::test]
async fn the_next_day_is_asked_again() {
    let stage = Stage::set(shop(TODAY)).await;
    stage.invoke(json!({"scheduled": "monday"})).await.unwrap();
    stage.set_clock("2026-11-27T00:30:00Z");
    let answer = stage.invoke(json!({"scheduled": "tuesday"})).await.unwrap();
    assert_eq!(answer["paid_calls"], 4);
    stage.end().await;
}

/// At 00:30 in London, the clocks' change brings two reports of the schedule into one day in UTC. Both are
/// sent, and the second one asks nothing again.
#[tokio::test]
async fn a_change_of_the_clocks_neither_loses_a_report_nor_pays_twice() {
    let stage = Stage::set(shop("2026-03-29")).await;
    let (before, after) = ("2026-03-29T00:30:00Z", "2026-03-29T23:30:00Z");
    for (time, paid) in [(before, 4), (after, 0)] {
        stage.set_clock(time);
        let answer = stage.invoke(json!({"scheduled": time})).await.unwrap();
        assert_eq!(
            (&answer["sent"], &answer["paid_calls"]),
            (&json!(true), &json!(paid))
        );
    }
    // In autumn the hour from 1 to 2 exists twice, and the schedule's time names which one it was.
    let again = stage.invoke(json!({"scheduled": after})).await.unwrap();
    assert_eq!(again["sent"], false);
    assert_eq!(stage.billing.take_published().len(), 2);
    stage.end().await;
}

#[tokio::test]
async fn a_report_that_the_topic_refuses_is_sent_by_the_repeat_without_asking_again() {
    let mut scenario = shop(TODAY);
    scenario.faults = vec![Fault {
        times: Some(1),
        ..refused(
            "sns:Publish",
            "KMSAccessDenied",
            "the key does not admit the caller",
        )
    }];
    let stage = Stage::set(scenario).await;
    let event = json!({"scheduled": "2026-11-26T00:30:00Z"});
    let error = stage.invoke(event.clone()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("refused the report (KMSAccessDenied)"),
        "{error}"
    );
    let answer = stage.invoke(event).await.unwrap();
    assert_eq!(
        (&answer["sent"], &answer["paid_calls"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(stage.billing.take_published().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_report_that_may_have_arrived_is_not_sent_a_second_time() {
    let mut scenario = shop(TODAY);
    scenario.faults = vec![Fault {
        action: "sns:Publish".to_owned(),
        times: Some(1),
        ..Fault::default()
    }];
    let timeouts = Timeouts {
        call: Duration::from_millis(500),
        ..Timeouts::default()
    };
    let stage = Stage::set_with(scenario, None, timeouts).await;
    let event = json!({"scheduled": "2026-11-26T00:30:00Z"});
    let error = stage.invoke(event.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Unclear), "{error}");
    let answer = stage.invoke(event).await.unwrap();
    assert_eq!(answer["sent"], false);
    // A person can have it.
    let answer = stage.invoke(json!({"again": true})).await.unwrap();
    assert_eq!(
        (&answer["sent"], &answer["paid_calls"]),
        (&json!(true), &json!(0))
    );
    stage.end().await;
}
