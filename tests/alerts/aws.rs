//! The AWS services that the forwarder needs beside its table: one secret, a queue that records its calls,
//! and CloudWatch's alarms.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
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
    /// The messages that the function sent to its own queue, and for how many seconds each is delayed.
    pub(super) wakes: Mutex<Vec<(u64, String)>>,
    /// Whether the queue refuses messages.
    pub(super) queue_is_broken: Mutex<bool>,
    /// Whether the function may not send messages to it.
    pub(super) queue_is_forbidden: Mutex<bool>,
    /// What CloudWatch says about every alarm.
    pub(super) alarm: Mutex<Alarm>,
    pub(super) graph: Mutex<Graph>,
    /// The graphs that were asked for.
    pub(super) widgets: Mutex<Vec<Value>>,
    /// What functions logged: milliseconds since 1970, and the line.
    pub(super) log: Mutex<Log>,
    /// The log requests so far.
    pub(super) log_requests: Mutex<Vec<Value>>,
    /// When the stack was updated last, its status, and the name of its release.
    pub(super) deployed: Mutex<Option<(String, &'static str, &'static str)>>,
    /// The IAM actions of the calls so far.
    pub(super) actions: Mutex<BTreeSet<String>>,
}

/// What CloudWatch says about an alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Alarm {
    /// The alarm is in this state, with its actions on.
    #[default]
    Firing,
    Ok,
    /// Its actions are off.
    Off,
    /// A mute rule is active.
    Muted,
    Absent,
    /// A composite alarm that fires.
    Composite,
    /// CloudWatch answers with an error.
    Broken,
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
            "Logs_20140328.FilterLogEvents" => self.log(body),
            "AmazonSQS.ChangeMessageVisibility" => {
                let handle = body["ReceiptHandle"].as_str().unwrap().to_owned();
                let seconds = body["VisibilityTimeout"].as_u64().unwrap();
                self.hidden.lock().unwrap().insert(handle, seconds);
                axum::Json(json!({})).into_response()
            }
            "AmazonSQS.SendMessage" if *self.queue_is_broken.lock().unwrap() => {
                let error =
                    json!({"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"});
                (StatusCode::BAD_REQUEST, axum::Json(error)).into_response()
            }
            "AmazonSQS.SendMessage" if *self.queue_is_forbidden.lock().unwrap() => {
                let error = json!({"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no"});
                (StatusCode::FORBIDDEN, axum::Json(error)).into_response()
            }
            "AmazonSQS.SendMessage" if body["QueueUrl"].as_str().unwrap().ends_with("/alerts") => {
                let message = body["MessageBody"].as_str().unwrap().to_owned();
                let delay = body["DelaySeconds"].as_u64().unwrap();
                assert!(delay <= 900, "SQS delays at most 15 minutes");
                self.wakes.lock().unwrap().push((delay, message));
                axum::Json(json!({"MessageId": "1"})).into_response()
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

impl Aws {
    /// CloudWatch speaks CBOR. Source: "Smithy RPC v2 CBOR protocol".
    fn cloudwatch(&self, operation: &str, body: &[u8]) -> Response {
        let request: Value = ciborium::from_reader(body).unwrap();
        self.actions
            .lock()
            .unwrap()
            .insert(format!("cloudwatch:{operation}"));
        if operation == "GetMetricWidgetImage" {
            return self.graph(&request);
        }
        let alarm = *self.alarm.lock().unwrap();
        let answer = match (operation, alarm) {
            (_, Alarm::Broken) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            ("DescribeAlarms", _) if request["AlarmTypes"] == json!(["MetricAlarm"]) => {
                children(&request["AlarmNames"])
            }
            ("DescribeAlarms", Alarm::Absent) => json!({"MetricAlarms": [], "CompositeAlarms": []}),
            ("DescribeAlarms", alarm) => {
                assert_eq!(
                    request["AlarmTypes"],
                    json!(["MetricAlarm", "CompositeAlarm"])
                );
                let described = json!({
                    "AlarmName": request["AlarmNames"][0],
                    "StateValue": if alarm == Alarm::Ok { "OK" } else { "ALARM" },
                    "ActionsEnabled": alarm != Alarm::Off,
                });
                let kind = if alarm == Alarm::Composite {
                    "CompositeAlarms"
                } else {
                    "MetricAlarms"
                };
                json!({ kind: [described] })
            }
            ("ListAlarmMuteRules", Alarm::Muted) => {
                json!({"AlarmMuteRuleSummaries": [{"AlarmMuteRuleArn": "arn", "Status": "ACTIVE"}]})
            }
            ("ListAlarmMuteRules", _) => json!({"AlarmMuteRuleSummaries": []}),
            (other, _) => panic!("unexpected call: {other}"),
        };
        cbor(&answer)
    }

    /// Draws a graph, or fails as the test wants.
    fn graph(&self, request: &Value) -> Response {
        let widget = serde_json::from_str(request["MetricWidget"].as_str().unwrap()).unwrap();
        self.widgets.lock().unwrap().push(widget);
        match *self.graph.lock().unwrap() {
            Graph::None | Graph::Hanging => StatusCode::BAD_REQUEST.into_response(),
            Graph::NoPicture => cbor(&image(b"<html>")),
            Graph::Drawn => cbor(&image(&drawn())),
        }
    }
}

/// What CloudWatch Logs answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Log {
    /// The lines of each group, the newest first: milliseconds since 1970, and the text.
    Lines(Vec<(i64, String)>),
    Forbidden,
    Hanging,
}

