//! Logs to standard error, so that standard output has only answers.

use std::io::IsTerminal as _;

use shared::telemetry::{JsonLines, filter};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use gateway::AccessLog;

/// Starts the log, and returns the format for requests.
///
/// A terminal gets text: warnings, changes of alarms, the messages of the stand-in for Discord, and
/// the outcome of each alert. Anything else gets JSON, as the functions log it in Lambda. `RUST_LOG` sets another
/// level.
#[expect(
    clippy::disallowed_methods,
    reason = "the program, not a function, reads its log level"
)]
pub(super) fn start() -> AccessLog {
    let level = std::env::var("RUST_LOG")
        .ok()
        .and_then(|level| level.parse::<Level>().ok());
    // A second start in one process keeps the log of the first.
    if std::io::stderr().is_terminal() {
        let words = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .without_time()
            .with_filter(for_eyes(level));
        let _ = tracing_subscriber::registry().with(words).try_init();
        AccessLog::Readable
    } else {
        let lines = JsonLines::new("surefire", std::io::stderr)
            .with_filter(quiet(filter(level.unwrap_or(Level::INFO))));
        let _ = tracing_subscriber::registry().with(lines).try_init();
        AccessLog::Json
    }
}

/// The targets that a terminal shows.
fn for_eyes(level: Option<Level>) -> Targets {
    let targets = quiet(Targets::new().with_default(level.unwrap_or(Level::WARN)))
        // Metrics are for machines.
        .with_target(shared::metrics::TARGET, LevelFilter::OFF);
    match level {
        Some(_) => targets,
        None => targets
            .with_target(discord::TARGET, Level::INFO)
            .with_target(crate::watching::TARGET, Level::INFO)
            .with_target("alert_forwarder", Level::INFO),
    }
}

/// Hides the embedded database's warnings: a failed condition is an answer, not a problem.
fn quiet(targets: Targets) -> Targets {
    targets.with_target("dynoxide", Level::ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_shows_discord_messages_and_no_metrics() {
        let shown = for_eyes(None);
        assert!(shown.would_enable(discord::TARGET, &Level::INFO));
        assert!(shown.would_enable(crate::watching::TARGET, &Level::INFO));
        assert!(shown.would_enable("alert_forwarder::outcome", &Level::INFO));
        assert!(shown.would_enable("orders::place", &Level::WARN));
        assert!(!shown.would_enable("orders::place", &Level::INFO));
        assert!(!shown.would_enable(shared::metrics::TARGET, &Level::INFO));
        assert!(!for_eyes(Some(Level::ERROR)).would_enable(discord::TARGET, &Level::INFO));
    }
}
