//! The errors that fail a whole invocation, so that Lambda retries it.

/// Why an invocation failed. No message contains anything of a webhook.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The HTTP client could not be built, for example without root certificates.
    #[error("the HTTP client cannot be built")]
    HttpClient,
    /// This number of messages of an invocation without a queue could not be delivered.
    #[error("{0} of the invocation's messages could not be delivered; the log says why")]
    NotDelivered(usize),
}

impl From<Error> for lambda_runtime::Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match error {
            Error::HttpClient => "HttpClient",
            Error::NotDelivered(_) => "NotDelivered",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}
