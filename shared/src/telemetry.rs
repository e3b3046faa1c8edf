//! Writes the log: one JSON object a line.
//!
//! The keys are those of Powertools for AWS Lambda: `level`, `location`,
//! `message`, `timestamp`, `service`, `cold_start`, `function_request_id`,
//! `xray_trace_id`. The fields of the event and of the spans around it are
//! members too.

use std::fmt::{Debug, Write as _};
use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::metrics;

/// Starts logging to standard output. A function's `main` calls it first.
///
/// `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets, or else `RUST_LOG` is the lowest
/// level that is logged; the default is `INFO`, and no lower level can be set. `METRICS_NAMESPACE` is the
/// namespace of the metrics.
pub fn init(service: &'static str, var: impl Fn(&str) -> Option<String>) {
    let level = level(&var);
    if let Some(namespace) = var("METRICS_NAMESPACE") {
        metrics::set_namespace(namespace);
    }
    let lines = JsonLines::new(service, std::io::stdout).with_filter(filter(level));
    tracing_subscriber::registry().with(lines).init();
}

/// The lowest level that is logged, `INFO` or above.
///
/// At `TRACE` the Lambda runtime logs every event, with the bearer token in it. At
/// `DEBUG` the AWS SDK logs the text of errors. The functions log nothing below `INFO`.
fn level(var: impl Fn(&str) -> Option<String>) -> Level {
    var("AWS_LAMBDA_LOG_LEVEL")
        .or_else(|| var("RUST_LOG"))
        // The real parser decides, since it also accepts numbers and other spellings.
        .and_then(|level| level.parse::<Level>().ok())
        .map_or(Level::INFO, |level| level.min(Level::INFO))
}

/// A filter that passes events of this level and above, and all metrics.
pub fn filter(level: Level) -> Targets {
    Targets::new()
        .with_default(level)
        .with_target(metrics::TARGET, Level::TRACE)
}

/// The span of one invocation. Every line within it has these keys.
pub fn invocation_span(
    service: &'static str,
    function_request_id: &str,
    xray_trace_id: Option<&str>,
    cold_start: bool,
) -> Span {
    tracing::info_span!(
        "invocation",
        service,
        function_request_id,
        xray_trace_id,
        cold_start
    )
}

/// A layer that writes each event as one line of JSON.
#[derive(Debug)]
pub struct JsonLines<W> {
    service: &'static str,
    writer: W,
}

impl<W> JsonLines<W> {
    /// A layer that writes to `writer`. `service` is used where no span sets one.
    pub fn new(service: &'static str, writer: W) -> Self {
        Self { service, writer }
    }
}

/// A span's fields, stored in the span for the lines within it.
struct SpanFields(Map<String, Value>);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(SpanFields(fields.0));
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<SpanFields>() {
            let mut new = Fields::default();
            record.record(&mut new);
            fields.0.extend(new.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = match fields.0.remove("emf") {
            Some(Value::String(line)) if event.metadata().target() == metrics::TARGET => line,
            _ => self.line(event, &context, fields.0),
        };
        // If the log cannot be written, there is no other place to report that.
        let _ = writeln!(self.writer.make_writer(), "{line}");
    }
}

impl<W> JsonLines<W> {
    fn line<S>(
        &self,
        event: &Event<'_>,
        context: &Context<'_, S>,
        own: Map<String, Value>,
    ) -> String
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let metadata = event.metadata();
        let mut line = Map::new();
        line.insert("service".to_owned(), self.service.into());
        if let Some(scope) = context.event_scope(event) {
            for span in scope.from_root() {
                if let Some(fields) = span.extensions().get::<SpanFields>() {
                    line.extend(fields.0.clone());
                }
            }
        }
        line.extend(own);
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("location".to_owned(), location(metadata).into());
        line.insert("timestamp".to_owned(), timestamp().into());
        Value::Object(line).to_string()
    }
}

fn location(metadata: &tracing::Metadata<'_>) -> String {
    let mut text = metadata.target().to_owned();
    if let Some(line) = metadata.line() {
        // Writing to a String cannot fail.
        let _ = write!(text, ":{line}");
    }
    text
}

#[expect(
    clippy::disallowed_methods,
    reason = "a log line has the machine's time, even in a test that passes its own clock to the code"
)]
fn timestamp() -> String {
    format!("{:.3}", Timestamp::now())
}

/// Collects fields as JSON values.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.insert(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(level: Level, log: impl FnOnce()) -> Vec<Value> {
        let captured = Captured::default();
        let writer = captured.clone();
        let layer = JsonLines::new("test", move || writer.clone()).with_filter(filter(level));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_has_the_keys_of_its_invocation() {
        let lines = lines_of(Level::INFO, || {
            invocation_span("orders", "r-1", Some("Root=1"), true)
                .in_scope(|| tracing::warn!(attempts = 3, "gave up"));
        });
        let [line] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "gave up");
        assert_eq!(line["service"], "orders");
        assert_eq!(line["function_request_id"], "r-1");
        assert_eq!(line["xray_trace_id"], "Root=1");
        assert_eq!(line["cold_start"], true);
        assert_eq!(line["attempts"], 3);
    }

    #[test]
    fn the_level_filters_messages_but_never_metrics() {
        let lines = lines_of(Level::ERROR, || {
            tracing::info!("chatter");
            metrics::Metrics::new("orders")
                .count("OrderPlaced", 1)
                .emit(Timestamp::UNIX_EPOCH);
        });
        let [line] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!(line["OrderPlaced"], 1.0);
    }

    #[test]
    fn a_level_below_info_cannot_be_set() {
        for (name, value, expected) in [
            ("AWS_LAMBDA_LOG_LEVEL", "TRACE", Level::INFO),
            ("AWS_LAMBDA_LOG_LEVEL", "DEBUG", Level::INFO),
            ("AWS_LAMBDA_LOG_LEVEL", "FATAL", Level::INFO),
            ("AWS_LAMBDA_LOG_LEVEL", "ERROR", Level::ERROR),
            ("RUST_LOG", "trace", Level::INFO),
            ("RUST_LOG", "warn", Level::WARN),
            ("RUST_LOG", "orders=trace", Level::INFO),
            ("OTHER", "error", Level::INFO),
        ] {
            let level = level(|asked| (asked == name).then(|| value.to_owned()));
            assert_eq!(level, expected, "{name}={value}");
        }
        // Every spelling that the parser reads as a level below INFO.
        for spelling in [
            "trace", "TRACE", "Trace", "debug", "DEBUG", "5", "4", "6", " trace", "trace ", "05",
        ] {
            let level = level(|_| Some(spelling.to_owned()));
            assert_eq!(level, Level::INFO, "{spelling}");
        }
    }

    #[test]
    fn the_event_that_the_runtime_logs_at_trace_is_not_written() {
        let level = level(|_| Some("TRACE".to_owned()));
        let lines = lines_of(level, || {
            tracing::trace!(target: "lambda_runtime", "incoming request payload - Bearer TOKEN");
            tracing::debug!(target: "aws_smithy_runtime", "Bearer TOKEN");
            tracing::info!("kept");
        });
        let [line] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!(line["message"], "kept");
    }
}