impl Default for Log {
    fn default() -> Self {
        Self::Lines(Vec::new())
    }
}

impl Aws {
    fn log(&self, request: &Value) -> Response {
        self.log_requests.lock().unwrap().push(request.clone());
        let lines = match self.log.lock().unwrap().clone() {
            Log::Lines(lines) => lines,
            Log::Forbidden | Log::Hanging => {
                let error = json!({"__type": "AccessDeniedException", "message": "no"});
                return (StatusCode::BAD_REQUEST, axum::Json(error)).into_response();
            }
        };
        let mut events: Vec<Value> = lines
            .iter()
            .map(|(at, text)| json!({"timestamp": at, "message": text, "eventId": "1"}))
            .collect();
        // As CloudWatch Logs may do: an empty page before the one with the lines.
        if request["nextToken"].is_null() {
            events.clear();
            return axum::Json(json!({"events": events, "nextToken": "2"})).into_response();
        }
        axum::Json(json!({"events": events})).into_response()
    }

    /// CloudFormation speaks XML.
    fn stack(&self, form: &str) -> Response {
        assert!(form.contains("Action=DescribeStacks"), "{form}");
        let mut more = String::new();
        let mut status = "CREATE_COMPLETE";
        if let Some((at, known, release)) = self.deployed.lock().unwrap().clone() {
            status = known;
            more = format!(
                "<LastUpdatedTime>{at}</LastUpdatedTime><Outputs><member><OutputKey>Release</OutputKey>\
                 <OutputValue>{release}</OutputValue></member></Outputs>"
            );
        }
        let stack = format!(
            "<StackName>orders</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>\
             <StackStatus>{status}</StackStatus>{more}"
        );
        let answer = format!(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>{stack}</member></Stacks>\
             </DescribeStacksResult></DescribeStacksResponse>"
        );
        ([("content-type", "text/xml")], answer).into_response()
    }
}

/// The children of a composite alarm. The first is a composite alarm itself, so it is not among them; the
/// second is an alarm of metric math.
fn children(names: &Value) -> Value {
    let alarm = |name: &Value| {
        let name = name.as_str().unwrap();
        json!({
            "AlarmName": name,
            "AlarmArn": format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"),
            "Threshold": 14.4,
            "Metrics": [
                {"Id": "burn", "Expression": "errors / 10", "Label": "burn rate", "ReturnData": true},
                {"Id": "errors", "ReturnData": false, "MetricStat": {"Stat": "Sum", "Period": 300, "Metric": {
                    "Namespace": "AWS/ApiGateway", "MetricName": "5xx",
                    "Dimensions": [{"Name": "ApiId", "Value": "a1"}]}}},
            ],
        })
    };
    let metric = names.as_array().unwrap().iter().skip(1).map(alarm);
    json!({"MetricAlarms": metric.collect::<Vec<Value>>()})
}

/// What CloudWatch answers to a request for a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Graph {
    #[default]
    None,
    NoPicture,
    Drawn,
    Hanging,
}

/// A graph as CloudWatch draws it: a line that crosses its threshold.
pub(super) fn drawn() -> Vec<u8> {
    let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" width="600" height="300" font-family="DejaVu Sans">
        <rect width="600" height="300" fill="#fff"/>
        <text x="16" y="26" font-size="15" fill="#16191f">Errors, sum of each minute</text>
        <path d="M50 250H580 M50 190H580 M50 130H580 M50 70H580" stroke="#eaeded"/>
        <path d="M50 160H580" stroke="#d13212" stroke-width="2" stroke-dasharray="6 4"/>
        <text x="500" y="152" font-size="12" fill="#d13212">threshold 1</text>
        <path d="M50 248L120 246L190 249L260 243L330 240L400 238L430 170L460 96L500 80L580 74"
            fill="none" stroke="#1f77b4" stroke-width="2.5"/>
        <g font-size="12" fill="#545b64"><text x="20" y="254">0</text><text x="20" y="164">1</text>
        <text x="20" y="74">2</text><text x="50" y="276">09:00</text><text x="290" y="276">09:30</text>
        <text x="540" y="276">10:00</text></g></svg>"##;
    shared::picture::png(svg).unwrap()
}

fn image(bytes: &[u8]) -> ciborium::Value {
    let name = ciborium::Value::Text("MetricWidgetImage".to_owned());
    ciborium::Value::Map(vec![(name, ciborium::Value::Bytes(bytes.to_vec()))])
}

fn cbor(answer: &impl serde::Serialize) -> Response {
    let mut bytes = Vec::new();
    ciborium::into_writer(answer, &mut bytes).unwrap();
    let headers = [
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
    ];
    (headers, bytes).into_response()
}

/// One endpoint for all services. A header of each request names the service and the action.
pub(super) fn router(aws: Arc<Aws>) -> Router {
    Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let aws = Arc::clone(&aws);
        async move {
            if let Some((_, operation)) = uri.path().split_once("/operation/") {
                if *aws.graph.lock().unwrap() == Graph::Hanging {
                    return std::future::pending().await;
                }
                return aws.cloudwatch(operation, &body);
            }
            let Some(action) = headers.get("x-amz-target") else {
                return aws.stack(&String::from_utf8_lossy(&body));
            };
            let action = action.to_str().unwrap().to_owned();
            let hangs = *aws.log.lock().unwrap() == Log::Hanging;
            if hangs && action.starts_with("Logs_") {
                return std::future::pending().await;
            }
            aws.answer(&action, &serde_json::from_slice(&body).unwrap())
        }
    })
}
