//! Arguments that several commands share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alert_forwarder::{WebhookError, WebhookUrl};
use clap::Args;
use shared::secret::Secret;
use template::{Kind, Template};

use super::error::CommandError;
use crate::data::DataDirectory;
use crate::serve::Options;

/// The name of the template's file, here or in a directory above.
const TEMPLATE_FILE: &str = "template.yaml";

/// The template, and values for its parameters.
#[derive(Args, Clone, Debug)]
pub(super) struct TemplateArguments {
    /// The template to serve [default: template.yaml here or in a directory above]
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// A value for a parameter of the template; may be repeated
    #[arg(long = "parameter", value_name = "KEY=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
}

/// The function that a command runs or describes.
#[derive(Args, Clone, Debug)]
pub(super) struct FunctionArgument {
    #[arg(value_name = "FUNCTION", help = function_help())]
    pub(super) name: String,
}

/// The data directory.
#[derive(Args, Clone, Debug)]
pub(super) struct DataArguments {
    /// The directory with the orders, the secrets and the running server's endpoints
    #[arg(long, value_name = "DIRECTORY", default_value = ".surefire")]
    data: PathBuf,
}

impl TemplateArguments {
    /// The template's file and text.
    fn text(&self) -> Result<(PathBuf, String), CommandError> {
        let path = match &self.template {
            Some(path) => path.clone(),
            None => find_template().ok_or(CommandError::NoTemplate)?,
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok((path, text)),
            Err(error) => Err(CommandError::ReadTemplate(path, error)),
        }
    }

    /// A file beside the template, if there is one.
    pub(super) fn beside(&self, name: &str) -> Option<(PathBuf, String)> {
        let path = self.template.clone().or_else(find_template)?;
        let path = path.with_file_name(name);
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path, text))
    }

    /// Options with the template, and the template as it was read.
    pub(super) fn options(&self) -> Result<(Options, Template), CommandError> {
        let (path, template) = self.text()?;
        let options = Options {
            template,
            parameters: self.parameters.clone(),
            ..Options::in_memory()
        };
        let template = options
            .read_template()
            .map_err(|error| CommandError::Template(path, error))?;
        Ok((options, template))
    }
}

fn function_help() -> String {
    let binaries = Kind::ALL.map(Kind::binary).join(", ");
    format!("The function: {binaries}, or its name in the template")
}

impl FunctionArgument {
    /// The function's logical id in a template.
    pub(super) fn logical_id(&self, template: &Template) -> Result<String, CommandError> {
        if template.functions.contains_key(&self.name) {
            return Ok(self.name.clone());
        }
        let found = Kind::of_binary(&self.name).and_then(|kind| template.function(kind));
        found.map(|(logical, _)| logical.to_owned()).ok_or_else(|| {
            let functions = template.functions.values();
            let known: Vec<&str> = functions.map(|spec| spec.kind.binary()).collect();
            CommandError::Event(format!(
                "there is no function `{}`: the template has {}",
                self.name,
                known.join(", ")
            ))
        })
    }
}

impl DataArguments {
    pub(super) fn directory(&self) -> DataDirectory {
        DataDirectory::new(&self.data)
    }
}

fn find_template() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let found = here
        .ancestors()
        .map(|directory| directory.join(TEMPLATE_FILE))
        .find(|path| path.is_file())?;
    // Errors show the path: the short one, if the file is here.
    Some(
        found
            .strip_prefix(&here)
            .map(Path::to_owned)
            .unwrap_or(found),
    )
}

/// The template that a command without `--template` reads, or else the shipped one; for help texts,
/// which are made before the arguments are read.
pub(super) fn usual_template() -> Option<Template> {
    let text = find_template().and_then(|path| std::fs::read_to_string(path).ok());
    Template::read(text.as_deref().unwrap_or(template::SHIPPED), []).ok()
}

/// A webhook's URL as it was typed. It is a credential, which no error may repeat.
///
/// [`Webhook::checked`] checks it, and not clap, because clap's errors show the value.
#[derive(Clone, Debug)]
pub(super) struct Webhook(Secret<String>);

#[expect(
    clippy::unnecessary_wraps,
    reason = "clap wants a parser that can fail"
)]
pub(super) fn webhook(text: &str) -> Result<Webhook, std::convert::Infallible> {
    Ok(Webhook(Secret::new(text.trim().to_owned())))
}

impl Webhook {
    /// The URL, if it is a valid webhook URL.
    pub(super) fn checked(self) -> Result<Secret<String>, WebhookError> {
        WebhookUrl::parse(self.0.expose())?;
        Ok(self.0)
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write a parameter as KEY=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Reads a duration: `90s`, `15m`, `1h`, `7d`, or a number of seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write a duration as a number with s, m, h or d, such as 15m";
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("" | "s") => 1,
        Some("m") => 60,
        Some("h") => 60 * 60,
        Some("d") => 24 * 60 * 60,
        _ => return Err(FORM.to_owned()),
    };
    let count: u64 = digits.parse().map_err(|_| FORM.to_owned())?;
    count
        .checked_mul(unit)
        .map(Duration::from_secs)
        .ok_or_else(|| "the duration is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_or_is_in_seconds() {
        let seconds = |text| duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(duration("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(seconds("7d"), Ok(604_800));
        assert!(
            seconds("h").is_err()
                && seconds("1w").is_err()
                && seconds("99999999999999999d").is_err()
        );
    }
}
