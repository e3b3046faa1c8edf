//! Pictures of the channel for the documentation, at the width of a phone and of a desk.
//!
//! `cargo nextest run --workspace --run-ignored only -E 'test(/pictures_of/)'` writes `docs/discord-*.png`.
//! `tests/watch/graph.rs` has those of an alarm that fires and is over. It needs chromium and a font with
//! emoji, such as `fonts-noto-color-emoji`. Look at the pictures before they are committed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use discord::Discord;

use super::aws::Graph;
use super::episode::{Episode, alarm, no_data, ok};
use super::floods;
use super::stage::{Setting, serve};

const MINUTE: i64 = 60;
const SIZES: [(&str, &str); 2] = [("phone", "390,1100"), ("desk", "900,900")];

/// Takes pictures of the channel as it is now.
pub(crate) async fn take(discord: &Arc<Discord>, name: &str) {
    let url = serve(discord::router(Arc::clone(discord))).await;
    for (size, pixels) in SIZES {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join(format!("../docs/discord-{name}-{size}.png"));
        let mut chromium = std::process::Command::new("chromium");
        chromium.args([
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--disable-gpu",
        ]);
        chromium.arg(format!("--window-size={pixels}"));
        chromium
            .arg(format!("--screenshot={}", file.display()))
            .arg(&url);
        let status = tokio::task::spawn_blocking(move || chromium.output()).await;
        let output = status.unwrap().expect("apt-get install chromium");
        assert!(output.status.success(), "{output:?}");
    }
}

async fn critical() -> Episode {
    let episode = Episode::critical().await;
    *episode.stage.aws.graph.lock().unwrap() = Graph::Drawn;
    episode
}

#[tokio::test]
#[ignore = "writes the pictures of the documentation, with chromium"]
async fn pictures_of_a_flapping_alarm_are_written() {
    let episode = critical().await;
    for change in [alarm(0), ok(60), alarm(120), ok(180), alarm(240)] {
        episode.get(change).await;
    }
    take(&episode.stage.discord, "flapping").await;
}

#[tokio::test]
#[ignore = "writes the pictures of the documentation, with chromium"]
async fn pictures_of_a_forum_and_a_digest_are_written() {
    let forum = Episode::set(Setting {
        routes: Some(
            r#"[{"name": "all", "roles": ["111111111111111111"], "thread_name": "{name}"}]"#,
        ),
        ..Setting::default()
    })
    .await
    .named("critical-orders-5xx");
    forum.stage.discord.make_forum("7", false);
    forum.get(alarm(0)).await;
    forum.get(no_data(16 * MINUTE)).await;
    forum.get(ok(25 * MINUTE)).await;
    take(&forum.stage.discord, "forum").await;

    let stage = floods::stage().await;
    let alerts = (0..24).map(|number| floods::alert(number, "ALARM", false));
    floods::deliver(&stage, alerts.collect()).await;
    stage.clock.advance(Duration::from_mins(5));
    let over = (12..17).map(|number| floods::alert(number, "OK", false));
    floods::deliver(&stage, over.collect()).await;
    take(&stage.discord, "digest").await;
}
