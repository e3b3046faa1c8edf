//! Hears the metric lines and the errors that a function logs, and passes everything on to the log.
//!
//! Metrics are lines of the log. All functions run in this process, so the subscriber of each is
//! what tells their lines apart.

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use super::logs::Logs;
use super::meter::Meter;

/// A subscriber for one function, before the program's own.
pub(super) struct Listener {
    log: Dispatch,
    meter: Meter,
    /// The namespace of the function's environment. Its `main`, which would set it, does not run here.
    namespace: String,
    /// The function's log group, if the template gives it one.
    group: Option<String>,
    logs: Logs,
}

impl Listener {
    /// A subscriber that passes on to the one that is the default now.
    pub(super) fn before_log(
        meter: &Meter,
        namespace: &str,
        logs: &Logs,
        group: Option<&str>,
    ) -> Dispatch {
        Dispatch::new(Self {
            log: tracing::dispatcher::get_default(Dispatch::clone),
            meter: meter.clone(),
            namespace: namespace.to_owned(),
            group: group.map(str::to_owned),
            logs: logs.clone(),
        })
    }

    fn is_metric(metadata: &Metadata<'_>) -> bool {
        metadata.target() == shared::metrics::TARGET
    }

    /// Whether this subscriber wants it, whatever the log does.
    fn is_heard(metadata: &Metadata<'_>) -> bool {
        Self::is_metric(metadata) || *metadata.level() == Level::ERROR
    }

    /// Keeps an error in the function's log group, as the function logs it in Lambda.
    fn keep(&self, event: &Event<'_>) {
        let Some(group) = &self.group else {
            return;
        };
        let mut line = Members(Map::new());
        event.record(&mut line);
        line.0.insert("level".to_owned(), "ERROR".into());
        let line = Value::Object(line.0).to_string();
        self.logs.add(group, self.meter.world.now(), line);
    }
}

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.log.register_callsite(metadata);
        if Self::is_heard(metadata) {
            // Asked each time, because the log may not want it.
            return Interest::sometimes();
        }
        interest
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Self::is_heard(metadata) || self.log.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.log.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.log.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.log.record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        if Self::is_metric(event.metadata()) {
            let mut line = Line(None);
            event.record(&mut line);
            if let Some(line) = line.0 {
                let pace = self.meter.pace;
                let namespace = Some(self.namespace.as_str());
                self.meter
                    .read(|store| store.record_line(&line, pace, namespace));
            }
        } else if *event.metadata().level() == Level::ERROR {
            self.keep(event);
        }
        if Self::is_heard(event.metadata()) && !self.log.enabled(event.metadata()) {
            return;
        }
        // `Dispatch::event` asks the log whether it wants the event.
        self.log.event(event);
    }

    fn enter(&self, span: &Id) {
        self.log.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.log.exit(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.log.clone_span(span)
    }

    fn try_close(&self, span: Id) -> bool {
        self.log.try_close(span)
    }
}

/// The text of the field `emf`.
struct Line(Option<String>);

impl Visit for Line {
    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "emf" {
            self.0 = Some(value.to_owned());
        }
    }
}

/// The fields of an event as members of JSON.
struct Members(Map<String, Value>);

impl Visit for Members {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let value = format!("{value:?}");
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}
