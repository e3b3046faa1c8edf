//! Owns what is told of a run: a line an event, or nothing.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use super::time::{Time, lock};

/// The lines of a run; clones share them. Off, it costs nothing.
#[derive(Clone)]
pub struct Trace {
    time: Time,
    lines: Option<Arc<Mutex<String>>>,
}

impl Trace {
    /// A trace that is kept, or not.
    pub(crate) fn new(time: Time, kept: bool) -> Self {
        let lines = kept.then(Arc::default);
        Self { time, lines }
    }

    /// Tells an event.
    pub(crate) fn tell(&self, event: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let elapsed = self.time.elapsed();
            let (seconds, micros) = (elapsed.as_secs(), elapsed.subsec_micros());
            // Writing to a String cannot fail.
            let _ = writeln!(lock(lines), "{seconds:>8}.{micros:06}  {}", event());
        }
    }

    /// What was told.
    pub fn text(&self) -> String {
        let lines = self.lines.as_ref();
        lines.map(|lines| lock(lines).clone()).unwrap_or_default()
    }
}
