//! What is known about an alarm's incident: its state, and what each channel shows of it.
//!
//! An incident lasts from the moment an alarm fires until it is OK. Each alarm has one item in the table,
//! and so has each contributor of an alarm. This module holds the data; [`apply`] decides what a change of
//! state means, and [`plan`] what a channel needs. Neither does I/O.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::envelope::Notification;
use crate::event::{Severity, Transition, Watched};

pub(crate) mod apply;
pub(crate) mod plan;

/// A time in milliseconds since 1970, the precision in which CloudWatch reports changes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub(crate) struct At(pub(crate) i64);

impl At {
    pub(crate) fn of(at: Timestamp) -> Self {
        Self(at.as_millisecond())
    }

    pub(crate) fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.0).ok()
    }

    /// Milliseconds since an earlier time.
    pub(crate) const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A change of an alarm's state, as an alert reports it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// When the state changed.
    pub(crate) at: At,
    /// The new state.
    pub(crate) state: Watched,
    /// The state before, if the alert says so.
    pub(crate) from: Option<Watched>,
    /// How bad the alarm is.
    pub(crate) severity: Severity,
    /// The route that takes the alert.
    pub(crate) route: String,
    /// The alarms that made a composite alarm fire.
    pub(crate) causes: Vec<String>,
    /// The alert itself; `None` if the change follows from something else.
    pub(crate) alert: Option<Alert>,
}

impl Change {
    pub(crate) fn new(transition: &Transition, at: At, severity: Severity, route: &str) -> Self {
        Self {
            at,
            state: transition.state,
            from: transition.from,
            severity,
            route: route.to_owned(),
            causes: Vec::new(),
            alert: None,
        }
    }
}

/// An alert as it is kept with its incident, so that whoever holds the lease can write its message.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Alert {
    pub(crate) subject: Option<String>,
    pub(crate) message: String,
    pub(crate) source_arn: Option<String>,
    pub(crate) published_at: Option<String>,
}

impl Alert {
    pub(crate) fn of(notification: &Notification) -> Self {
        Self {
            subject: notification.subject.clone(),
            message: notification.message.clone(),
            source_arn: notification.source_arn.clone(),
            published_at: notification.published_at.clone(),
        }
    }

    /// The message, to be understood again.
    pub(crate) fn notification(&self) -> Notification {
        Notification {
            subject: self.subject.clone(),
            json: serde_json::from_str(&self.message).ok(),
            message: self.message.clone(),
            source_arn: self.source_arn.clone(),
            published_at: self.published_at.clone(),
            ..Notification::default()
        }
    }
}

/// Why an incident is over.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Closing {
    /// The alarm said that it is OK.
    Ok,
    /// CloudWatch says that the alarm is OK, but no alert said so.
    OkNeverCame,
    /// CloudWatch has no such alarm any more, and no alert said so.
    Absent,
    /// Somebody deleted the alarm.
    Deleted,
}

/// How an opening began.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Origin {
    /// An alert said that something is wrong.
    Known,
    /// An OK came without its ALARM, which may still come.
    Unexplained,
    /// The same, but the OK came from a state in which nothing was wrong: nobody has to know.
    Quiet,
}

/// An alarm's incident. The item in the table is this as JSON.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Incident {
    /// The alarm's state, and when it changed.
    pub(crate) state: Watched,
    pub(crate) at: At,
    /// How bad the newest change is.
    pub(crate) severity: Severity,
    /// Counts the times that the incident began.
    pub(crate) opening: u32,
    /// When this opening began, if that is known.
    pub(crate) fired_at: Option<At>,
    /// Why it is over.
    pub(crate) closing: Closing,
    /// Whether the opening is explained by an alert that something was wrong.
    pub(crate) origin: Origin,
    /// When the OK before the unexplained one was.
    pub(crate) closed_before: Option<At>,
    /// The newest changes between ALARM and another state.
    pub(crate) flips: Vec<At>,
    /// Whether the alarm changes so often that messages would be noise.
    pub(crate) flapping: bool,
    /// Counts what a message would show differently.
    pub(crate) edition: u64,
    /// The route of the newest change.
    pub(crate) route: String,
    /// What each route shows.
    pub(crate) views: BTreeMap<String, View>,
    /// The newest alert.
    pub(crate) alert: Alert,
    /// The alarms that made a composite alarm fire. Its OK does not name them.
    pub(crate) causes: Vec<String>,
    /// The contributors of this alarm that fired.
    pub(crate) contributors: BTreeSet<String>,
    /// How many reminders of this opening were sent.
    pub(crate) reminded: u32,
    /// The opening for which a reminder is in the queue, and when it was posted.
    pub(crate) watched: u32,
    pub(crate) begun: At,
    /// Whether a message in the queue looks when flapping ends.
    pub(crate) flap_watched: bool,
}

