//! Understands metric alarms.

use crate::alarm::{Change, metric};
use crate::draft::push;
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind};

pub(super) const KIND: Kind = Kind("metric-alarm");

/// A metric alarm's change of state as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let change = Change::read(notification, json)?;
    let mut event = change.event(notification, KIND);
    let trigger = change.trigger;

    let value = change.value().map(|value| Field::short("Value", value));
    event.fields.extend(metric::metric(trigger));
    event
        .fields
        .push(metric::comparison(trigger, &change.reason_data));
    event.fields.extend(value);
    event.fields.extend(metric::expressions(trigger));
    push(&mut event.fields, "Dimensions", metric::dimensions(trigger));
    push(&mut event.fields, "Evaluation", metric::evaluation(trigger));
    Some(event)
}
