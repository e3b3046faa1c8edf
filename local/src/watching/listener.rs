//! Hears the metric lines that a function logs, and passes everything on to the log.
//!
//! Metrics are lines of the log. All functions run in this process, so the subscriber of each is
//! what tells their lines apart.

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};

use super::meter::Meter;

/// A subscriber for one function, before the program's own.
pub(super) struct Listener {
    log: Dispatch,
    meter: Meter,
    /// The namespace of the function's environment. Its `main`, which would set it, does not run here.
    namespace: String,
}

impl Listener {
    /// A subscriber that passes on to the one that is the default now.
    pub(super) fn before_log(meter: &Meter, namespace: &str) -> Dispatch {
        Dispatch::new(Self {
            log: tracing::dispatcher::get_default(Dispatch::clone),
            meter: meter.clone(),
            namespace: namespace.to_owned(),
        })
    }

    fn is_metric(metadata: &Metadata<'_>) -> bool {
        metadata.target() == shared::metrics::TARGET
    }
}

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let interest = self.log.register_callsite(metadata);
        if Self::is_metric(metadata) {
            // Asked each time, because the log may not want it.
            return Interest::sometimes();
        }
        interest
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Self::is_metric(metadata) || self.log.enabled(metadata)
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
            if !self.log.enabled(event.metadata()) {
                return;
            }
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
