//! Owns `surefire env`: a function's environment, to run it apart from this program.

use std::fmt::Write as _;

use clap::Args;
use shared::world::World;

use super::invoke::function;
use super::{CommandError, DataArguments, TemplateArguments, print};
use crate::data::Access;
use crate::functions;
use crate::serve;

/// The arguments of `surefire env`.
#[derive(Args, Debug)]
#[command(after_help = "Needs a server that runs with the same --data.

Example:
  eval \"$(surefire env orders)\"
  cargo lambda watch --manifest-path functions/orders/Cargo.toml")]
pub(super) struct EnvArguments {
    /// The function: orders, cors, authorizer, alert-forwarder, orders-sweeper, or its name in the template
    function: String,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    template: TemplateArguments,
}

pub(super) async fn run(arguments: EnvArguments) -> Result<(), CommandError> {
    let (options, template) = arguments.template.options()?;
    let logical = function(&arguments.function, &template)?;
    let Access::Live(live) = arguments.data.directory().access(&World::real()).await? else {
        return Err(CommandError::Event(
            "no server runs with this data directory: start `surefire serve` first".to_owned(),
        ));
    };
    let template = options
        .read_template_with(&live.endpoints)
        .map_err(serve::Error::from)?;
    let Some(spec) = template.functions.get(&logical) else {
        return Ok(());
    };
    let mut lines = String::new();
    for (name, value) in functions::environment_of(spec, &template.place, &live.endpoints) {
        // Those are the emulated runtime's to set.
        if !name.starts_with("AWS_LAMBDA_") {
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "export {name}={}", quoted(&value));
        }
    }
    print(&lines)
}

/// A value as one word of a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_word_whatever_it_holds() {
        assert_eq!(quoted(r#"{"a": "b c"}"#), r#"'{"a": "b c"}'"#);
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
