//! Decides what a channel needs, so that it shows an incident's newest state.

use crate::event::Watched;
use crate::incident::{Incident, Origin, View};

/// What to do at Discord for one route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Nothing: the route shows the newest state, or nobody has to know.
    Nothing,
    /// Post a message. A loud one may mention.
    Post { loud: bool },
    /// Edit the message. With `line`, a short silent one tells that something changed.
    Edit { line: bool },
    /// Change the incident's line in a digest.
    Line,
}

/// The step for a view of an incident.
pub(crate) fn step(incident: &Incident, view: &View) -> Step {
    if !view.is_due() {
        return Step::Nothing;
    }
    let Some(posted) = &view.posted else {
        return first(incident);
    };
    // What begins again is posted again, because an edit notifies nobody.
    if view.opening < incident.opening && !incident.flapping {
        return first(incident);
    }
    if posted.digest.is_some() {
        return Step::Line;
    }
    let line = match incident.state {
        Watched::Ok | Watched::Gone | Watched::Calm => {
            view.state != Some(incident.state) && !incident.flapping && !view.flapping
        }
        // In a forum, the thread is a timeline.
        Watched::NoData => posted.own_thread && !incident.flapping,
        Watched::Alarm => false,
    };
    Step::Edit { line }
}

/// The step for a route that has no message about this opening.
fn first(incident: &Incident) -> Step {
    match incident.state {
        Watched::Alarm | Watched::NoData => Step::Post { loud: true },
        Watched::Calm => Step::Post { loud: false },
        Watched::Ok if incident.fired_at.is_some() || incident.origin == Origin::Unexplained => {
            Step::Post { loud: false }
        }
        Watched::Ok | Watched::Gone => Step::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::Posted;

    fn incident(state: Watched, opening: u32, flapping: bool) -> Incident {
        Incident {
            state,
            opening,
            flapping,
            edition: 9,
            ..Incident::default()
        }
    }

    fn view(opening: u32, state: Watched, own_thread: bool) -> View {
        View {
            wanted: 9,
            shown: 8,
            opening,
            state: Some(state),
            posted: Some(Posted {
                own_thread,
                ..Posted::default()
            }),
            ..View::default()
        }
    }

    #[track_caller]
    fn check(incident: &Incident, view: &View, expected: Step) {
        assert_eq!(step(incident, view), expected);
    }

    #[test]
    fn a_message_of_the_same_opening_is_edited_and_a_resolve_has_a_line() {
        let firing = view(1, Watched::Alarm, false);
        for (state, line) in [
            (Watched::Ok, true),
            (Watched::Gone, true),
            (Watched::Calm, true),
            (Watched::NoData, false),
            (Watched::Alarm, false),
        ] {
            check(&incident(state, 1, false), &firing, Step::Edit { line });
        }
        let resolved = view(1, Watched::Ok, false);
        let again = incident(Watched::Ok, 1, false);
        check(&again, &resolved, Step::Edit { line: false });
    }

    #[test]
    fn a_new_opening_is_posted_and_a_flapping_one_is_edited() {
        let resolved = view(1, Watched::Ok, false);
        let open = |flapping| incident(Watched::Alarm, 2, flapping);
        check(&open(false), &resolved, Step::Post { loud: true });
        check(&open(true), &resolved, Step::Edit { line: false });
        let calmed = incident(Watched::Ok, 1, true);
        check(
            &calmed,
            &view(1, Watched::Alarm, false),
            Step::Edit { line: false },
        );
    }

    #[test]
    fn the_end_of_flapping_in_ok_is_an_edit_without_a_line() {
        let flapping = View {
            flapping: true,
            ..view(1, Watched::Alarm, false)
        };
        check(
            &incident(Watched::Ok, 1, false),
            &flapping,
            Step::Edit { line: false },
        );
    }

    #[test]
    fn a_route_without_a_message_gets_one_unless_nobody_has_to_know() {
        let none = View {
            wanted: 9,
            ..View::default()
        };
        let ok = |fired_at, origin| Incident {
            fired_at,
            origin,
            ..incident(Watched::Ok, 1, false)
        };
        let fired = Some(crate::incident::At(1));
        check(&ok(None, Origin::Quiet), &none, Step::Nothing);
        check(
            &ok(None, Origin::Unexplained),
            &none,
            Step::Post { loud: false },
        );
        check(&ok(fired, Origin::Known), &none, Step::Post { loud: false });
        check(&incident(Watched::Gone, 1, false), &none, Step::Nothing);
        check(
            &incident(Watched::NoData, 1, false),
            &none,
            Step::Post { loud: true },
        );
        check(
            &incident(Watched::Calm, 1, false),
            &none,
            Step::Post { loud: false },
        );
    }

    #[test]
    fn a_route_that_shows_the_newest_edition_needs_nothing() {
        let shown = View {
            shown: 9,
            ..view(1, Watched::Alarm, false)
        };
        check(&incident(Watched::Ok, 2, false), &shown, Step::Nothing);
    }

    #[test]
    fn an_incident_in_a_digest_changes_its_line_and_a_thread_is_a_timeline() {
        let mut in_digest = view(1, Watched::Alarm, false);
        in_digest.posted = Some(Posted {
            digest: Some("d".to_owned()),
            ..Posted::default()
        });
        check(&incident(Watched::Ok, 1, false), &in_digest, Step::Line);
        let in_thread = view(1, Watched::Alarm, true);
        check(
            &incident(Watched::NoData, 1, false),
            &in_thread,
            Step::Edit { line: true },
        );
    }
}
