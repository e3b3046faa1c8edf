//! Why an invocation failed.

use lambda_runtime::Diagnostic;

/// Why no report was sent. Lambda invokes the function again, and that asks nothing that is kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table did not answer. Without it, a repeat would ask, and pay, again.
    #[error(
        "the table of alerts cannot be used, so nothing was asked: a repeat would pay again. Check TABLE_NAME, STACK_REGION and the function's role"
    )]
    Table,
    /// Another invocation is asking now.
    #[error("another invocation is asking for the costs now")]
    Busy,
    /// The topic refused the report.
    #[error(
        "the topic refused the report ({0}). Check TOPIC_ARN, the function's role and the topic's key"
    )]
    Refused(String),
    /// The topic did not answer.
    #[error(
        "the topic did not answer, so it may have the report. It is not sent again by itself; to send it, invoke the function with {{\"again\": true}}"
    )]
    Unclear,
}

impl Error {
    const fn name(&self) -> &'static str {
        match self {
            Self::Table => "TableUnavailable",
            Self::Busy => "AnotherInvocationAsks",
            Self::Refused(_) => "TopicRefused",
            Self::Unclear => "TopicSilent",
        }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self {
            error_type: error.name().to_owned(),
            error_message: error.to_string(),
        }
    }
}
