//! Graphs: an alarm shows the metric that broke, and never waits for it.

use std::time::Duration;

use serde_json::{Value, json};

use super::aws::{Graph, drawn};
use super::episode::{Episode, alarm, ok};
use super::stage::{Setting, Stage, handed_back, record, sample_event};

#[tokio::test]
async fn an_alarm_shows_its_graph_and_each_edit_keeps_exactly_one() {
    let episode = Episode::usual().await;
    *episode.stage.aws.graph.lock().unwrap() = Graph::Drawn;
    for (change, name) in [(alarm(0), "🔴 ALARM"), (ok(60), "🟢 OK")] {
        episode.get(change).await;
        let message = &episode.stage.discord.messages()[0];
        assert!(message.content.starts_with(name));
        let [file] = message.files.as_slice() else {
            panic!("{name}: {} files", message.files.len())
        };
        assert_eq!(
            (file.content_type.as_str(), &file.bytes),
            ("image/png", &drawn())
        );
        let url = format!("attachment://{}", file.name);
        assert_eq!(message.embeds[0]["image"]["url"], url.as_str());
    }
    let widgets = episode.stage.aws.widgets.lock().unwrap().clone();
    assert_eq!(widgets.len(), 2, "one for each message, none for the line");
    let threshold = &widgets[0]["annotations"]["horizontal"][0]["value"];
    assert_eq!(*threshold, 1.0);
    assert_eq!(widgets[0]["metrics"][0][1], "Errors");
}

#[tokio::test]
async fn a_composite_alarm_shows_the_graph_of_an_alarm_that_made_it_fire() {
    let stage = Stage::usual().await;
    *stage.aws.graph.lock().unwrap() = Graph::Drawn;
    let answer = stage.invoke(sample_event("composite-alarm")).await;
    assert_eq!(handed_back(&answer.unwrap()), Vec::<String>::new());
    assert_eq!(stage.discord.messages()[0].files[0].bytes, drawn());
    let widgets = stage.aws.widgets.lock().unwrap().clone();
    let [widget] = widgets.as_slice() else {
        panic!("{widgets:?}")
    };
    assert_eq!(widget["title"], "surefire-burn-5m");
    assert_eq!(widget["region"], "eu-west-1");
    assert_eq!(widget["annotations"]["horizontal"][0]["value"], 14.4);
    let expected = json!([
        [{"id": "burn", "label": "burn rate", "expression": "errors / 10"}],
        ["AWS/ApiGateway", "5xx", "ApiId", "a1",
            {"id": "errors", "visible": false, "stat": "Sum", "period": 300}],
    ]);
    assert_eq!(widget["metrics"], expected);
}

#[tokio::test]
async fn the_green_message_of_a_composite_alarm_keeps_the_graph_of_what_made_it_fire() {
    let stage = Stage::usual().await;
    *stage.aws.graph.lock().unwrap() = Graph::Drawn;
    let fired = sample_event("composite-alarm");
    stage.invoke(fired.clone()).await.unwrap();
    let mut over: Value =
        serde_json::from_str(fired["Records"][0]["body"].as_str().unwrap()).unwrap();
    over = serde_json::from_str(over["Message"].as_str().unwrap()).unwrap();
    over["NewStateValue"] = "OK".into();
    over["StateChangeTime"] = "2026-07-19T10:20:00.000+0000".into();
    over["TriggeringChildren"][0]["State"]["Value"] = "OK".into();
    over["TriggeringChildren"][1]["State"]["Value"] = "OK".into();
    let back = stage.handed_back(&[record("over", &over)]).await;
    assert_eq!(back, Vec::<String>::new());
    let message = stage.discord.messages().remove(0);
    assert!(message.content.starts_with("🟢"), "{}", message.content);
    assert_eq!(message.files[0].bytes, drawn());
    let widgets = stage.aws.widgets.lock().unwrap().clone();
    assert_eq!(widgets[0], widgets[1]);
}

#[tokio::test]
async fn an_alarm_has_its_graph_also_while_the_table_does_not_answer() {
    let episode = Episode::set(Setting {
        table_url: Some("http://127.0.0.1:9".to_owned()),
        ..Setting::default()
    })
    .await;
    *episode.stage.aws.graph.lock().unwrap() = Graph::Drawn;
    episode.get(alarm(0)).await;
    assert_eq!(episode.last().files[0].bytes, drawn());
}

#[tokio::test]
async fn without_a_graph_the_alarm_is_sent_all_the_same() {
    for graph in [Graph::None, Graph::NoPicture] {
        let episode = Episode::usual().await;
        *episode.stage.aws.graph.lock().unwrap() = graph;
        episode.get(alarm(0)).await;
        assert_eq!(episode.shown(), ["🔴 ALARM"], "{graph:?}");
        assert!(episode.last().files.is_empty());
    }
}

#[tokio::test]
async fn a_graph_that_never_comes_costs_a_share_of_the_time() {
    let episode = Episode::usual().await;
    *episode.stage.aws.graph.lock().unwrap() = Graph::Hanging;
    let record = episode.record(&episode.message(alarm(0)));
    let event = json!({"Records": [record]});
    let answer = episode
        .stage
        .invoke_within(event, Duration::from_millis(2_800))
        .await;
    assert_eq!(handed_back(&answer.unwrap()), Vec::<String>::new());
    assert_eq!(episode.shown(), ["🔴 ALARM"]);
    assert!(episode.stage.logged("the alert goes without it"));
}
