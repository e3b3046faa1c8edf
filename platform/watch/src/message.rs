//! The message that an alarm publishes when its state changes: CloudWatch's JSON.

use jiff::Timestamp;
use serde_json::{Value, json};
use template::Place;

use crate::alarm::{Alarm, Body};
use crate::judge::State;
use crate::reason::{Reason, time};
use crate::region;

/// An alarm's change of state.
#[derive(Clone, Debug)]
pub struct Change {
    /// The alarm's logical id.
    pub logical_id: String,
    /// The alarm's name.
    pub name: String,
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// Why, in CloudWatch's words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// The ARNs of the actions of the new state.
    pub actions: Vec<String>,
    /// The subject of the message.
    pub subject: String,
    /// The message.
    pub message: Value,
}

/// A child in `ALARM` that a composite alarm names in its message: its ARN and since when.
pub(crate) type Triggering = (String, Timestamp);

pub(crate) fn change(
    alarm: &Alarm,
    place: &Place,
    (from, to): (State, State),
    reason: Reason,
    at: Timestamp,
    triggering: &[Triggering],
) -> Change {
    let actions = &alarm.actions;
    let now = match to {
        State::Ok => &actions.ok,
        State::Alarm => &actions.alarm,
        State::InsufficientData => &actions.insufficient_data,
    };
    let region = region::name(&place.region);
    let mut message = json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": place.account,
        "AlarmConfigurationUpdatedTimestamp": time(Timestamp::UNIX_EPOCH),
        "NewStateValue": to.to_string(),
        "NewStateReason": reason.text,
        "StateChangeTime": time(at),
        "Region": region,
        "AlarmArn": arn(place, &alarm.name),
        "OldStateValue": from.to_string(),
        "OKActions": actions.ok,
        "AlarmActions": actions.alarm,
        "InsufficientDataActions": actions.insufficient_data,
    });
    let own = match &alarm.body {
        Body::Metric(metric) => vec![
            ("Trigger", metric.trigger.clone()),
            (
                "NewStateReasonData",
                reason
                    .data
                    .map_or(Value::Null, |data| data.to_string().into()),
            ),
        ],
        Body::Composite(composite) => {
            let child = |(arn, since): &Triggering| json!({"Arn": arn, "State": {"Value": "ALARM", "Timestamp": time(*since)}});
            vec![
                ("AlarmRule", composite.text.clone().into()),
                ("TriggeringChildren", triggering.iter().map(child).collect()),
            ]
        }
    };
    if let Some(members) = message.as_object_mut() {
        members.extend(
            own.into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
    }
    Change {
        logical_id: alarm.logical_id.clone(),
        name: alarm.name.clone(),
        from,
        to,
        reason: reason.text,
        at,
        actions: if actions.enabled {
            now.clone()
        } else {
            Vec::new()
        },
        subject: format!("{to}: \"{}\" in {region}", alarm.name),
        message,
    }
}

pub(crate) fn arn(place: &Place, name: &str) -> String {
    place.arn("cloudwatch", &format!("alarm:{name}"))
}
