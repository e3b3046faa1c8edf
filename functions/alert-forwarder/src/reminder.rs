//! Decides when a critical alarm that still fires is said again, and to whom.

use crate::event::{Severity, Watched};
use crate::incident::{At, Closing, Incident};
use crate::route::Route;
use crate::wake::Wake;

/// Reminders of one opening.
pub(crate) const REMINDERS_MAX: u32 = 4;
const MINUTE: i64 = 60_000;
/// The reactions that say that somebody looks at it.
const ACKNOWLEDGED: [&str; 2] = ["✅", "👀"];

/// What CloudWatch says about an alarm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// It is not OK.
    Firing,
    /// It is OK.
    Ok,
    /// There is no such alarm.
    Absent,
    /// Its actions are off, or a mute rule is active.
    Quiet,
    /// CloudWatch did not answer, or cannot be asked about this alarm.
    Unknown,
}

/// What to do when a reminder is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// Close the incident: its OK never came.
    Close(Closing),
    /// Say it again.
    Remind,
    /// Say nothing this time.
    Skip,
    /// Say nothing about this opening any more: somebody looks at it.
    Stop,
}

/// Whether a reminder is about what an incident is now. If not, CloudWatch need not be asked.
pub(crate) fn is_current(incident: &Incident, wake: &Wake) -> bool {
    incident.opening == wake.opening
        && incident.reminded < wake.number
        && wake.number <= REMINDERS_MAX
        && !incident.flapping
        && matches!(incident.state, Watched::Alarm | Watched::Calm)
}

/// Decides about a reminder that is current.
pub(crate) fn decide(incident: &Incident, found: Found, reactions: &[String]) -> Decision {
    match found {
        Found::Ok => return Decision::Close(Closing::OkNeverCame),
        Found::Absent => return Decision::Close(Closing::Absent),
        Found::Quiet => return Decision::Skip,
        Found::Firing | Found::Unknown => {}
    }
    // Of a contributor that is OK again, only the end of its alarm is awaited.
    if incident.state == Watched::Calm {
        return Decision::Skip;
    }
    // A selector after the sign asks for its colourful form.
    let is_said = |emoji: &String| ACKNOWLEDGED.contains(&emoji.trim_end_matches('\u{fe0f}'));
    if reactions.iter().any(is_said) {
        Decision::Stop
    } else {
        Decision::Remind
    }
}

/// When a reminder is due; `None` if there is none of this number.
///
/// The first one is for the route's roles, the second for the roles to escalate to. Each further one
/// comes after twice the time.
pub(crate) fn due(route: &Route, begun: At, number: u32) -> Option<At> {
    let minutes = |minutes: u32| i64::from(minutes) * MINUTE;
    let (first, second) = (
        minutes(route.remind_after_minutes),
        minutes(route.escalate_after_minutes),
    );
    if first == 0 {
        return None;
    }
    let second = if second == 0 { 3 * first } else { second };
    let after = match number {
        1 => first,
        2 => second.max(first),
        3 => 2 * second.max(first),
        4 => 4 * second.max(first),
        _ => return None,
    };
    Some(At(begun.0.saturating_add(after)))
}

/// Whom a reminder mentions.
pub(crate) fn roles(route: &Route, number: u32) -> Vec<String> {
    if 1 < number && !route.escalation.is_empty() {
        route.escalation.clone()
    } else {
        route.roles.clone()
    }
}

