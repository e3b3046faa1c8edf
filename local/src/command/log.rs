//! Owns the functions' log in this program: on standard error, so that answers stand alone on
//! standard output.

use std::io::IsTerminal as _;

use shared::telemetry::{JsonLines, filter};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use gateway::AccessLog;

/// Starts the log; says how requests are to be logged.
///
/// On a terminal in words: warnings, what the stand-in for Discord was sent, and what became of
/// each alert. Otherwise what the functions would log in Lambda, as JSON. `RUST_LOG` names another
/// least level.
#[expect(
    clippy::disallowed_methods,
    reason = "the program, not a function, reads its log level"
)]
pub(super) fn start() -> AccessLog {
    let level = std::env::var("RUST_LOG")
        .ok()
        .and_then(|level| level.parse::<Level>().ok());
    // A second start in one process keeps the first one's log.
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

/// What a terminal shows.
fn for_eyes(level: Option<Level>) -> Targets {
    let targets = quiet(Targets::new().with_default(level.unwrap_or(Level::WARN)))
        // Metrics are for a metrics service.
        .with_target(shared::metrics::TARGET, LevelFilter::OFF);
    match level {
        Some(_) => targets,
        None => targets
            .with_target(discord::TARGET, Level::INFO)
            .with_target("alert_forwarder", Level::INFO),
    }
}

/// Without the embedded database's own words: a condition that fails is an answer, not a warning.
fn quiet(targets: Targets) -> Targets {
    targets.with_target("dynoxide", Level::ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_shows_messages_as_they_come_and_no_metrics() {
        let shown = for_eyes(None);
        assert!(shown.would_enable(discord::TARGET, &Level::INFO));
        assert!(shown.would_enable("alert_forwarder::outcome", &Level::INFO));
        assert!(shown.would_enable("orders::place", &Level::WARN));
        assert!(!shown.would_enable("orders::place", &Level::INFO));
        assert!(!shown.would_enable(shared::metrics::TARGET, &Level::INFO));
        assert!(!for_eyes(Some(Level::ERROR)).would_enable(discord::TARGET, &Level::INFO));
    }
}
