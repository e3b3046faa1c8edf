//! Every change of state in every state, and the sequences that have a meaning of their own.

use super::*;
use crate::event::Severity;
use crate::incident::Posted;
use crate::incident::plan::{Step, step};

const MINUTE: i64 = 60_000;

fn change(at: i64, state: Watched) -> Change {
    Change {
        causes: Vec::new(),
        at: At(at),
        state,
        from: None,
        severity: Severity::Error,
        route: "a".to_owned(),
        alert: None,
    }
}

fn quiet(at: i64) -> Change {
    Change {
        from: Some(Watched::NoData),
        ..change(at, Watched::Ok)
    }
}

/// A channel that obeys: applies changes and records what was done, as the loop does.
#[derive(Default)]
struct Channel {
    incident: Incident,
    done: Vec<Step>,
}

impl Channel {
    fn get(&mut self, change: &Change) -> Applied {
        let applied = self.incident.apply(change);
        self.act();
        applied
    }

    fn act(&mut self) {
        let incident = self.incident.clone();
        for view in self.incident.views.values_mut() {
            let step = step(&incident, view);
            match step {
                Step::Post { .. } => view.posted = Some(Posted::default()),
                Step::Nothing | Step::Edit { .. } | Step::Line => {}
            }
            if step != Step::Nothing {
                view.opening = incident.opening;
                view.state = Some(incident.state);
                view.flapping = incident.flapping;
                self.done.push(step);
            }
            view.shown = view.wanted;
        }
    }
}

const LOUD: Step = Step::Post { loud: true };
const SILENT: Step = Step::Post { loud: false };
const EDIT: Step = Step::Edit { line: false };
const RESOLVE: Step = Step::Edit { line: true };

#[track_caller]
fn check(changes: &[Change], expected: &[Step]) -> Incident {
    let mut channel = Channel::default();
    for change in changes {
        channel.get(change);
    }
    assert_eq!(channel.done, expected);
    channel.incident
}

use Watched::{Alarm, Calm, Gone, NoData, Ok};

#[test]
fn alarm_then_ok_is_a_post_and_an_edit_with_a_line() {
    let incident = check(&[change(1, Alarm), change(5, Ok)], &[LOUD, RESOLVE]);
    assert_eq!(incident.lasted(), Some(4));
}

#[test]
fn alarm_ok_alarm_posts_anew() {
    let changes = [change(1, Alarm), change(5, Ok), change(9, Alarm)];
    let incident = check(&changes, &[LOUD, RESOLVE, LOUD]);
    assert_eq!((incident.opening, incident.fired_at), (2, Some(At(9))));
}

#[test]
fn only_a_newer_change_time_applies() {
    for late in [
        change(3, Ok),
        change(2, Calm),
        change(1, Alarm),
        change(3, NoData),
    ] {
        let mut channel = Channel::default();
        channel.get(&change(4, Alarm));
        assert_eq!(channel.get(&late), Applied::Known, "{late:?}");
        assert_eq!(channel.done, [LOUD]);
    }
}

#[test]
fn the_same_change_twice_does_nothing_the_second_time() {
    for state in [Alarm, NoData, Calm, Ok] {
        let mut channel = Channel::default();
        channel.get(&change(4, state));
        let done = channel.done.clone();
        assert_eq!(channel.get(&change(4, state)), Applied::Known);
        assert_eq!(channel.done, done);
    }
}

#[test]
fn of_two_changes_at_the_same_time_alarm_wins() {
    let incident = check(&[change(4, Alarm), change(4, Ok)], &[LOUD]);
    assert_eq!(incident.state, Alarm);
    let incident = check(&[change(4, Ok), change(4, Alarm)], &[SILENT, LOUD]);
    assert_eq!(incident.state, Alarm);
    assert_eq!(
        check(&[change(4, NoData), change(4, Ok)], &[LOUD]).state,
        NoData
    );
}

#[test]
fn an_alarm_after_its_own_ok_is_one_silent_message() {
    let incident = check(&[quiet(5), change(2, Alarm)], &[SILENT]);
    assert_eq!(incident.lasted(), Some(3));
    assert!(incident.is_over());
    // An OK that says that it comes from ALARM is shown at once, and completed later.
    let incident = check(&[change(5, Ok), change(2, Alarm)], &[SILENT, EDIT]);
    assert_eq!(incident.lasted(), Some(3));
}

#[test]
fn a_late_alarm_of_an_earlier_incident_is_not_taken_for_the_newest_ones() {
    let known = [change(10, Alarm), change(20, Ok), quiet(40)];
    let incident = check(&known, &[LOUD, RESOLVE]);
    let mut channel = Channel {
        incident,
        done: Vec::new(),
    };
    assert_eq!(channel.get(&change(15, Alarm)), Applied::Known);
    assert_eq!(channel.get(&change(30, Alarm)), Applied::Completed);
    assert_eq!(channel.done, [SILENT]);
    assert_eq!(channel.incident.lasted(), Some(10));
    assert_eq!(channel.get(&change(31, Alarm)), Applied::Known);
}

