//! Owns what makes a whole invocation fail, so that Lambda tries it again.

/// Why an invocation failed. Neither says anything of a webhook.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The HTTP client could not be built, for want of root certificates, say.
    #[error("the HTTP client cannot be built")]
    HttpClient,
    /// An invocation that brought no queue's records could not be delivered.
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
