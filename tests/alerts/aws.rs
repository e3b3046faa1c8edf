//! The AWS services that the forwarder needs beside its table: one secret, and a queue that records its calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What the endpoint answers, and which calls it got.
#[derive(Debug, Default)]
pub(super) struct Aws {
    pub(super) secret: Mutex<String>,
    /// For how many seconds messages are hidden, by receipt handle.
    pub(super) hidden: Mutex<BTreeMap<String, u64>>,
    /// The bodies of messages that were sent to the dead-letter queue.
    pub(super) dead_letters: Mutex<Vec<String>>,
    /// The attributes of those messages.
    pub(super) dead_letter_attributes: Mutex<Vec<Value>>,
    pub(super) secrets_read: Mutex<usize>,
}

impl Aws {
    fn answer(&self, action: &str, body: &Value) -> Response {
        match action {
            "secretsmanager.GetSecretValue" => {
                *self.secrets_read.lock().unwrap() += 1;
                let secret = self.secret.lock().unwrap().clone();
                if secret.is_empty() {
                    let refusal =
                        json!({"__type": "ResourceNotFoundException", "Message": "no such secret"});
                    return (StatusCode::BAD_REQUEST, axum::Json(refusal)).into_response();
                }
                let found = json!({
                    "ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:webhook-AbCdEf",
                    "Name": "webhook", "VersionId": "00000000-0000-4000-8000-000000000000",
                    "SecretString": secret, "VersionStages": ["AWSCURRENT"],
                });
                axum::Json(found).into_response()
            }
            "AmazonSQS.ChangeMessageVisibility" => {
                let handle = body["ReceiptHandle"].as_str().unwrap().to_owned();
                let seconds = body["VisibilityTimeout"].as_u64().unwrap();
                self.hidden.lock().unwrap().insert(handle, seconds);
                axum::Json(json!({})).into_response()
            }
            "AmazonSQS.SendMessage" => {
                let message = body["MessageBody"].as_str().unwrap().to_owned();
                self.dead_letters.lock().unwrap().push(message);
                let attributes = body["MessageAttributes"].clone();
                self.dead_letter_attributes.lock().unwrap().push(attributes);
                axum::Json(json!({"MessageId": "1"})).into_response()
            }
            other => panic!("unexpected call: {other}"),
        }
    }
}

/// One endpoint for all services. A header of each request names the service and the action.
pub(super) fn router(aws: Arc<Aws>) -> Router {
    Router::new().fallback(move |headers: HeaderMap, body: String| {
        let aws = Arc::clone(&aws);
        async move {
            let action = headers
                .get("x-amz-target")
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            aws.answer(&action, &serde_json::from_str(&body).unwrap())
        }
    })
}
