//! Owns what Lambda reports of failed asynchronous invocations: destination records, and dead letters.

use serde_json::Value;

use super::json::{account_of, blank, push, text};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::link;
use crate::region::{Arn, region};
use crate::when::moment;

/// A destination record. Source: "Retaining records of asynchronous invocations", AWS Lambda.
pub(super) fn parse_destination(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let arn = text(json, "/requestContext/functionArn")?;
    let condition = text(json, "/requestContext/condition")?;
    let name = function_name(&arn);

    let mut event = blank(notification, Kind::Destination, "aws.lambda");
    event.severity = if condition == "Success" {
        Severity::Info
    } else {
        Severity::Error
    };
    event.title = format!("{name}: {condition}");
    event.reason = text(json, "/responsePayload/errorMessage")
        .unwrap_or_default()
        .into();
    event.region = region(&[Some(&arn)], None).or(event.region);
    event.account = account_of(&arn).or(event.account);
    event.occurred_at = moment(text(json, "/timestamp").as_deref());
    event.fields.push(Field::short("Function", name.as_str()));
    push(
        &mut event.fields,
        "Error",
        text(json, "/responsePayload/errorType"),
    );
    push(
        &mut event.fields,
        "Handled",
        text(json, "/responseContext/functionError"),
    );
    push(
        &mut event.fields,
        "Attempts",
        text(json, "/requestContext/approximateInvokeCount"),
    );
    push(
        &mut event.fields,
        "Request id",
        text(json, "/requestContext/requestId"),
    );
    event.code = pretty(json.get("requestPayload"));
    event.attach_raw = true;
    event.fingerprint = format!("{arn}#{condition}");
    if let Some(url) = event.region.as_deref().and_then(|region| {
        let name = link::segment(&name);
        link::console(
            region,
            &format!("lambda/home?region={region}#/functions/{name}"),
        )
    }) {
        let label = "Console".to_owned();
        event.links.push(Link { label, url });
    }
    Some(event)
}

/// A dead letter: the payload of the failed invocation, described by attributes.
/// Source: "Dead-letter queues" for asynchronous invocation, AWS Lambda.
pub(super) fn parse_dead_letter(notification: &Notification) -> Option<Event> {
    let attribute = |name: &str| notification.attributes.get(name).cloned();
    let request = attribute("RequestID")?;
    let error = attribute("ErrorMessage").or_else(|| attribute("ErrorCode"))?;
    let through = notification.source_arn.as_deref().unwrap_or_default();
    let queue = Arn::parse(through).map(|arn| arn.name());

    let mut event = blank(notification, Kind::DeadLetter, "aws.lambda");
    event.severity = Severity::Error;
    event.title = format!("Dead letter in {}", queue.unwrap_or("a queue"));
    event.reason = error.into();
    // The record does not say which function: its queue is all that is known.
    push(
        &mut event.fields,
        "Dead-letter queue of the function",
        queue.map(str::to_owned),
    );
    push(&mut event.fields, "Error", attribute("ErrorCode"));
    push(&mut event.fields, "Request id", Some(request));
    event.code = pretty(notification.json.as_ref()).or_else(|| Some(notification.message.clone()));
    event.attach_raw = true;
    event.fingerprint = format!("dead-letter#{through}");
    Some(event)
}

/// `orders` of `arn:…:function:orders:$LATEST`.
fn function_name(arn: &str) -> String {
    Arn::parse(arn)
        .and_then(|parsed| parsed.resource.strip_prefix("function:"))
        .map_or(arn, |name| name.split(':').next().unwrap_or(name))
        .to_owned()
}

fn pretty(payload: Option<&Value>) -> Option<String> {
    serde_json::to_string_pretty(payload?).ok()
}