/// Whether an incident needs a first reminder in the queue.
pub(crate) fn is_wanted(incident: &Incident, route: &Route) -> bool {
    incident.state == Watched::Alarm
        && incident.severity == Severity::Critical
        && !incident.flapping
        && incident.watched < incident.opening
        && due(route, At(0), 1).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(state: Watched) -> Incident {
        Incident {
            state,
            opening: 2,
            reminded: 1,
            severity: Severity::Critical,
            ..Incident::default()
        }
    }

    fn wake(opening: u32, number: u32) -> Wake {
        Wake {
            incident: String::new(),
            opening,
            number,
            due: At(0),
        }
    }

    #[track_caller]
    fn check(found: Found, reactions: &[&str], expected: Decision) {
        let reactions: Vec<String> = reactions.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(
            decide(&incident(Watched::Alarm), found, &reactions),
            expected
        );
    }

    #[test]
    fn an_alarm_that_still_fires_is_said_again_and_one_that_is_not_is_closed() {
        check(Found::Firing, &[], Decision::Remind);
        check(Found::Unknown, &[], Decision::Remind);
        check(Found::Quiet, &[], Decision::Skip);
        check(Found::Ok, &[], Decision::Close(Closing::OkNeverCame));
        check(Found::Absent, &[], Decision::Close(Closing::Absent));
    }

    #[test]
    fn a_reaction_stops_the_reminders_but_not_the_resolve() {
        for emoji in ["✅", "👀", "👀\u{fe0f}"] {
            check(Found::Firing, &["🎉", emoji], Decision::Stop);
            check(Found::Ok, &[emoji], Decision::Close(Closing::OkNeverCame));
        }
        check(Found::Firing, &["🎉"], Decision::Remind);
    }

    #[test]
    fn a_calmed_contributor_is_closed_but_not_said_again() {
        let calm = incident(Watched::Calm);
        assert_eq!(decide(&calm, Found::Firing, &[]), Decision::Skip);
        let closed = Decision::Close(Closing::OkNeverCame);
        assert_eq!(decide(&calm, Found::Ok, &[]), closed);
    }

    #[test]
    fn a_reminder_of_another_opening_or_an_older_number_is_not_current() {
        let firing = incident(Watched::Alarm);
        assert!(is_current(&firing, &wake(2, 2)));
        for other in [wake(1, 2), wake(3, 2), wake(2, 1), wake(2, 5)] {
            assert!(!is_current(&firing, &other), "{other:?}");
        }
        for state in [Watched::Ok, Watched::NoData, Watched::Gone] {
            assert!(!is_current(&incident(state), &wake(2, 2)));
        }
        let flapping = Incident {
            flapping: true,
            ..firing
        };
        assert!(!is_current(&flapping, &wake(2, 2)));
    }

    #[test]
    fn reminders_come_after_15_and_45_minutes_and_then_ever_later() {
        let route = Route::default_named("a");
        let minutes = |number| due(&route, At(0), number).map(|at| at.0 / MINUTE);
        let all: Vec<_> = (0..=5).map(minutes).collect();
        assert_eq!(all, [None, Some(15), Some(45), Some(90), Some(180), None]);
        let off = Route {
            remind_after_minutes: 0,
            ..route
        };
        assert_eq!(due(&off, At(0), 1), None);
    }

    #[test]
    fn from_the_second_on_a_reminder_goes_to_the_roles_of_the_escalation() {
        let mut route = Route::default_named("a");
        route.roles = vec!["1".to_owned()];
        assert_eq!(roles(&route, 2), ["1"]);
        route.escalation = vec!["2".to_owned()];
        assert_eq!(roles(&route, 1), ["1"]);
        assert_eq!(roles(&route, 2), ["2"]);
    }

    #[test]
    fn without_a_time_for_the_escalation_it_comes_after_three_times_the_first() {
        let route = Route {
            remind_after_minutes: 7,
            escalate_after_minutes: 0,
            ..Route::default_named("a")
        };
        let minutes = |number| due(&route, At(0), number).map(|at| at.0 / MINUTE);
        let all: Vec<_> = (1..=4).map(minutes).collect();
        assert_eq!(all, [Some(7), Some(21), Some(42), Some(84)]);
    }

    #[test]
    fn a_first_reminder_is_for_a_critical_alarm_that_has_none_yet() {
        let route = Route::default_named("a");
        let firing = incident(Watched::Alarm);
        assert!(is_wanted(&firing, &route));
        let has = |watched| Incident {
            watched,
            ..firing.clone()
        };
        assert!(is_wanted(&has(1), &route));
        assert!(!is_wanted(&has(2), &route));
        assert!(!is_wanted(&has(3), &route));
        for state in [Watched::Ok, Watched::NoData, Watched::Calm, Watched::Gone] {
            assert!(!is_wanted(&incident(state), &route), "{state:?}");
        }
        let error = Incident {
            severity: Severity::Error,
            ..firing.clone()
        };
        assert!(!is_wanted(&error, &route));
        let flapping = Incident {
            flapping: true,
            ..firing.clone()
        };
        assert!(!is_wanted(&flapping, &route));
        let off = Route {
            remind_after_minutes: 0,
            ..route
        };
        assert!(!is_wanted(&firing, &off));
    }
}
