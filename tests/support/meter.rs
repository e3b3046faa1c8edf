//! Reads the functions' metrics and errors from their log lines.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Collects the metrics and the errors that functions log in this thread, until it is dropped.
pub(crate) struct Meter {
    lines: Arc<Mutex<Vec<Value>>>,
    errors: Arc<Mutex<Vec<Value>>>,
    _guard: DefaultGuard,
}

impl Meter {
    pub(crate) fn start() -> Self {
        let lines = Arc::<Mutex<Vec<Value>>>::default();
        let errors = Arc::<Mutex<Vec<Value>>>::default();
        let collector = Collector {
            lines: Arc::clone(&lines),
            errors: Arc::clone(&errors),
        };
        let subscriber = tracing_subscriber::registry().with(collector);
        Self {
            lines,
            errors,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The sum of a metric since it was last taken.
    pub(crate) fn take(&self, metric: &str) -> f64 {
        let mut lines = self.lines.lock().unwrap();
        let values = lines
            .iter_mut()
            .filter_map(|line| line.as_object_mut()?.remove(metric));
        values.filter_map(|value| value.as_f64()).sum()
    }

    /// Takes a metric and checks its sum.
    #[track_caller]
    pub(crate) fn assert(&self, metric: &str, expected: f64) {
        let taken = self.take(metric);
        assert!((taken - expected).abs() < 1e-9, "{metric}: {taken}");
    }

    /// The lines that were emitted so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// Takes the fields of each line at the level ERROR.
    pub(crate) fn take_errors(&self) -> Vec<Value> {
        std::mem::take(&mut self.errors.lock().unwrap())
    }

    /// Drops everything that was emitted so far.
    pub(crate) fn reset(&self) {
        self.lines.lock().unwrap().clear();
    }
}

struct Collector {
    lines: Arc<Mutex<Vec<Value>>>,
    errors: Arc<Mutex<Vec<Value>>>,
}

impl<S: tracing::Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == shared::metrics::TARGET {
            event.record(&mut Line(&self.lines));
        }
        if *event.metadata().level() == tracing::Level::ERROR {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.errors.lock().unwrap().push(Value::Object(fields.0));
        }
    }
}

struct Line<'lines>(&'lines Mutex<Vec<Value>>);

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "emf" {
            let line = serde_json::from_str(value).unwrap();
            self.0.lock().unwrap().push(line);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

#[derive(Default)]
struct Fields(serde_json::Map<String, Value>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        self.0.insert(field.name().to_owned(), text.into());
    }
}
