//! Reads the table, at most three times, and the versions of what differs in between.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use once::{Item, Pace, SCAN_UNITS_MAX, Segment, Session, number_of, text_of};

use super::evidence::Evidence;
use super::finding::Subject;
use super::limits::Limits;
use super::suspects::{Suspect, Suspects, ledger_differences, proven, standing};
use crate::error::Error;

/// The parts of the table that are read one after the other. A report says how many of them an
/// audit finished.
const SEGMENTS: i32 = 16;

/// How often the table is read at most.
const PASSES_MAX: u32 = 3;

/// The read units that a pass consumes per second: half of what DynamoDB gives one partition,
/// so that orders can be read meanwhile.
const UNITS_PER_SECOND: f64 = 1_500.0;

/// The time that is kept for a last look at the versions.
const SPARE: SignedDuration = SignedDuration::from_secs(5);

/// How many items one batch read takes.
const BATCH_ITEMS: usize = 100;

/// How many suspects are looked at. More than a few mean that something is very wrong, and
/// these are enough to say so.
const SUSPECTS_MAX: usize = 1_000;

/// Why an audit cannot say whether the books are right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Inconclusive {
    /// Reading on would exceed the limit of read units.
    ReadLimit,
    /// The time was over.
    Time,
    /// The database did not answer.
    NoAnswer,
    /// Some subjects moved in every pass.
    Moved,
    /// This release cannot read some items.
    Unreadable,
}

/// What an audit did and found.
#[derive(Debug, Default)]
pub(crate) struct Audited {
    /// Passes over the table that were begun.
    pub(crate) passes: u32,
    /// Segments of the last pass that were finished.
    pub(crate) segments: i32,
    /// The evidence of the last pass.
    pub(crate) evidence: Evidence,
    /// What is proven wrong.
    pub(crate) violations: Suspects,
    /// What differs, but is not proven wrong.
    pub(crate) suspects: Suspects,
    /// Why the audit cannot say more, if it cannot.
    pub(crate) inconclusive: Option<Inconclusive>,
}

/// How many parts there are.
pub(crate) const fn segments() -> i32 {
    SEGMENTS
}

/// An audit under way.
pub(crate) struct Auditing<'session> {
    session: &'session Session<'session>,
    limits: Limits,
    /// What it found so far.
    pub(crate) audited: Audited,
}

/// Why a pass ends early.
enum Stop {
    Inconclusive(Inconclusive),
    Failed(Error),
}

