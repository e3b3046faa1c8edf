//! The trace of a run: one line per event.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use super::time::{Time, lock};

/// The trace of a run. Clones share it. A trace that is not kept costs nothing.
#[derive(Clone)]
pub struct Trace {
    time: Time,
    lines: Option<Arc<Mutex<String>>>,
}

impl Trace {
    /// An empty trace, kept or not.
    pub(crate) fn new(time: Time, kept: bool) -> Self {
        let lines = kept.then(Arc::default);
        Self { time, lines }
    }

    /// Adds an event. `event` is called only if the trace is kept.
    pub(crate) fn tell(&self, event: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let elapsed = self.time.elapsed();
            let (seconds, micros) = (elapsed.as_secs(), elapsed.subsec_micros());
            // Writing to a String cannot fail.
            let _ = writeln!(lock(lines), "{seconds:>8}.{micros:06}  {}", event());
        }
    }

    /// The lines so far.
    pub fn text(&self) -> String {
        let lines = self.lines.as_ref();
        lines.map(|lines| lock(lines).clone()).unwrap_or_default()
    }
}