#[test]
fn a_first_deployment_sends_nothing() {
    check(&[quiet(1), quiet(2)], &[]);
}

#[test]
fn an_alarm_without_data_is_posted_and_edited_when_data_come_back() {
    check(&[change(1, NoData), change(2, Ok)], &[LOUD, RESOLVE]);
    check(
        &[change(1, Alarm), change(2, NoData), change(3, Ok)],
        &[LOUD, EDIT, RESOLVE],
    );
    check(
        &[change(1, Alarm), change(2, NoData), change(3, Alarm)],
        &[LOUD, EDIT, LOUD],
    );
}

#[test]
fn a_contributors_ok_calms_and_does_not_resolve() {
    let incident = check(&[change(1, Alarm), change(2, Calm)], &[LOUD, RESOLVE]);
    assert!(!incident.is_over());
    let incident = check(
        &[change(1, Alarm), change(2, Calm), change(3, Ok)],
        &[LOUD, RESOLVE, RESOLVE],
    );
    assert!(incident.is_over());
    check(&[change(2, Calm)], &[SILENT]);
}

#[test]
fn four_flips_in_ten_minutes_are_flapping_and_only_edit() {
    let flips = |gap: i64| {
        [
            change(0, Alarm),
            change(gap, Ok),
            change(2 * gap, Alarm),
            change(3 * gap, Ok),
            change(4 * gap, Alarm),
        ]
    };
    let incident = check(&flips(MINUTE), &[LOUD, RESOLVE, LOUD, EDIT, EDIT]);
    assert!(incident.flapping);
    let incident = check(&flips(4 * MINUTE), &[LOUD, RESOLVE, LOUD, RESOLVE, LOUD]);
    assert!(!incident.flapping);
}

#[test]
fn the_fourth_flip_is_within_ten_minutes_of_the_first() {
    let at = |last: i64| {
        [
            change(0, Alarm),
            change(1, Ok),
            change(2, Alarm),
            change(last, Ok),
        ]
    };
    let within = check(&at(10 * MINUTE - 1), &[LOUD, RESOLVE, LOUD, EDIT]);
    assert!(within.flapping);
    let after = check(&at(10 * MINUTE), &[LOUD, RESOLVE, LOUD, RESOLVE]);
    assert!(!after.flapping);
}

/// An alarm that flaps, and whose last change was at minute 4.
fn flapping(last: Watched) -> Channel {
    let mut channel = Channel::default();
    let states = [
        Alarm,
        Ok,
        Alarm,
        if last == Alarm { Ok } else { NoData },
        last,
    ];
    for (minute, state) in (0..).zip(states) {
        channel.get(&change(minute * MINUTE, state));
    }
    assert!(channel.incident.flapping);
    channel.done.clear();
    channel
}

#[test]
fn flapping_ends_after_fifteen_quiet_minutes() {
    for (last, expected) in [(Alarm, LOUD), (Ok, EDIT)] {
        let mut channel = flapping(last);
        let last_flip = channel.incident.flips.last().copied().unwrap();
        assert!(!channel.incident.end_flapping(At(last_flip.0 + QUIET - 1)));
        assert!(channel.incident.end_flapping(At(last_flip.0 + QUIET)));
        channel.act();
        assert_eq!(channel.done, [expected], "{last:?}");
        assert!(!channel.incident.end_flapping(At(i64::MAX)));
    }
}

#[test]
fn a_change_after_fifteen_quiet_minutes_is_an_ordinary_one() {
    let mut channel = flapping(Ok);
    channel.get(&change(4 * MINUTE + QUIET, Alarm));
    assert_eq!(channel.done, [LOUD]);
    let mut channel = flapping(Alarm);
    channel.get(&change(4 * MINUTE + QUIET, Ok));
    assert!(!channel.incident.flapping && channel.incident.is_over());
}

#[test]
fn a_resolve_goes_to_every_route_that_shows_the_incident() {
    let elsewhere = |at, state, route: &str| Change {
        route: route.to_owned(),
        ..change(at, state)
    };
    let mut channel = Channel::default();
    channel.get(&elsewhere(1, Alarm, "a"));
    channel.get(&elsewhere(2, Ok, "b"));
    let views = &channel.incident.views;
    assert_eq!(views["a"].state, Some(Ok), "the alarm was posted there");
    assert!(!views.contains_key("b"));
    // The next opening is posted on the new route only; the old message is over.
    channel.done.clear();
    channel.get(&elsewhere(3, Alarm, "b"));
    assert_eq!(channel.done, [LOUD]);
    assert_eq!(channel.incident.views["a"].state, Some(Ok));
}

#[test]
fn an_open_message_of_another_route_follows_the_newest_alarm() {
    let mut channel = Channel::default();
    channel.get(&change(1, Alarm));
    let moved = Change {
        route: "b".to_owned(),
        ..change(2, Alarm)
    };
    channel.get(&moved);
    assert_eq!(channel.done, [LOUD, EDIT, LOUD]);
}

