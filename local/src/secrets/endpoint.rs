//! The loopback endpoint of Secrets Manager, in its protocol AWS JSON 1.1.
//!
//! It also answers for the other services that functions call, so that no call leaves this machine:
//! the operations of queues, logs and stacks if there is a watch, and everything else is refused. CloudWatch has routes of
//! its own beside it. Source: "AWS Secrets Manager API Reference".

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Map, Value, json};

use super::{CURRENT, PutError, Store, StoredSecret, Version};
use crate::watching::{Watching, sqs};

/// The endpoint's routes. With a watch it has the queues of the template too.
pub(crate) fn router(store: Arc<Store>, watching: Option<Arc<Watching>>) -> Router {
    Router::new()
        .route("/", post(answer))
        .fallback(unknown)
        .with_state(Arc::new(Imitated { store, watching }))
}

/// What the endpoint answers from.
struct Imitated {
    store: Arc<Store>,
    watching: Option<Arc<Watching>>,
}

/// A refusal: the service's error type and message.
struct Refusal(&'static str, String);

impl Refusal {
    fn not_found() -> Self {
        Self("ResourceNotFoundException", PutError::NotFound.to_string())
    }
}

async fn answer(
    State(imitated): State<Arc<Imitated>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let form = String::from_utf8_lossy(&body).into_owned();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let target = target.unwrap_or_default();
    if let Some(watching) = &imitated.watching {
        if let Some((status, answer)) = watching.stacks().answer(&form) {
            return (status, [(CONTENT_TYPE, "text/xml")], answer).into_response();
        }
        if let Some(answered) = watching.logs().answer(target, &body) {
            return match answered {
                Ok(answer) => respond(StatusCode::OK, &answer),
                Err((kind, message)) => respond(
                    StatusCode::BAD_REQUEST,
                    &json!({"__type": kind, "message": message}),
                ),
            };
        }
        let (queues, meter) = (watching.queues(), watching.meter());
        if let Some(answered) = sqs::answer(queues, target, &body, &meter.world) {
            return match answered {
                Ok(answer) => respond(StatusCode::OK, &answer),
                Err(kind) => respond(StatusCode::BAD_REQUEST, &json!({"__type": kind})),
            };
        }
        if meter.fault("secrets").is_some() {
            let kind = json!({"__type": "InternalServiceError", "Message": "broken by a fault"});
            return respond(StatusCode::INTERNAL_SERVER_ERROR, &kind);
        }
    }
    match operate(&imitated.store, target, &body) {
        Ok(answer) => respond(StatusCode::OK, &answer),
        Err(Refusal(kind, message)) => respond(
            StatusCode::BAD_REQUEST,
            &json!({"__type": kind, "Message": message}),
        ),
    }
}

async fn unknown() -> Response {
    let answer =
        json!({"__type": "UnknownOperationException", "Message": "not imitated on this machine"});
    respond(StatusCode::BAD_REQUEST, &answer)
}

fn respond(status: StatusCode, answer: &Value) -> Response {
    (
        status,
        [(CONTENT_TYPE, "application/x-amz-json-1.1")],
        answer.to_string(),
    )
        .into_response()
}

fn operate(store: &Store, target: &str, body: &Value) -> Result<Value, Refusal> {
    match target {
        "secretsmanager.GetSecretValue" => get_value(&secret(store, body)?, body),
        "secretsmanager.DescribeSecret" => Ok(describe(&secret(store, body)?)),
        "secretsmanager.ListSecretVersionIds" => Ok(list_versions(&secret(store, body)?)),
        "secretsmanager.PutSecretValue" => put_value(store, body),
        // Without queues, the caller must send a returned message again.
        "AmazonSQS.ChangeMessageVisibility" => Ok(json!({})),
        other => {
            let message = format!("{other} is not imitated on this machine");
            Err(Refusal("UnknownOperationException", message))
        }
    }
}

fn text<'body>(body: &'body Value, name: &str) -> Option<&'body str> {
    body.get(name).and_then(Value::as_str)
}

fn secret(store: &Store, body: &Value) -> Result<StoredSecret, Refusal> {
    let id = text(body, "SecretId").ok_or_else(|| {
        Refusal(
            "InvalidParameterException",
            "You must provide a SecretId.".to_owned(),
        )
    })?;
    store.find(id).ok_or_else(Refusal::not_found)
}

fn get_value(secret: &StoredSecret, body: &Value) -> Result<Value, Refusal> {
    let (id, stage) = (text(body, "VersionId"), text(body, "VersionStage"));
    let found = match (id, stage) {
        (Some(id), stage) => secret.versions.iter().find(|version| {
            version.id == id
                && stage.is_none_or(|stage| version.stages.iter().any(|own| own == stage))
        }),
        (None, stage) => secret.staged(stage.unwrap_or(CURRENT)),
    };
    let version = found.ok_or_else(|| {
        let what = match id {
            Some(id) => format!("VersionId: {id}"),
            None => format!("staging label: {}", stage.unwrap_or(CURRENT)),
        };
        let message = format!("Secrets Manager can't find the specified secret value for {what}");
        Refusal("ResourceNotFoundException", message)
    })?;
    Ok(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        "SecretString": version.value,
        "VersionStages": version.stages,
        "CreatedDate": seconds(version),
    }))
}

fn describe(secret: &StoredSecret) -> Value {
    let stages: Map<String, Value> = secret
        .versions
        .iter()
        .map(|version| (version.id.clone(), json!(version.stages)))
        .collect();
    json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "CreatedDate": secret.versions.first().map(seconds),
        "LastChangedDate": secret.versions.last().map(seconds),
        "VersionIdsToStages": stages,
    })
}

fn list_versions(secret: &StoredSecret) -> Value {
    let version = |version: &Version| {
        json!({
            "VersionId": version.id,
            "VersionStages": version.stages,
            "CreatedDate": seconds(version),
        })
    };
    let versions: Vec<Value> = secret.versions.iter().map(version).collect();
    json!({"ARN": secret.arn, "Name": secret.name, "Versions": versions})
}

fn put_value(store: &Store, body: &Value) -> Result<Value, Refusal> {
    let id = secret(store, body)?.arn;
    let value = text(body, "SecretString").ok_or_else(|| {
        Refusal(
            "InvalidParameterException",
            "You must provide a SecretString.".to_owned(),
        )
    })?;
    let stages = body.get("VersionStages").filter(|stages| !stages.is_null());
    if stages.is_some_and(|stages| *stages != json!([CURRENT])) {
        let message = "only the staging label AWSCURRENT is imitated on this machine";
        return Err(Refusal("InvalidParameterException", message.to_owned()));
    }
    let token = text(body, "ClientRequestToken").map(str::to_owned);
    let put = store.put(&id, value, token);
    let (secret, version) = put.map_err(|error| match &error {
        PutError::Exists(_) => Refusal("ResourceExistsException", error.to_string()),
        PutError::NotFound => Refusal::not_found(),
        PutError::Write(_) => Refusal("InternalServiceError", error.to_string()),
    })?;
    Ok(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        "VersionStages": version.stages,
    }))
}

/// A version's creation time in the protocol's form: seconds since 1970.
fn seconds(version: &Version) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of this era are exact in a double"
    )]
    let seconds = version.created_milliseconds as f64 / 1000.0;
    json!(seconds)
}
