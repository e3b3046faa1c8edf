//! The program `surefire`: reads its arguments, runs one command, says in one line why it could not.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use local::command::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is gone.
            let _ = writeln!(std::io::stderr(), "surefire: {error}");
            ExitCode::FAILURE
        }
    }
}
