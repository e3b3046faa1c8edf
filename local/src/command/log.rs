//! Owns the functions' log in this program: on standard error, so that answers stand alone on
//! standard output.

use std::io::IsTerminal as _;

use shared::telemetry::{JsonLines, filter};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::access_log::AccessLog;

/// Starts the log; says how requests are to be logged.
///
/// On a terminal warnings only, in words; otherwise what the functions would log in Lambda, as
/// JSON. `RUST_LOG` names another least level.
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
            .with_filter(
                quiet(Targets::new().with_default(level.unwrap_or(Level::WARN)))
                    // Metrics are for a metrics service, not for eyes.
                    .with_target(shared::metrics::TARGET, tracing_subscriber::filter::LevelFilter::OFF),
            );
        let _ = tracing_subscriber::registry().with(words).try_init();
        AccessLog::Readable
    } else {
        let lines = JsonLines::new("surefire", std::io::stderr)
            .with_filter(quiet(filter(level.unwrap_or(Level::INFO))));
        let _ = tracing_subscriber::registry().with(lines).try_init();
        AccessLog::Json
    }
}

/// Without the embedded database's own words: a condition that fails is an answer, not a warning.
fn quiet(targets: Targets) -> Targets {
    targets.with_target("dynoxide", Level::ERROR)
}
