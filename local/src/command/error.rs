//! Why a command failed.

use std::path::PathBuf;

use alert_forwarder::WebhookError;
use gateway::FunctionError;
use template::TemplateError;

use crate::data::DataError;
use crate::serve;
use crate::token::TokenError;

/// Why a command failed, in one line.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The template file cannot be read.
    #[error("the template {0} cannot be read: {1}")]
    ReadTemplate(PathBuf, std::io::Error),
    /// There is no template file.
    #[error("there is no template.yaml here or in a directory above: use --template FILE")]
    NoTemplate,
    /// The template has faults.
    #[error("{0}: {1}")]
    Template(PathBuf, TemplateError),
    /// The services do not start.
    #[error(transparent)]
    Serve(#[from] serve::Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The scope of a token is empty.
    #[error("--scope is empty: name one scope or more; the routes require {0}")]
    NoScope(String),
    /// The token cannot be made.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The secret in AWS cannot be read.
    #[error("the secret {0} cannot be read: {1}")]
    Secret(String, String),
    /// The secret cannot be rotated.
    #[error("the secret {0} cannot be rotated: {1}")]
    Rotate(String, String),
    /// An event cannot be read.
    #[error("{0}")]
    Event(String),
    /// The URL of `--discord` is not a webhook's. The message never contains the URL.
    #[error("--discord: the URL {0}")]
    Webhook(#[from] WebhookError),
    /// The function failed. Its error was printed before.
    #[error("the function failed: {0}")]
    Failed(FunctionError),
    /// The alarms of a server cannot be shown.
    #[error("{0}")]
    Watch(String),
    /// An audit found something wrong, or could not say. Its report was printed before.
    #[error("{0}")]
    Audit(String),
    /// A simulated world violated a rule, or could not be made.
    #[error("{0}")]
    Simulation(String),
    /// Standard output is gone.
    #[error("cannot write to standard output: {0}")]
    Write(#[from] std::io::Error),
}
