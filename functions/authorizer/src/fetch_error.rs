//! Why an issuer's keys could not be fetched.

use crate::keys::KeySetError;

/// Why keys could not be fetched. Nothing in it quotes an answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the key source did not answer in time")]
    Timeout,
    #[error("the key source could not be reached")]
    Unreachable,
    #[error("the key source answered with status {0}")]
    Status(u16),
    #[error("the key source answered with too large a document")]
    TooLarge,
    #[error("Secrets Manager refused: {0}")]
    SecretsManager(&'static str),
    #[error("the OpenID configuration {0}")]
    Discovery(&'static str),
    #[error(transparent)]
    Refused(#[from] KeySetError),
}
