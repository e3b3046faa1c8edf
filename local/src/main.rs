//! The program `surefire`: it runs one command, and prints an error in one line.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use local::command::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is gone, the exit code is all that is left.
            let _ = writeln!(std::io::stderr(), "surefire: {error}");
            ExitCode::FAILURE
        }
    }
}