#[test]
fn a_deleted_alarm_ends_its_incident_and_only_an_open_one() {
    let incident = check(&[change(1, Alarm), change(2, Gone)], &[LOUD, RESOLVE]);
    assert_eq!(incident.closing, Closing::Deleted);
    assert!(incident.is_over());
    check(&[change(2, Gone)], &[]);
}

#[test]
fn an_incident_whose_ok_never_came_is_closed_once() {
    let mut channel = Channel::default();
    channel.get(&change(1, Alarm));
    assert!(channel.incident.close(Closing::OkNeverCame, At(9)));
    channel.act();
    assert_eq!(channel.done, [LOUD, RESOLVE]);
    assert!(!channel.incident.close(Closing::OkNeverCame, At(10)));
    assert_eq!(channel.incident.lasted(), Some(8));
    // The OK that comes after all is known.
    assert_eq!(channel.get(&change(8, Ok)), Applied::Known);
}

#[test]
fn every_state_takes_every_change_and_ends_in_the_newest() {
    let all = [Alarm, NoData, Calm, Ok];
    for first in all {
        for second in all {
            for third in all {
                let mut channel = Channel::default();
                for (at, state) in (1..).zip([first, second, third]) {
                    channel.get(&change(at, state));
                }
                let incident = &channel.incident;
                assert_eq!(incident.state, third);
                assert!(incident.is_shown());
                let view = &incident.views["a"];
                assert_eq!(view.state, Some(third), "{first:?} {second:?} {third:?}");
            }
        }
    }
}

#[test]
fn no_data_that_comes_and_goes_is_no_flapping() {
    let mut channel = Channel::default();
    for at in 0..20 {
        let state = if at % 2 == 0 { NoData } else { Ok };
        channel.get(&change(at, state));
    }
    assert!(!channel.incident.flapping);
    assert_eq!(channel.incident.flips, []);
}

#[test]
fn no_data_after_a_resolve_is_a_new_opening_unless_the_alarm_flaps() {
    let changes = [change(1, Alarm), change(5, Ok), change(9, NoData)];
    let incident = check(&changes, &[LOUD, RESOLVE, LOUD]);
    assert_eq!((incident.opening, incident.fired_at), (2, None));
    let mut flapping = Channel::default();
    for at in 0..6 {
        let state = if at % 2 == 0 { Alarm } else { Ok };
        flapping.get(&change(at, state));
    }
    let opening = flapping.incident.opening;
    assert!(flapping.incident.flapping && flapping.incident.is_over());
    flapping.get(&change(7, NoData));
    assert_eq!(flapping.incident.opening, opening);
}

#[test]
fn a_change_without_a_route_keeps_the_route_of_the_change_before() {
    let mut channel = Channel::default();
    channel.get(&change(1, Alarm));
    assert_eq!(channel.incident.route, "a");
    let no_route = Change {
        route: String::new(),
        ..change(2, Ok)
    };
    channel.get(&no_route);
    assert_eq!(channel.incident.route, "a");
    let moved = Change {
        route: "b".to_owned(),
        ..change(3, Alarm)
    };
    channel.get(&moved);
    assert_eq!(channel.incident.route, "b");
}

#[test]
fn the_ok_of_a_composite_alarm_keeps_the_causes_that_its_alarm_named() {
    let mut channel = Channel::default();
    let composite = Change {
        causes: vec!["cause".to_owned()],
        ..change(1, Alarm)
    };
    channel.get(&composite);
    channel.get(&change(2, Ok));
    assert_eq!(channel.incident.causes, ["cause"]);
}

#[test]
fn an_alarm_belongs_to_an_unexplained_ok_only_if_it_is_newer_than_the_ok_before() {
    let after = |late: i64| {
        let mut channel = Channel::default();
        for change in [change(1, Alarm), change(5, Ok), change(9, Ok)] {
            channel.get(&change);
        }
        assert_eq!(channel.incident.closed_before, Some(At(5)));
        channel.get(&change(late, Alarm))
    };
    assert_eq!(after(5), Applied::Known);
    assert_eq!(after(6), Applied::Completed);
    let mut first = Channel::default();
    first.get(&change(9, Ok));
    assert_eq!(first.incident.closed_before, None);
}

#[test]
fn the_times_of_flapping_are_ten_and_fifteen_minutes() {
    assert_eq!((FLIPS_WITHIN, QUIET), (10 * MINUTE, 15 * MINUTE));
}

#[test]
fn only_the_newest_eight_flips_are_kept() {
    let mut channel = Channel::default();
    for at in 0..40 {
        let state = if at % 2 == 0 { Alarm } else { Ok };
        channel.get(&change(at, state));
    }
    let newest: Vec<At> = (32..40).map(At).collect();
    assert_eq!(channel.incident.flips, newest);
}
