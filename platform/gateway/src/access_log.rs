//! Logs a line for each request: text for a terminal, or JSON.

use std::io::Write as _;

use serde_json::json;

use crate::event::Inbound;

/// How requests are logged on standard error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AccessLog {
    /// Not at all.
    Off,
    /// As text.
    Readable,
    /// As JSON, with the members of the template's access log.
    Json,
}

/// The parts of a request that are logged. Headers are not, so tokens are not.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The request's id.
    pub(crate) request_id: String,
    /// The response's status.
    pub(crate) status: u16,
    /// How long the response took.
    pub(crate) milliseconds: f64,
    /// How long the function took, if one was invoked.
    pub(crate) integration_milliseconds: Option<f64>,
    /// The route that was chosen.
    pub(crate) route: Option<String>,
    /// The failure of a function, if there was one.
    pub(crate) fault: Option<String>,
    method: String,
    path: String,
    source: String,
    time: jiff::Timestamp,
}

impl Entry {
    /// The entry of a request that has just arrived.
    pub(crate) fn begin(inbound: &Inbound) -> Self {
        Self {
            request_id: inbound.request_id.clone(),
            status: 0,
            milliseconds: 0.0,
            integration_milliseconds: None,
            route: None,
            fault: None,
            method: inbound.method.clone(),
            path: inbound.path.clone(),
            source: inbound.source.to_string(),
            time: inbound.time,
        }
    }

    fn readable(&self) -> String {
        let Self {
            method,
            path,
            status,
            milliseconds,
            request_id,
            ..
        } = self;
        let time = self.time.strftime("%H:%M:%S");
        let mut line =
            format!("{time} {method:<7} {path} {status} {milliseconds:.0} ms {request_id}");
        if let Some(fault) = &self.fault {
            // A line break in a function's message would look like another request.
            line.push_str("\n         ");
            line.push_str(&fault.replace('\n', " "));
        }
        line
    }

    fn json(&self) -> String {
        let mut line = json!({
            "requestId": self.request_id,
            "ip": self.source,
            "time": format!("{:.3}", self.time),
            "method": self.method,
            "path": self.path,
            "routeKey": self.route,
            "status": self.status,
            "latency": (self.milliseconds * 1000.0).round() / 1000.0,
        });
        if let (Some(fault), Some(members)) = (&self.fault, line.as_object_mut()) {
            members.insert("integrationError".to_owned(), fault.as_str().into());
        }
        line.to_string()
    }
}

impl AccessLog {
    /// Writes the line of a request.
    pub(crate) fn write(self, entry: &Entry) {
        let line = match self {
            Self::Off => return,
            Self::Readable => entry.readable(),
            Self::Json => entry.json(),
        };
        // If the terminal is gone, the server goes on.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
