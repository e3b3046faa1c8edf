//! Why a command failed.

use std::path::PathBuf;

use alert_forwarder::WebhookError;
use gateway::FunctionError;
use template::TemplateError;

use crate::data::DataError;
use crate::serve;
use crate::token::TokenError;

/// Why a command did not do what it should; each is one line.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The template file cannot be read.
    #[error("the template {0} cannot be read: {1}")]
    ReadTemplate(PathBuf, std::io::Error),
    /// There is no template file.
    #[error(
        "there is no template.yaml here or in a directory above: name one with --template FILE"
    )]
    NoTemplate,
    /// The template cannot be served.
    #[error("{0}: {1}")]
    Template(PathBuf, TemplateError),
    /// The services do not start.
    #[error(transparent)]
    Serve(#[from] serve::Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A token without a scope was requested.
    #[error("--scope is empty: name one scope or more; the routes require {0}")]
    NoScope(String),
    /// There is no token.
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
    /// A webhook's URL that was given is none. Never says what was given.
    #[error("--discord: the URL {0}")]
    Webhook(#[from] WebhookError),
    /// The function failed; its error was printed.
    #[error("the function failed: {0}")]
    Failed(FunctionError),
    /// A simulated world broke what must hold, or could not be made.
    #[error("{0}")]
    Simulation(String),
    /// Standard output is gone.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}
