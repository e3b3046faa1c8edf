//! The errors of a request that cannot be decided, and of a start that fails.

use lambda_runtime::Diagnostic;

use crate::keys::KeySetError;

/// Why a request could not be decided; its client gets a 500. Neither `Display`
/// nor `Debug` quotes the event.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The event has another form than the one that this function answers.
    #[error("the event is not an API Gateway authorizer request of payload format 2.0")]
    WrongEvent,
    /// The issuer's keys could not be fetched, and the cached ones are too old.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
    /// The code panicked. The text of the panic is dropped.
    #[error("the authorizer failed")]
    Panicked,
}

impl Error {
    /// The stable word for the log and the metric.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::WrongEvent => "wrong_event",
            Self::KeysUnavailable => "keys_unavailable",
            Self::Panicked => "panicked",
        }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match error {
            Error::WrongEvent => "WrongEvent",
            Error::KeysUnavailable => "KeysUnavailable",
            Error::Panicked => "Panicked",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// Why the authorizer does not start: one line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StartError {
    /// An issuer's keys are in Secrets Manager, but an AWS setting is missing.
    #[error("{0}")]
    Aws(String),
    /// A shared secret is unusable.
    #[error("issuer {issuer:?}: {cause}")]
    Secret {
        /// The issuer's configured name.
        issuer: String,
        /// What is wrong with the secret.
        cause: KeySetError,
    },
}
