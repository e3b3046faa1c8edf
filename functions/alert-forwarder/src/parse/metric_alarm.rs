//! Understands metric alarms.

use crate::alarm::{Change, metric};
use crate::draft::push;
use crate::envelope::Notification;
use crate::event::{Event, Kind};

pub(super) const KIND: Kind = Kind("metric-alarm");

/// A metric alarm's change of state as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let change = Change::read(notification, json)?;
    let mut event = change.event(notification, KIND);
    let trigger = change.trigger;

    event.code = metric::query(trigger);
    event.fields.extend(metric::metric(trigger));
    event.fields.extend(change.comparison());
    push(&mut event.fields, "Value", change.shown_value());
    event.fields.extend(metric::expressions(trigger));
    push(&mut event.fields, "Dimensions", metric::dimensions(trigger));
    push(&mut event.fields, "Evaluation", metric::evaluation(trigger));
    Some(event)
}
