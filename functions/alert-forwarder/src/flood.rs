//! Decides, when many incidents begin at once, which get a message of their own and which a line in a
//! digest. Pure.
//!
//! The bound: in one minute, a route posts at most [`ALONE_MAX`] ordinary incidents and
//! [`CRITICAL_ALONE_MAX`] critical ones by themselves, and two digests. That is the rate of 30 messages a
//! minute that a channel of Discord takes, and no incident is left out of all of them.

use serde::{Deserialize, Serialize};

use crate::event::{Severity, Watched};
use crate::incident::{At, Posted};

/// New incidents of a minute that get a message of their own.
pub(crate) const ALONE_MAX: usize = 10;
/// New critical incidents of a minute that get a message of their own.
pub(crate) const CRITICAL_ALONE_MAX: usize = 18;
/// The lines of both digests of one item, which must stay below 400 KB.
const LINES_MAX: usize = 800;

/// The new incidents of a route in a minute.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Flood {
    pub(crate) members: Vec<Member>,
    pub(crate) ordinary: Board,
    pub(crate) critical: Board,
}

/// A new incident.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Member {
    pub(crate) incident: String,
    pub(crate) opening: u32,
    pub(crate) place: Place,
    /// Its line: the name, the state, and how long it lasted. Empty for one with its own message.
    pub(crate) name: String,
    pub(crate) state: Watched,
    pub(crate) lasted: Option<i64>,
}

/// Where an incident is shown.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Place {
    /// In a message of its own.
    Alone,
    /// The same, for a critical one.
    CriticalAlone,
    /// In the digest.
    Digest,
    /// In the digest of critical ones, which mentions once.
    CriticalDigest,
}

/// A digest's message.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Board {
    /// Counts the changes of its lines.
    pub(crate) wanted: u64,
    pub(crate) shown: u64,
    pub(crate) posted: Option<Posted>,
    /// As for an incident: a message was about to be posted.
    pub(crate) posting: bool,
    /// When it was posted or edited last.
    pub(crate) at: At,
    /// Whether a message in the queue will show the newest lines.
    pub(crate) awaited: bool,
}

impl Place {
    pub(crate) const fn is_alone(self) -> bool {
        matches!(self, Self::Alone | Self::CriticalAlone)
    }
}

impl Flood {
    /// Finds a place for an incident. The same one always gets the same. `None` if the item is full.
    pub(crate) fn place(
        &mut self,
        incident: &str,
        opening: u32,
        severity: Severity,
        name: &str,
        state: Watched,
    ) -> Option<Place> {
        let is_it = |member: &&Member| member.incident == incident && member.opening == opening;
        if let Some(known) = self.members.iter().find(is_it) {
            return Some(known.place);
        }
        if LINES_MAX <= self.members.len() {
            return None;
        }
        let count = |place| self.members.iter().filter(|it| it.place == place).count();
        let place = if severity == Severity::Critical {
            if count(Place::CriticalAlone) < CRITICAL_ALONE_MAX {
                Place::CriticalAlone
            } else {
                Place::CriticalDigest
            }
        } else if count(Place::Alone) < ALONE_MAX {
            Place::Alone
        } else {
            Place::Digest
        };
        let name = if place.is_alone() { "" } else { name };
        self.members.push(Member {
            incident: incident.to_owned(),
            opening,
            place,
            name: name.to_owned(),
            state,
            lasted: None,
        });
        if let Some(board) = self.board_mut(place) {
            board.wanted += 1;
        }
        Some(place)
    }

    /// Changes the line of an incident. Returns its place, if it has a line.
    pub(crate) fn change(
        &mut self,
        incident: &str,
        opening: u32,
        state: Watched,
        lasted: Option<i64>,
    ) -> Option<Place> {
        let mut members = self.members.iter_mut();
        let is_it = |member: &&mut Member| member.incident == incident && member.opening == opening;
        let member = members.find(is_it)?;
        let place = member.place;
        if (member.state, member.lasted) != (state, lasted) {
            member.state = state;
            member.lasted = lasted;
            self.board_mut(place)?.wanted += 1;
        }
        (!place.is_alone()).then_some(place)
    }

    /// The lines of a digest, those that still fire first.
    pub(crate) fn lines(&self, place: Place) -> Vec<&Member> {
        let mut lines: Vec<&Member> = self
            .members
            .iter()
            .filter(|member| member.place == place)
            .collect();
        lines.sort_by_key(|member| member.state.is_over());
        lines
    }

