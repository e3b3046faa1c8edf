//! Publishes the report to the alerts' topic.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{ProvideErrorMetadata as _, SdkError};

use crate::error::Error;

/// Publishes a message, once. A call without an answer may have been one that arrived.
pub(crate) async fn publish(
    topic: &Client,
    topic_arn: &str,
    message: String,
) -> Result<String, Error> {
    let sent = topic
        .publish()
        .topic_arn(topic_arn)
        .message(message)
        .send()
        .await;
    match sent {
        Ok(answer) => Ok(answer.message_id().unwrap_or_default().to_owned()),
        Err(SdkError::ServiceError(refused)) => {
            let error = refused.into_err();
            let code = error.code().unwrap_or("no code");
            let why = error.message().unwrap_or_default();
            tracing::warn!(code, why, "the topic refused the report");
            Err(Error::Refused(code.to_owned()))
        }
        Err(SdkError::ConstructionFailure(_)) => {
            Err(Error::Refused("the request could not be built".to_owned()))
        }
        Err(_) => Err(Error::Unclear),
    }
}
