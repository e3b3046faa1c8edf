//! `surefire watch`: shows the alarms of a running server.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use shared::world::World;
use tokio::net::TcpStream;

use super::arguments::DataArguments;
use super::error::CommandError;
use super::output::print;
use crate::data::Access;

/// How often the table is drawn again.
const EVERY: Duration = Duration::from_secs(1);
/// Clears a terminal and goes to its first line.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// The arguments of `surefire watch`.
#[derive(Args, Debug)]
#[command(
    after_help = "The server evaluates the alarms of its template over what its functions and services do, by
CloudWatch's rules. An alarm that changes is sent through the topic, the queue and the alert forwarder to Discord.

Break a service, and mend it:
  surefire serve --alarm-speed 60 --fault dynamodb=error:60s
  curl -X POST http://127.0.0.1:3000/_local/fault -d dynamodb=throttle
  curl -X DELETE http://127.0.0.1:3000/_local/fault

Examples:
  surefire watch
  surefire watch --once --all
  surefire watch --url http://127.0.0.1:3000"
)]
pub(super) struct WatchArguments {
    /// The server's URL [default: the running server with the same --data]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Print the table once
    #[arg(long)]
    once: bool,
    /// Show alarms that send nothing too: composite alarms send for them
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    data: DataArguments,
}

pub(super) async fn run(arguments: WatchArguments) -> Result<(), CommandError> {
    let world = World::real();
    let url = match arguments.url {
        Some(url) => url,
        None => match arguments.data.directory().access(&world).await? {
            Access::Live(live) => live.api,
            Access::Held(_) => {
                return Err(CommandError::Watch(
                    "no server runs with this --data: start `surefire serve`, or use --url"
                        .to_owned(),
                ));
            }
        },
    };
    let live = std::io::stdout().is_terminal() && !arguments.once;
    loop {
        let report = report(&url).await.map_err(CommandError::Watch)?;
        let table = table(&report, arguments.all);
        print(&if live {
            format!("{CLEAR}{table}")
        } else {
            table
        })?;
        if arguments.once {
            return Ok(());
        }
        world.sleep(EVERY).await;
    }
}

async fn report(url: &str) -> Result<Value, String> {
    let failed = |error: String| format!("{url} does not answer: {error}");
    let uri: Uri = url.parse().map_err(|_| format!("{url} is not a URL"))?;
    let host = uri.host().ok_or(format!("{url} is not a URL"))?;
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80)));
    let stream = stream.await.map_err(|error| failed(error.to_string()))?;
    let connected = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(|error| failed(error.to_string()))?;
    tokio::spawn(connection);
    let request = Request::get("/_local/alarms").header("host", host);
    let request = request.body(Empty::<Bytes>::new());
    let request = request.map_err(|error| failed(error.to_string()))?;
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|error| failed(error.to_string()))?;
    if !answer.status().is_success() {
        return Err(format!(
            "the server at {url} watches no alarms: start it without --no-watch"
        ));
    }
    let body = answer.into_body().collect().await;
    let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
    serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))
}

/// The alarms, the red ones first.
fn table(report: &Value, all: bool) -> String {
    let text = |value: &Value, name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let list = |name: &str| {
        report
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut alarms = list("alarms");
    let sends = |alarm: &Value| alarm.get("sends") == Some(&Value::Bool(true));
    let hidden = alarms.len();
    alarms.retain(|alarm| all || sends(alarm));
    let hidden = hidden - alarms.len();
    let order = |alarm: &Value| match text(alarm, "state").as_str() {
        "ALARM" => 0,
        "INSUFFICIENT_DATA" => 1,
        _ => 2,
    };
    alarms.sort_by_key(|alarm| (order(alarm), text(alarm, "name")));
    let width = alarms.iter().map(|alarm| text(alarm, "name").len()).max();
    let width = width.unwrap_or_default();
    let speed = report.get("speed").and_then(Value::as_u64).unwrap_or(1);
    let mut table = format!("{}   alarm speed {speed}\n\n", text(report, "now"));
    for alarm in &alarms {
        let light = match order(alarm) {
            0 => "🔴",
            1 => "⚪",
            _ => "🟢",
        };
        let (name, state, since) = (
            text(alarm, "name"),
            text(alarm, "state"),
            text(alarm, "since"),
        );
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{light} {name:<width$}  {state:<17}  since {since}");
        if order(alarm) == 0 {
            let _ = writeln!(table, "   {}", text(alarm, "reason"));
        }
    }
    if alarms.is_empty() {
        table.push_str("The template has no alarms.\n");
    }
    if hidden != 0 {
        let _ = writeln!(
            table,
            "\n{hidden} more send nothing themselves (--all shows them)"
        );
    }
    for fault in list("faults") {
        let _ = writeln!(table, "\nbroken: {}", fault.as_str().unwrap_or_default());
    }
    let mails = list("mails").len();
    if mails != 0 {
        let _ = writeln!(table, "\n{mails} e-mails: /_local/mail shows them");
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_has_red_alarms_first_with_their_reasons() {
        let report = json!({
            "now": "2026-11-26T20:00:00Z", "speed": 60, "faults": ["dynamodb=error"], "mails": [{}],
            "alarms": [
                {"name": "a-green", "state": "OK", "since": "x", "reason": "fine", "sends": true},
                {"name": "b", "state": "ALARM", "since": "y", "reason": "broken", "sends": true},
                {"name": "child", "state": "ALARM", "since": "z", "reason": "below", "sends": false},
            ],
        });
        assert_eq!(
            table(&report, false),
            "2026-11-26T20:00:00Z   alarm speed 60\n\n\
             🔴 b        ALARM              since y\n   broken\n\
             🟢 a-green  OK                 since x\n\n\
             1 more send nothing themselves (--all shows them)\n\n\
             broken: dynamodb=error\n\n\
             1 e-mails: /_local/mail shows them\n"
        );
        assert!(table(&report, true).contains("child"));
        assert!(table(&json!({}), true).contains("no alarms"));
    }
}
