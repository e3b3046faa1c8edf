//! Why an issuer's keys could not be fetched.

use crate::keys::KeySetError;

/// Why keys could not be fetched. No text quotes the answer of a server.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the key source did not answer in time")]
    Timeout,
    #[error("the key source could not be reached")]
    Unreachable,
    #[error("the key source answered with status {0}")]
    Status(u16),
    #[error("the document of the key source is too large")]
    TooLarge,
    #[error("Secrets Manager answered with {0}")]
    SecretsManager(&'static str),
    #[error("the OpenID configuration {0}")]
    Discovery(&'static str),
    #[error(transparent)]
    Refused(#[from] KeySetError),
}
