//! The program `surefire-host`: it serves until SIGTERM, or checks its surroundings.

use std::io::Write as _;
use std::process::ExitCode;

use gateway::AccessLog;
use host::{Settings, check, credentials, start};
use shared::telemetry;
use shared::world::World;
use tokio::signal::unix::{Signal, SignalKind, signal};

const USAGE: &str = "\
Usage: surefire-host [check]

Serves the API's functions over HTTP until SIGTERM, with the settings of its
environment (docs/container.md).

  (nothing)   serve
  check       test the surroundings: one line each, and what to do
  --help      this text
  --version   the version
";

/// The status of a process that a signal ended at once.
const ENDED_AT_ONCE: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => served().await,
        (Some("check"), None) => checked().await,
        (Some("--help" | "-h"), None) => print(USAGE, ExitCode::SUCCESS),
        (Some("--version"), None) => {
            print(concat!(env!("CARGO_PKG_VERSION"), "\n"), ExitCode::SUCCESS)
        }
        _ => complain(&format!("unknown argument\n\n{USAGE}")),
    }
}

fn var(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "only main reads the environment")]
    std::env::var(name).ok()
}

async fn served() -> ExitCode {
    telemetry::init("host", var);
    // A panic's text can quote a token.
    std::panic::set_hook(Box::new(authorizer::quiet::report));
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        return complain("the process cannot receive signals");
    };
    let settings = match Settings::from_env(var) {
        Ok(settings) => settings,
        Err(error) => return complain(&error.to_string()),
    };
    let provider = credentials::provider(var("AWS_REGION"));
    let running = match start(settings, var, provider, World::real(), AccessLog::Json).await {
        Ok(running) => running,
        Err(error) => return complain(&error.to_string()),
    };
    let (address, health) = (running.address, running.health_address);
    tracing::info!(%address, %health, "the program serves");
    ended(&mut terminate, &mut interrupt).await;
    tracing::info!("the program drains");
    tokio::select! {
        in_time = running.stop() => if in_time { ExitCode::SUCCESS } else { complain("some requests took too long and got no answer") },
        () = ended(&mut terminate, &mut interrupt) => ExitCode::from(ENDED_AT_ONCE),
    }
}

/// Waits for one of the two signals.
async fn ended(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn checked() -> ExitCode {
    let provider = credentials::provider(var("AWS_REGION"));
    let findings = check::surroundings(var, provider, World::real()).await;
    let failed = findings.iter().any(|finding| finding.fault.is_some());
    let mut lines = String::new();
    for finding in findings {
        lines.push_str(&finding.to_string());
        lines.push('\n');
    }
    print(
        &lines,
        if failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        },
    )
}

/// If standard output is gone, the exit code is all that is left.
fn print(text: &str, code: ExitCode) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    code
}

fn complain(fault: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "surefire-host: {fault}");
    ExitCode::FAILURE
}
