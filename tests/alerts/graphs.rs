//! Graphs: an alarm shows the metric that broke, and never waits for it.

use std::time::Duration;

use serde_json::json;

use super::aws::{Graph, drawn};
use super::episode::{Episode, alarm, ok};
use super::stage::handed_back;

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
