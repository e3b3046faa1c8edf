//! Understands the records that Lambda sends to a destination after an asynchronous invocation.

use crate::draft::{blank, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::json::{pretty, text};
use crate::link;
use crate::region::{Arn, account_of, region};
use crate::when::moment;

pub(super) const KIND: Kind = Kind("destination");

/// A destination record. Source: "Retaining records of asynchronous invocations", AWS Lambda.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let arn = text(json, "/requestContext/functionArn")?;
    let condition = text(json, "/requestContext/condition")?;
    let name = function_name(&arn);

    let mut event = blank(notification, KIND, "aws.lambda");
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
        "Function error",
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

/// `orders` of `arn:…:function:orders:$LATEST`.
fn function_name(arn: &str) -> String {
    Arn::parse(arn)
        .and_then(|parsed| parsed.resource.strip_prefix("function:"))
        .map_or(arn, |name| name.split(':').next().unwrap_or(name))
        .to_owned()
}
