//! Contributors of an alarm: an alarm over a query watches many time series, each with a state of its own.

use serde_json::Value;

use crate::event::{Event, Field, Severity, State, Watched};
use crate::json::text;

/// The field that says that a contributor's OK does not end the alarm.
pub(crate) const ALARM_ITSELF: &str = "The alarm itself";

/// One time series of an alarm.
pub(super) struct Contributor {
    id: String,
    /// What tells it from the others: `TableName=orders`.
    attributes: String,
}

impl Contributor {
    /// From the SNS form.
    pub(super) fn of_sns(json: &Value) -> Option<Self> {
        let id = text(json, "/AlarmContributorId")?;
        Some(Self::new(id, json.get("AlarmContributorAttributes")))
    }

    /// From the form of EventBridge and of direct invocations.
    pub(super) fn of_data(data: &Value) -> Option<Self> {
        let contributor = data.get("alarmContributor")?;
        let id = text(contributor, "/id")?;
        Some(Self::new(id, contributor.get("attributes")))
    }

    fn new(id: String, attributes: Option<&Value>) -> Self {
        let pairs: Vec<String> = attributes
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
            .collect();
        let attributes = if pairs.is_empty() {
            id.clone()
        } else {
            pairs.join(", ")
        };
        Self { id, attributes }
    }

    /// Makes the event one of the contributor. A contributor that is OK again does not make the alarm
    /// OK: others may still be in ALARM. The alarm sends a message of its own when it is OK.
    pub(super) fn narrow(&self, event: &mut Event) {
        let attributes = &self.attributes;
        event.fingerprint = format!("{}#{}", event.fingerprint, self.id);
        event
            .fields
            .push(Field::short("Contributor", attributes.as_str()));
        if let Some(transition) = &mut event.transition {
            transition.contributor = Some(self.id.clone());
            if transition.state == Watched::Ok {
                transition.state = Watched::Calm;
            }
        }
        match event.state {
            State::Resolved => {
                event.state = State::Notice;
                event.severity = Severity::Info;
                event.silent = true;
                event.title = format!("{}: resolved for {attributes}", event.title);
                event.fields.push(Field::long(
                    ALARM_ITSELF,
                    "is not OK yet: only this contributor is",
                ));
            }
            State::Firing | State::NoData | State::Notice => {
                event.title = format!("{} for {attributes}", event.title);
            }
        }
    }
}
