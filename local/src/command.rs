//! The command line: the arguments, and the commands that they run.

use clap::{Parser, Subcommand};

mod arguments;
mod audit;
mod banner;
mod env;
mod error;
mod invoke;
mod log;
mod output;
mod rotate;
mod routes;
mod sale;
mod sale_goals;
mod sale_picture;
mod serving;
mod simulate;
mod token;
mod watch;

pub use error::CommandError;

/// The whole order API on this machine.
///
/// Serves template.yaml: the real functions behind an API Gateway, with an embedded DynamoDB,
/// Secrets Manager and Discord. Without a command, surefire runs `surefire serve`.
#[derive(Debug, Parser)]
#[command(name = "surefire", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serving::ServeArguments,
}

const EXAMPLES: &str = "Examples:
  surefire                                   serve the API on http://127.0.0.1:3000
  surefire serve --memory --listen 127.0.0.1:0
  surefire token --sub alice --scope 'orders:read orders:write'
  surefire rotate
  surefire invoke cors events/cors/allowed-preflight.json
  surefire invoke alert-forwarder events/alerts/metric-alarm.json
  surefire audit
  surefire routes
  surefire serve --alarm-speed 60 --fault dynamodb=error:60s
  surefire watch";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until Ctrl-C.
    Serve(serving::ServeArguments),
    /// Print a token of a local issuer.
    Token(token::TokenArguments),
    /// Give the local issuer a new signing secret; the old one is accepted for another day.
    Rotate(rotate::RotateArguments),
    /// Run one function on an event and print its response as JSON.
    Invoke(invoke::InvokeArguments),
    /// Check that stock, orders, returns, payments and adjustments add up.
    ///
    /// Reads the whole table, and never writes. A difference that a pass finds is looked at again
    /// after a minute, because reading many items is no snapshot.
    Audit(audit::AuditArguments),
    /// Print the environment of a function, to run it with `cargo lambda watch`.
    Env(env::EnvArguments),
    /// Show the alarms of a running server.
    Watch(watch::WatchArguments),
    /// List the routes: method, path, function, authorizer, scopes.
    Routes(routes::RoutesArguments),
    /// Run the order functions in simulated worlds with faults.
    ///
    /// The shipped handlers and the real AWS SDK run in virtual time, against an embedded DynamoDB.
    /// Requests and answers are lost, repeated and delayed, transactions conflict, invocations die
    /// at any point, and clocks differ. After every commit and at the end of every world, stock and
    /// orders must add up, and all answers must agree. The seed determines everything in a world:
    /// the same seed fails in the same way on every machine.
    Simulate(simulate::SimulateArguments),
}

impl Arguments {
    /// Runs the command.
    pub async fn run(self) -> Result<(), CommandError> {
        match self.command {
            None => serving::run(self.serve).await,
            Some(Command::Serve(arguments)) => serving::run(arguments).await,
            Some(Command::Token(arguments)) => token::run(arguments).await,
            Some(Command::Rotate(arguments)) => rotate::run(arguments).await,
            Some(Command::Invoke(arguments)) => invoke::run(arguments).await,
            Some(Command::Audit(arguments)) => audit::run(arguments).await,
            Some(Command::Env(arguments)) => env::run(arguments).await,
            Some(Command::Watch(arguments)) => watch::run(arguments).await,
            Some(Command::Routes(arguments)) => routes::run(&arguments),
            Some(Command::Simulate(arguments)) => simulate::run(&arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_flags_are_those_of_serve() {
        let parsed = Arguments::try_parse_from(["surefire", "--memory", "--listen", "127.0.0.1:0"]);
        assert!(parsed.unwrap().command.is_none());
        assert!(Arguments::try_parse_from(["surefire", "--memory", "routes"]).is_err());
        assert!(Arguments::try_parse_from(["surefire", "--parameter", "x"]).is_err());
    }
}