impl From<Inconclusive> for Stop {
    fn from(why: Inconclusive) -> Self {
        Self::Inconclusive(why)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<'session> Auditing<'session> {
    /// Nothing is read yet.
    pub(crate) fn new(session: &'session Session<'session>, limits: Limits) -> Self {
        Self {
            session,
            limits,
            audited: Audited::default(),
        }
    }

    /// Reads the table until nothing is a suspect any more, or nothing more can be said.
    ///
    /// # Errors
    /// The database refuses to be read.
    pub(crate) async fn run(&mut self) -> Result<(), Error> {
        let stopped = match Box::pin(self.passes()).await {
            Ok(()) => None,
            Err(Stop::Inconclusive(why)) => Some(why),
            Err(Stop::Failed(error)) => return Err(error),
        };
        let unreadable = self.audited.evidence.unreadable_count != 0;
        let unread = unreadable.then_some(Inconclusive::Unreadable);
        self.audited.inconclusive = stopped.or(unread);
        Ok(())
    }

    async fn passes(&mut self) -> Result<(), Stop> {
        for pass in 1..=PASSES_MAX {
            self.audited.passes = pass;
            let scanned = self.scan().await;
            self.note_what_one_read_proves();
            scanned?;
            let found = self.suspects().await?;
            let before = std::mem::replace(&mut self.audited.suspects, found);
            if self.audited.suspects.is_empty() {
                return Ok(());
            }
            let standing = standing(&before, &self.audited.suspects);
            if pass == PASSES_MAX && standing.is_empty() {
                break;
            }
            self.wait().await?;
            let subjects = standing.iter().map(|(subject, it)| (subject, it.shards));
            let versions = self.versions(subjects).await?;
            for (subject, suspect) in proven(standing, &versions) {
                self.audited.suspects.remove(&subject);
                self.add_violation(subject, suspect);
            }
            if self.audited.suspects.is_empty() {
                return Ok(());
            }
        }
        Err(Inconclusive::Moved.into())
    }

    /// Reads every item once.
    async fn scan(&mut self) -> Result<(), Stop> {
        let differences = ledger_differences(&self.audited.suspects);
        self.audited.evidence = Evidence::looking_for(differences);
        self.audited.segments = 0;
        let began = self.session.world().machine_now();
        let units = self.session.tally().read_units;
        for number in 0..SEGMENTS {
            let segment = Segment {
                number,
                of: SEGMENTS,
            };
            let mut after: Option<Item> = None;
            loop {
                self.may_read()?;
                let mut pace = Pace::default();
                let send = || self.session.scan(segment, after.as_ref());
                let read = pace.read(self.session, send).await.map_err(Error::from)?;
                let (items, last) = read.ok_or_else(|| self.without_answer())?;
                for item in items {
                    self.audited.evidence.add(item);
                }
                if last.is_none() {
                    break;
                }
                after = last;
                self.slow_down(began, units).await;
            }
            self.audited.segments = number + 1;
        }
        Ok(())
    }

    /// Whether there are units and time for another page.
    fn may_read(&self) -> Result<(), Inconclusive> {
        let most = f64::from(self.limits.read_units_max);
        if most < self.session.tally().read_units + SCAN_UNITS_MAX {
            return Err(Inconclusive::ReadLimit);
        }
        if self.session.time_left().is_none() {
            return Err(Inconclusive::Time);
        }
        Ok(())
    }

    fn without_answer(&self) -> Inconclusive {
        match self.session.time_left() {
            Some(_) => Inconclusive::NoAnswer,
            None => Inconclusive::Time,
        }
    }

    /// Waits until the pass is no faster than it may be.
    async fn slow_down(&self, began: Timestamp, units_before: f64) {
        let world = self.session.world();
        let units = self.session.tally().read_units - units_before;
        let early = early(units, world.machine_now().duration_since(began));
        if !early.is_zero() {
            world.sleep(early).await;
        }
    }

    /// Waits until every read sees all of each transaction that has begun.
    async fn wait(&self) -> Result<(), Inconclusive> {
        let wait = SignedDuration::try_from(self.limits.wait).unwrap_or(SignedDuration::MAX);
        if self.session.until_reserve() < wait.saturating_add(SPARE) {
            return Err(Inconclusive::Time);
        }
        self.session.world().sleep(self.limits.wait).await;
        Ok(())
    }

    /// What differs after a whole pass, with the versions as they are now. What one read proves
    /// is among the violations already.
    async fn suspects(&self) -> Result<Suspects, Stop> {
        let mut wrong = self.audited.evidence.wrong();
        for found in wrong.values_mut() {
            found
                .findings
                .retain(|finding| !finding.kind.is_seen_in_one_read());
        }
        wrong.retain(|subject, found| {
            let is_proven = self.audited.violations.get(subject).is_some_and(|proven| {
                let mut findings = found.findings.iter();
                findings.all(|finding| proven.has(finding))
            });
            !found.findings.is_empty() && !is_proven
        });
        let some: Vec<_> = wrong.into_iter().take(SUSPECTS_MAX).collect();
        let versions = self
            .versions(some.iter().map(|(subject, found)| (subject, found.shards)))
            .await?;
        let suspects = some.into_iter().map(|(subject, found)| {
            let version = versions.get(&subject).copied().flatten();
            (subject, Suspect::new(found, version))
        });
        Ok(suspects.collect())
    }

    /// Moves the findings that need no second look to the violations.
    fn note_what_one_read_proves(&mut self) {
        for (subject, mut found) in self.audited.evidence.wrong() {
            let is_alone = found
                .findings
                .iter()
                .all(|finding| finding.kind.is_seen_in_one_read());
            if self.audited.segments != SEGMENTS || !is_alone {
                // Sums of half a pass, or of items that may have moved, repair nothing.
                found.books = None;
            }
            found
                .findings
                .retain(|finding| finding.kind.is_seen_in_one_read());
            if !found.findings.is_empty() {
                let version = found.version;
                self.add_violation(subject, Suspect::new(found, version));
            }
        }
    }

    fn add_violation(&mut self, subject: Subject, found: Suspect) {
        match self.audited.violations.entry(subject) {
            Entry::Vacant(place) => drop(place.insert(found)),
            Entry::Occupied(place) => place.into_mut().add(found),
        }
    }

    /// The versions of these subjects, which have so many shards, as they are now. `None` if there
    /// is no such item.
    async fn versions(
        &self,
        subjects: impl Iterator<Item = (&Subject, u32)>,
    ) -> Result<BTreeMap<Subject, Option<i64>>, Stop> {
        let (mut versions, mut places) = (BTreeMap::new(), BTreeMap::new());
        let mut keys = Vec::new();
        for (subject, shards) in subjects {
            versions.insert(subject.clone(), None);
            for key in subject.keys(shards) {
                places.insert(place(&key), subject);
                keys.push(key);
            }
        }
        let mut found = Vec::new();
        for batch in keys.chunks(BATCH_ITEMS) {
            self.may_read()?;
            let mut pace = Pace::default();
            let send = |unread: &Vec<Item>| self.session.batch_get(unread.clone());
            let read = pace.repeat(
                self.session,
                batch.to_vec(),
                send,
                |(items, rest), unread| {
                    found.extend(items);
                    *unread = rest;
                    Ok::<_, Error>(unread.is_empty().then_some(()))
                },
            );
            read.await?.ok_or_else(|| self.without_answer())?;
        }
        for item in &found {
            let version = number_of(item, "version").unwrap_or_default();
            if let Some(subject) = places.get(&place(item))
                && let Some(sum) = versions.get_mut(*subject)
            {
                *sum = Some(sum.unwrap_or_default() + version);
            }
        }
        Ok(versions)
    }
}

/// How much sooner these units were read than they may be.
fn early(units: f64, passed: SignedDuration) -> Duration {
    let due = SignedDuration::try_from_secs_f64(units / UNITS_PER_SECOND);
    Duration::try_from(due.unwrap_or_default() - passed).unwrap_or_default()
}

/// The primary key of an item.
fn place(item: &Item) -> (String, String) {
    let of = |name| text_of(item, name).unwrap_or_default().to_owned();
    (of("pk"), of("sk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_waits_until_it_is_as_slow_as_it_may_be() {
        let second = SignedDuration::from_secs(1);
        assert_eq!(
            early(3.0 * UNITS_PER_SECOND, second),
            Duration::from_secs(2)
        );
        assert_eq!(early(UNITS_PER_SECOND, second), Duration::ZERO);
        assert_eq!(early(UNITS_PER_SECOND, second * 5), Duration::ZERO);
        assert_eq!(early(0.0, SignedDuration::ZERO), Duration::ZERO);
    }

    #[test]
    fn an_item_is_found_by_both_parts_of_its_key() {
        let item = Item::from([
            ("pk".to_owned(), once::text("SKU#A")),
            ("sk".to_owned(), once::text("STOCK#0")),
        ]);
        assert_eq!(place(&item), ("SKU#A".to_owned(), "STOCK#0".to_owned()));
    }
}