    pub(crate) const fn board(&self, place: Place) -> Option<&Board> {
        match place {
            Place::Alone | Place::CriticalAlone => None,
            Place::Digest => Some(&self.ordinary),
            Place::CriticalDigest => Some(&self.critical),
        }
    }

    pub(crate) const fn board_mut(&mut self, place: Place) -> Option<&mut Board> {
        match place {
            Place::Alone | Place::CriticalAlone => None,
            Place::Digest => Some(&mut self.ordinary),
            Place::CriticalDigest => Some(&mut self.critical),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(count: usize, severity: Severity) -> (Flood, Vec<Option<Place>>) {
        let mut flood = Flood::default();
        let place =
            |number: usize| flood.place(&format!("{number}"), 1, severity, "name", Watched::Alarm);
        let places = (0..count).map(place).collect();
        (flood, places)
    }

    #[test]
    fn the_eleventh_of_a_minute_is_in_the_digest_and_a_critical_one_after_more() {
        let (_, ordinary) = fill(12, Severity::Error);
        let alone = ordinary
            .iter()
            .filter(|place| **place == Some(Place::Alone));
        assert_eq!(alone.count(), ALONE_MAX);
        assert_eq!(ordinary[ALONE_MAX], Some(Place::Digest));
        let (_, critical) = fill(CRITICAL_ALONE_MAX + 1, Severity::Critical);
        assert!(
            critical[..CRITICAL_ALONE_MAX]
                .iter()
                .all(|it| *it == Some(Place::CriticalAlone))
        );
        assert_eq!(critical[CRITICAL_ALONE_MAX], Some(Place::CriticalDigest));
    }

    #[test]
    fn ordinary_incidents_take_no_place_of_critical_ones() {
        let (mut flood, _) = fill(500, Severity::Error);
        let place = flood.place("c", 1, Severity::Critical, "name", Watched::Alarm);
        assert_eq!(place, Some(Place::CriticalAlone));
    }

    #[test]
    fn an_incident_that_comes_again_keeps_its_place() {
        let (mut flood, places) = fill(12, Severity::Error);
        let before = flood.clone();
        let again = flood.place("11", 1, Severity::Error, "name", Watched::Alarm);
        assert_eq!(again, places[11]);
        assert_eq!(flood, before);
    }

    #[test]
    fn an_ok_changes_the_line_once_and_moves_it_to_the_end() {
        let (mut flood, _) = fill(12, Severity::Error);
        let wanted = flood.ordinary.wanted;
        for _ in 0..2 {
            let place = flood.change("10", 1, Watched::Ok, Some(5));
            assert_eq!(place, Some(Place::Digest));
        }
        assert_eq!(flood.ordinary.wanted, wanted + 1);
        let lines = flood.lines(Place::Digest);
        let states: Vec<Watched> = lines.iter().map(|line| line.state).collect();
        assert_eq!(states, [Watched::Alarm, Watched::Ok]);
        assert_eq!(
            flood.change("0", 1, Watched::Ok, None),
            None,
            "it has a message"
        );
        assert_eq!(flood.change("99", 1, Watched::Ok, None), None);
    }

    #[test]
    fn a_full_item_takes_no_further_incident() {
        let (_, places) = fill(LINES_MAX + 1, Severity::Error);
        assert!(places[LINES_MAX - 1].is_some() && places[LINES_MAX].is_none());
    }

    #[test]
    fn each_new_line_asks_for_its_own_digest_to_be_shown() {
        let wanted = |flood: &Flood, place| flood.board(place).map(|board| board.wanted);
        let (mut flood, _) = fill(ALONE_MAX + 3, Severity::Error);
        assert_eq!(wanted(&flood, Place::Digest), Some(3));
        assert_eq!(wanted(&flood, Place::CriticalDigest), Some(0));
        for number in 0..CRITICAL_ALONE_MAX + 2 {
            let name = format!("critical {number}");
            flood.place(&name, 1, Severity::Critical, "name", Watched::Alarm);
        }
        assert_eq!(wanted(&flood, Place::CriticalDigest), Some(2));
        assert_eq!(wanted(&flood, Place::Digest), Some(3));
        assert_eq!(flood.board(Place::Alone), None);
        assert_eq!(flood.board(Place::CriticalAlone), None);
    }

    #[test]
    fn only_an_incident_with_a_line_keeps_its_name_here() {
        let (flood, _) = fill(ALONE_MAX + 1, Severity::Error);
        let names: Vec<&str> = flood.members.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names[..ALONE_MAX], [""; ALONE_MAX]);
        assert_eq!(names[ALONE_MAX], "name");
    }
}
