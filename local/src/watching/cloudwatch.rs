//! The operations of CloudWatch that functions use, in its protocol Smithy RPC v2 CBOR: an alarm's graph,
//! its state, and the rules that mute it.
//!
//! Source: "Amazon CloudWatch API Reference" and "Smithy RPC v2 CBOR protocol".

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use ciborium::Value as Cbor;
use serde_json::{Map, Value, json};
use watch::{Described, Widget};

use super::{Watching, chart};

/// CloudWatch's name in the paths of this protocol.
const SERVICE: &str = "GraniteServiceVersion20100801";
/// What an account has room for in one answer of `DescribeAlarms`.
const ALARMS_MAX: usize = 100;

/// An error of the service: its type and message.
#[derive(Debug)]
struct Refusal(&'static str, String);

/// The operations, for all functions of a watched server.
pub(crate) fn router(watching: Arc<Watching>) -> Router {
    Router::new()
        .route("/service/{service}/operation/{operation}", post(answer))
        .with_state(watching)
}

async fn answer(
    State(watching): State<Arc<Watching>>,
    Path((service, operation)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Ok(request) = ciborium::from_reader::<Value, _>(body.as_ref()) else {
        let message = "the body is not CBOR".to_owned();
        return refused(&Refusal("SerializationException", message));
    };
    let answer = match (service.as_str(), operation.as_str()) {
        (SERVICE, "GetMetricWidgetImage") => image(&watching, &request),
        (SERVICE, "DescribeAlarms") => Ok(alarms(&watching, &request)),
        // Nobody mutes an alarm of this machine.
        (SERVICE, "ListAlarmMuteRules") => Ok(to_cbor(&json!({"AlarmMuteRuleSummaries": []}))),
        _ => {
            let message = format!("{service} {operation} is not imitated on this machine");
            Err(Refusal("UnknownOperationException", message))
        }
    };
    match answer {
        Ok(answer) => in_cbor(StatusCode::OK, &answer),
        Err(refusal) => refused(&refusal),
    }
}

/// Draws a graph of what the server has counted so far.
fn image(watching: &Watching, request: &Value) -> Result<Cbor, Refusal> {
    let invalid = |message: String| Refusal("InvalidParameterValueException", message);
    let text = request.get("MetricWidget").and_then(Value::as_str);
    let text = text.ok_or_else(|| invalid("MetricWidget is missing".to_owned()))?;
    let widget = Widget::read(text).map_err(invalid)?;
    let meter = watching.meter();
    let end = meter.pace.minute(meter.world.now());
    let drawing = meter.read(|store| widget.draw(store, end));
    let svg = chart::svg(&widget, &drawing, meter.pace);
    let png = shared::picture::png(&svg);
    let png = png.map_err(|error| Refusal("InternalServiceFault", error.to_string()))?;
    let name = Cbor::Text("MetricWidgetImage".to_owned());
    Ok(Cbor::Map(vec![(name, Cbor::Bytes(png))]))
}

/// The alarms with these names, or all, of the types that are asked for.
fn alarms(watching: &Watching, request: &Value) -> Cbor {
    let listed = |name: &str| {
        let list = request.get(name).and_then(Value::as_array);
        let list = list.map(Vec::as_slice).unwrap_or_default().iter();
        let texts = list.filter_map(Value::as_str).map(str::to_owned);
        texts.collect::<Vec<String>>()
    };
    let (names, mut types) = (listed("AlarmNames"), listed("AlarmTypes"));
    if types.is_empty() {
        types.push("MetricAlarm".to_owned());
    }
    let mut answer = Map::new();
    answer.insert("MetricAlarms".to_owned(), json!([]));
    answer.insert("CompositeAlarms".to_owned(), json!([]));
    let described = watching.described(&names);
    for alarm in described.into_iter().take(ALARMS_MAX) {
        let Described {
            is_composite,
            members,
        } = alarm;
        let (kind, list) = if is_composite {
            ("CompositeAlarm", "CompositeAlarms")
        } else {
            ("MetricAlarm", "MetricAlarms")
        };
        let list = answer.get_mut(list).and_then(Value::as_array_mut);
        if let (true, Some(list)) = (types.iter().any(|it| it == kind), list) {
            list.push(members);
        }
    }
    to_cbor(&Value::Object(answer))
}

fn refused(Refusal(kind, message): &Refusal) -> Response {
    let status = if *kind == "InternalServiceFault" {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::BAD_REQUEST
    };
    let kind = format!("com.amazonaws.cloudwatch#{kind}");
    in_cbor(
        status,
        &to_cbor(&json!({"__type": kind, "message": message})),
    )
}

fn to_cbor(json: &Value) -> Cbor {
    // JSON has nothing that CBOR lacks.
    Cbor::serialized(json).unwrap_or(Cbor::Null)
}

fn in_cbor(status: StatusCode, answer: &Cbor) -> Response {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    let _ = ciborium::into_writer(answer, &mut bytes);
    let headers = [
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
    ];
    (status, headers, bytes).into_response()
}
