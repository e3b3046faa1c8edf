//! Decides what a change of state means for an incident.

use crate::event::Watched;
use crate::incident::{At, Change, Closing, Incident, Origin, View};

/// This many changes between ALARM and another state…
const FLIPS: usize = 4;
/// …within this time make an alarm flap.
const FLIPS_WITHIN: i64 = 10 * 60 * 1_000;
/// Flapping ends after this time without a change. It is also the longest delay of a message in SQS.
pub(crate) const QUIET: i64 = 15 * 60 * 1_000;

/// What a change did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Applied {
    /// The incident is newer now.
    Newer,
    /// An ALARM came after its own OK, and completed what is known.
    Completed,
    /// The change was known, or a newer one was.
    Known,
}

impl Incident {
    /// Applies a change. Only a newer one counts; of two at the same time, ALARM wins.
    pub(crate) fn apply(&mut self, change: &Change) -> Applied {
        if (change.at, change.state.rank()) <= (self.at, self.state.rank()) {
            return self.apply_late(change);
        }
        let calmed = self.calm(change.at);
        let fired = self.state == Watched::Alarm;
        let fires = change.state == Watched::Alarm;
        if fired != fires {
            self.flip(change.at);
        }
        match change.state {
            Watched::Alarm if (!fired || calmed) && !self.flapping => self.open(Some(change.at)),
            Watched::NoData | Watched::Calm if self.is_over() && !self.flapping => self.open(None),
            Watched::Ok if self.is_over() && !self.flapping => self.note_unexplained(change),
            Watched::Alarm | Watched::NoData | Watched::Calm | Watched::Ok | Watched::Gone => {
                self.origin = Origin::Known;
            }
        }
        self.closing = match change.state {
            Watched::Gone => Closing::Deleted,
            Watched::Alarm | Watched::NoData | Watched::Calm | Watched::Ok => Closing::Ok,
        };
        self.state = change.state;
        self.at = change.at;
        if change.alert.is_some() {
            self.severity = change.severity;
        }
        if !change.route.is_empty() {
            self.route.clone_from(&change.route);
        }
        if !change.causes.is_empty() {
            self.causes.clone_from(&change.causes);
        }
        if let Some(alert) = &change.alert {
            self.alert.clone_from(alert);
        }
        self.want();
        Applied::Newer
    }

    /// An ALARM that is older than the OK which ended it. Everything else that is old says nothing new.
    fn apply_late(&mut self, change: &Change) -> Applied {
        let is_own = self.origin != Origin::Known
            && change.state == Watched::Alarm
            && self.closed_before.is_none_or(|before| before < change.at);
        if !is_own {
            return Applied::Known;
        }
        self.origin = Origin::Known;
        self.fired_at = Some(change.at);
        self.severity = self.severity.max(change.severity);
        self.want();
        Applied::Completed
    }

    /// Closes the incident though no alert said OK. Returns whether it was open.
    pub(crate) fn close(&mut self, closing: Closing, at: At) -> bool {
        if self.is_over() || self.opening == 0 {
            return false;
        }
        self.state = match closing {
            Closing::Ok | Closing::OkNeverCame | Closing::Absent => Watched::Ok,
            Closing::Deleted => Watched::Gone,
        };
        self.at = self.at.max(at);
        self.closing = closing;
        self.flapping = false;
        self.flips.clear();
        self.want();
        true
    }

    /// Ends flapping after enough quiet time. What is in ALARM then is a new opening, which is posted.
    /// Returns whether it ended.
    pub(crate) fn end_flapping(&mut self, now: At) -> bool {
        if !self.calm(now) {
            return false;
        }
        if self.state == Watched::Alarm {
            self.open(Some(self.at));
        }
        self.want();
        true
    }

    /// Forgets the flips if the last one was long enough ago. Returns whether the alarm was flapping.
    fn calm(&mut self, now: At) -> bool {
        let last = self.flips.last().copied().unwrap_or(self.at);
        if !self.flapping || now.since(last) < QUIET {
            return false;
        }
        self.flapping = false;
        self.flips.clear();
        true
    }

    fn open(&mut self, fired_at: Option<At>) {
        self.opening += 1;
        self.fired_at = fired_at;
        self.origin = Origin::Known;
        self.reminded = 0;
    }

    /// An OK without an ALARM before it: its ALARM is late, was lost, or never was.
    fn note_unexplained(&mut self, change: &Change) {
        self.closed_before = (0 < self.opening).then_some(self.at);
        self.open(None);
        // An alert that does not say where it comes from may come from ALARM.
        self.origin = match change.from {
            Some(Watched::NoData | Watched::Ok | Watched::Calm) => Origin::Quiet,
            Some(Watched::Alarm | Watched::Gone) | None => Origin::Unexplained,
        };
    }

    fn flip(&mut self, at: At) {
        self.flips.push(at);
        self.flips.retain(|flip| at.since(*flip) < FLIPS_WITHIN);
        if FLIPS <= self.flips.len() {
            self.flapping = true;
        }
        let excess = self.flips.len().saturating_sub(2 * FLIPS);
        self.flips.drain(..excess);
    }

    /// Makes every channel show the newest: the route of the newest change, and each that has a message
    /// about something that is not over. So a change of route or severity leaves no message behind. The
    /// end of an incident is shown where it was posted, and elsewhere only if it was posted nowhere.
    fn want(&mut self) {
        self.edition += 1;
        let edition = self.edition;
        let is_open =
            |view: &View| view.posted.is_some() && view.state.is_some_and(|state| !state.is_over());
        let fires = matches!(self.state, Watched::Alarm | Watched::NoData);
        if fires || !self.views.values().any(is_open) {
            let view = self.views.entry(self.route.clone()).or_default();
            view.wanted = edition;
        }
        for view in self.views.values_mut() {
            if is_open(view) || view.is_due() {
                view.wanted = edition;
            }
        }
    }
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
