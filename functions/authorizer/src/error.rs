//! Owns what is an error rather than a denial: nothing could be decided, and the client gets 500.

use lambda_runtime::Diagnostic;

use crate::keys::KeySetError;

/// Why a request could not be decided. Neither its `Display` nor its `Debug`
/// holds anything of the event.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The event is not of the one form this function answers.
    #[error("the event is no API Gateway authorizer request of payload format 2.0")]
    WrongEvent,
    /// The issuer's keys could not be had, or are too old.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
    /// The code panicked. What it said goes nowhere.
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

/// Why the authorizer does not start, in one line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StartError {
    /// An issuer's keys are in Secrets Manager, which the environment does not lead to.
    #[error("{0}")]
    Aws(String),
    /// A shared secret is not usable.
    #[error("issuer {issuer:?}: {cause}")]
    Secret {
        /// The issuer's configured name.
        issuer: String,
        /// What is wrong with it.
        cause: KeySetError,
    },
}
