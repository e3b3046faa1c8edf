//! Answers and refusals, in the form of each protocol.
//!
//! Source: "AWS JSON 1.0/1.1", "AWS restJson1", "AWS Query" and "Smithy RPC v2 CBOR", Smithy
//! documentation.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::cbor;

/// How a service speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Json,
    RestJson,
    Query,
    Cbor,
}

/// The code and message of an error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// The status that services give an error of this code.
    fn status(&self) -> StatusCode {
        match self.code.as_str() {
            "AccessDeniedException" | "OptInRequiredException" | "AuthorizationError" => {
                StatusCode::FORBIDDEN
            }
            "ThrottlingException" | "Throttling" => StatusCode::TOO_MANY_REQUESTS,
            "InternalServerException" | "InternalError" => StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceUnavailableException" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The answer to a call.
pub(crate) fn respond(protocol: Protocol, answer: Result<Value, Refusal>) -> Response {
    match answer {
        Ok(answer) => accepted(protocol, &answer),
        Err(refusal) => refused(protocol, &refusal),
    }
}

fn accepted(protocol: Protocol, answer: &Value) -> Response {
    let text = answer.to_string();
    match protocol {
        Protocol::Json => ([(CONTENT_TYPE, "application/x-amz-json-1.1")], text).into_response(),
        Protocol::RestJson => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Protocol::Cbor => in_cbor(StatusCode::OK, answer),
        Protocol::Query => {
            let id = answer.get("MessageId").and_then(Value::as_str);
            let xml = format!(
                "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
                 <MessageId>{}</MessageId></PublishResult><ResponseMetadata><RequestId>local\
                 </RequestId></ResponseMetadata></PublishResponse>",
                id.unwrap_or_default()
            );
            ([(CONTENT_TYPE, "text/xml")], xml).into_response()
        }
    }
}

fn refused(protocol: Protocol, refusal: &Refusal) -> Response {
    let Refusal { code, message } = refusal;
    match protocol {
        // Budgets and Cost Explorer write `Message`, others `message`.
        Protocol::Json => {
            let body = json!({"__type": code, "Message": message, "message": message});
            let form = [(CONTENT_TYPE, "application/x-amz-json-1.1")];
            // These services answer all errors of the client with 400.
            let status = if refusal.status().is_server_error() {
                refusal.status()
            } else {
                StatusCode::BAD_REQUEST
            };
            (status, form, body.to_string()).into_response()
        }
        Protocol::RestJson => {
            let headers = [
                ("content-type", "application/json"),
                ("x-amzn-errortype", code.as_str()),
            ];
            let body = json!({"message": message}).to_string();
            (refusal.status(), headers, body).into_response()
        }
        Protocol::Cbor => in_cbor(
            refusal.status(),
            &json!({"__type": format!("com.amazonaws.local#{code}"), "message": message}),
        ),
        Protocol::Query => {
            let xml = format!(
                "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error>\
                 <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>local</RequestId></ErrorResponse>"
            );
            (refusal.status(), [(CONTENT_TYPE, "text/xml")], xml).into_response()
        }
    }
}

fn in_cbor(status: StatusCode, body: &Value) -> Response {
    let headers = [
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
    ];
    (status, headers, cbor::write(body)).into_response()
}