impl Default for Incident {
    fn default() -> Self {
        Self {
            state: Watched::Ok,
            at: At(i64::MIN),
            severity: Severity::Info,
            opening: 0,
            fired_at: None,
            closing: Closing::Ok,
            origin: Origin::Known,
            closed_before: None,
            flips: Vec::new(),
            flapping: false,
            edition: 0,
            route: String::new(),
            views: BTreeMap::new(),
            alert: Alert::default(),
            causes: Vec::new(),
            contributors: BTreeSet::new(),
            reminded: 0,
            watched: 0,
            begun: At(0),
            flap_watched: false,
        }
    }
}

impl Incident {
    /// Whether the alarm is OK or gone. Only then does the item get a time to live.
    pub(crate) const fn is_over(&self) -> bool {
        self.state.is_over()
    }

    /// Whether every channel shows the newest edition.
    pub(crate) fn is_shown(&self) -> bool {
        self.views.values().all(|view| !view.is_due())
    }

    /// How long the opening lasted, in milliseconds.
    pub(crate) fn lasted(&self) -> Option<i64> {
        let lasted = self.at.since(self.fired_at?);
        (self.is_over() && 0 <= lasted).then_some(lasted)
    }
}

/// What one route shows of an incident.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct View {
    /// The edition that it must show.
    pub(crate) wanted: u64,
    /// The edition that it shows.
    pub(crate) shown: u64,
    /// The opening of the posted message.
    pub(crate) opening: u32,
    /// The state that the message shows.
    pub(crate) state: Option<Watched>,
    /// Whether the message says that the alarm flaps.
    pub(crate) flapping: bool,
    /// The message.
    pub(crate) posted: Option<Posted>,
    /// A message was about to be posted. If this stays, Discord may have one that nobody can edit.
    pub(crate) posting: bool,
}

impl View {
    /// Notes that it shows what an incident is now.
    pub(crate) const fn shows(&mut self, incident: &Incident) {
        self.shown = self.wanted;
        self.opening = incident.opening;
        self.state = Some(incident.state);
        self.flapping = incident.flapping;
        self.posting = false;
    }

    pub(crate) const fn is_due(&self) -> bool {
        self.shown < self.wanted
    }
}

/// Where a message is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Posted {
    /// Its id. In a digest it is missing.
    pub(crate) message_id: Option<String>,
    /// The webhook that posted it, which alone can edit it.
    pub(crate) webhook_id: String,
    /// The thread that every edit has to name.
    pub(crate) thread_id: Option<String>,
    /// The channel, for links.
    pub(crate) channel_id: Option<String>,
    /// Whether the thread is the incident's own, in a forum.
    pub(crate) own_thread: bool,
    /// The digest that has a line about the incident instead of a message.
    pub(crate) digest: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_kept_in_milliseconds() {
        let at = At::of("2026-07-19T10:00:00.123Z".parse().unwrap());
        assert_eq!(at, At(1_784_455_200_123));
        assert_eq!(
            at.timestamp().unwrap().to_string(),
            "2026-07-19T10:00:00.123Z"
        );
        assert_eq!(At(i64::MAX).timestamp(), None);
    }

    #[test]
    fn a_kept_alert_is_the_message_that_came() {
        let came = Notification {
            subject: Some("ALARM".to_owned()),
            message: r#"{"AlarmName": "a"}"#.to_owned(),
            json: Some(serde_json::json!({"AlarmName": "a"})),
            source_arn: Some("arn:aws:sns:eu-west-1:1:t".to_owned()),
            published_at: Some("2026-07-19T10:00:00Z".to_owned()),
            ..Notification::default()
        };
        assert_eq!(Alert::of(&came).notification(), came);
    }

    #[test]
    fn an_incident_is_shown_when_no_view_is_behind() {
        let view = |wanted, shown| View {
            wanted,
            shown,
            ..View::default()
        };
        let mut incident = Incident {
            state: Watched::NoData,
            opening: 3,
            flapping: true,
            ..Incident::default()
        };
        assert!(incident.is_shown(), "no channel has to show it");
        incident.views.insert("a".to_owned(), view(2, 2));
        assert!(incident.is_shown());
        let mut behind = view(2, 1);
        behind.posting = true;
        incident.views.insert("b".to_owned(), behind.clone());
        assert!(!incident.is_shown());
        behind.shows(&incident);
        let expected = View {
            opening: 3,
            state: Some(Watched::NoData),
            flapping: true,
            ..view(2, 2)
        };
        assert_eq!(behind, expected);
    }

    #[test]
    fn only_an_incident_that_is_over_and_began_before_its_end_lasted_some_time() {
        let lasted = |state, fired_at: Option<i64>| {
            let incident = Incident {
                state,
                at: At(9),
                fired_at: fired_at.map(At),
                ..Incident::default()
            };
            incident.lasted()
        };
        assert_eq!(lasted(Watched::Ok, Some(4)), Some(5));
        assert_eq!(lasted(Watched::Gone, Some(9)), Some(0));
        assert_eq!(lasted(Watched::Ok, Some(10)), None);
        assert_eq!(lasted(Watched::Alarm, Some(4)), None);
        assert_eq!(lasted(Watched::Ok, None), None);
    }
}
