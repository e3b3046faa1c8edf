//! Watches for a leaked token: searches all that a test logs, at any level and in any crate, for the
//! webhook's token, and also every text that is shown to it.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use shared::telemetry::{JsonLines, filter};
use tracing::Level;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

/// The token in every webhook URL of these tests.
pub(super) const TOKEN: &str = "hunter2-hunter2-hunter2";

/// Searches until it is dropped. Then it fails its test if the token was found.
pub(super) struct Watch {
    log: Log,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Watch {
    /// Starts to read the log of this thread.
    pub(super) fn begin(level: Level) -> Self {
        let log = Log::default();
        let writer = log.clone();
        let lines = JsonLines::new("test", move || writer.clone()).with_filter(filter(level));
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));
        Self { log, _guard: guard }
    }

    /// Searches a text that is not in the log.
    pub(super) fn show(&self, what: &str) {
        self.log.search(what);
    }

    /// Searches the printed forms of an error and of all its causes.
    pub(super) fn show_error(&self, error: &(dyn std::error::Error + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.show(&format!("{error} {error:?} {error:#?}"));
            next = error.source();
        }
    }

    /// The sum of a metric, rounded.
    pub(super) fn metric(&self, name: &str) -> u64 {
        let lines = self.log.metrics.lock().unwrap();
        let values = lines.iter().filter_map(|line| line[name].as_f64());
        // `sum()` of nothing would be printed as -0.
        let sum = values.fold(0.0, |sum, value| sum + value);
        format!("{sum:.0}").parse().unwrap()
    }

    /// The lines that have a metric, in their order.
    pub(super) fn metric_lines(&self, name: &str) -> Vec<Value> {
        let lines = self.log.metrics.lock().unwrap();
        let has = |line: &&Value| line[name].is_number();
        lines.iter().filter(has).cloned().collect()
    }

    /// Whether a warning or an error contains a text.
    pub(super) fn warned(&self, text: &str) -> bool {
        let warnings = self.log.warnings.lock().unwrap();
        warnings.iter().any(|line| line.contains(text))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let leaked = self.log.leaked.lock().unwrap().clone();
            assert_eq!(
                leaked, None,
                "the webhook's token is in the log, an answer or an error"
            );
            assert!(
                self.log.searched.load(Ordering::Relaxed),
                "nothing was logged, so nothing was searched"
            );
        }
    }
}

/// The parts of the log that tests need.
#[derive(Clone, Default)]
struct Log {
    leaked: Arc<Mutex<Option<String>>>,
    searched: Arc<AtomicBool>,
    metrics: Arc<Mutex<Vec<Value>>>,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn search(&self, text: &str) {
        if text.contains(TOKEN) {
            let mut leaked = self.leaked.lock().unwrap();
            leaked.get_or_insert_with(|| text.to_owned());
        }
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.searched.store(true, Ordering::Relaxed);
        self.search(&text);
        if text.contains("\"_aws\"") {
            self.metrics
                .lock()
                .unwrap()
                .extend(serde_json::from_str::<Value>(&text));
        } else if text.contains("\"WARN\"") || text.contains("\"ERROR\"") {
            self.warnings.lock().unwrap().push(text.into_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
