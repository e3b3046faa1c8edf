//! The overdue orders of all partitions of the index, the longest overdue first.
//!
//! ```text
//! EXPIRY#0   01  05  06 │ next page
//! EXPIRY#1   02  03     │              ──►  01 02 03 04 05, then the next page of EXPIRY#0
//! EXPIRY#2   04  09  10 │ next page
//! ```
//!
//! Each partition is sorted. The oldest of all is the oldest of their first ones, as
//! long as no partition has run out of keys while it has more pages.

use std::collections::VecDeque;

use once::{Item, Pace, Page, Session, text, text_of};

use crate::error::Error;
use crate::expire::SKEW_SECONDS;
use crate::index::query;
use crate::moment::Moment;
use crate::order::{EXPIRY_SHARDS, expiry_shard};

/// The sparse index of pending orders, by the end of their hold.
pub const BY_EXPIRY: &str = "by_expiry";

/// The number of orders on one page of the index.
const PAGE_ORDERS: i32 = 100;

/// How many orders of one partition are counted. Beyond that, the backlog is at least
/// as large as was counted.
const COUNTED_MAX: i32 = 1_000;

/// What is overdue.
#[derive(Debug)]
pub(crate) struct Backlog {
    partitions: Vec<Partition>,
    now: Moment,
    /// How many orders were overdue at the start.
    count: u32,
    /// Whether there were no more than that.
    pub(crate) is_counted: bool,
    oldest: Option<Moment>,
}

/// One partition of the index.
#[derive(Debug)]
struct Partition {
    name: String,
    latest: String,
    keys: VecDeque<Item>,
    /// The last key that was read.
    last: Option<Item>,
    more: bool,
}

impl Backlog {
    /// The backlog at a moment. Nothing is read yet.
    pub(crate) fn new(now: Moment) -> Self {
        let latest = now.plus_seconds(-SKEW_SECONDS).stored();
        let partition = |number| Partition {
            name: expiry_shard(number),
            latest: latest.clone(),
            keys: VecDeque::new(),
            last: None,
            more: true,
        };
        Self {
            partitions: (0..EXPIRY_SHARDS).map(partition).collect(),
            now,
            count: 0,
            is_counted: true,
            oldest: None,
        }
    }

    /// Reads the first page of each partition, and counts what is overdue.
    ///
    /// # Errors
    /// A partition could not be read. It is left out, and the others are complete.
    pub(crate) async fn begin(&mut self, session: &Session<'_>) -> Result<(), Error> {
        let result = self.refill(session).await;
        let firsts = self.partitions.iter().filter_map(|it| it.keys.front());
        self.oldest = firsts.filter_map(end_of_hold).min();
        let mut counted = Ok(());
        for partition in &self.partitions {
            // One page is counted by reading it. Most runs need no more.
            let read = u32::try_from(partition.keys.len()).unwrap_or(u32::MAX);
            let (count, is_counted) = match partition.count(session).await {
                Ok((count, more)) => (count.max(read), !more),
                Err(error) => {
                    counted = Err(error);
                    (read, false)
                }
            };
            self.count = self.count.saturating_add(count);
            self.is_counted &= is_counted;
        }
        result.and(counted)
    }

    /// Reads the next page of each partition that has run out of keys.
    ///
    /// # Errors
    /// A partition could not be read. It is left out from now on.
    pub(crate) async fn refill(&mut self, session: &Session<'_>) -> Result<(), Error> {
        let mut result = Ok(());
        for partition in &mut self.partitions {
            if partition.keys.is_empty()
                && partition.more
                && let Err(error) = partition.refill(session).await
            {
                partition.more = false;
                self.is_counted = false;
                result = Err(error);
            }
        }
        result
    }

    /// Takes the longest overdue orders: at most this many, and none that may be younger
    /// than one that is not read yet.
    pub(crate) fn take(&mut self, most: usize) -> Vec<Item> {
        let mut taken = Vec::new();
        while taken.len() < most && !self.partitions.iter().any(Partition::must_refill) {
            let longest = self
                .partitions
                .iter_mut()
                .filter(|partition| !partition.keys.is_empty())
                .min_by_key(|partition| partition.keys.front().and_then(end_of_hold));
            match longest.and_then(|partition| partition.keys.pop_front()) {
                Some(key) => taken.push(key),
                None => break,
            }
        }
        taken
    }

    /// How long the first order had been overdue at the start.
    pub(crate) fn oldest_overdue_seconds(&self) -> i64 {
        self.oldest.map_or(0, |end| self.now.since(end).as_secs())
    }

    /// How many overdue orders a run leaves that did so many, and failed at others. There
    /// are at least this many, unless all are counted.
    pub(crate) fn left(&self, done: u32, failed: u32) -> u32 {
        self.count.saturating_sub(done).max(failed)
    }
}

impl Partition {
    fn must_refill(&self) -> bool {
        self.keys.is_empty() && self.more
    }

    fn page(&self, limit: i32) -> Page<'_> {
        Page {
            index: BY_EXPIRY,
            condition: "expiry_shard = :shard AND hold_expires_at <= :latest",
            names: &[],
            values: Item::from([
                (":shard".to_owned(), text(&self.name)),
                (":latest".to_owned(), text(&self.latest)),
            ]),
            forward: true,
            limit,
            after: self.last.as_ref(),
        }
    }

    async fn refill(&mut self, session: &Session<'_>) -> Result<(), Error> {
        let keys = query(session, &self.page(PAGE_ORDERS)).await?;
        self.more = i32::try_from(keys.len()).is_ok_and(|read| read == PAGE_ORDERS);
        if let Some(last) = keys.last() {
            self.last = Some(last.clone());
        }
        self.keys = keys.into();
        Ok(())
    }

    /// Counts the orders on the page that was read and after it. Returns whether there are
    /// more than were counted.
    async fn count(&self, session: &Session<'_>) -> Result<(u32, bool), Error> {
        let read = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        if !self.more {
            return Ok((read, false));
        }
        let page = self.page(COUNTED_MAX);
        let mut pace = Pace::default();
        let counted = pace.read(session, || session.count(&page)).await?;
        let (count, more) = counted.ok_or(Error::Unavailable)?;
        Ok((read.saturating_add(count), more))
    }
}

fn end_of_hold(key: &Item) -> Option<Moment> {
    let digits = text_of(key, "hold_expires_at")?;
    Moment::from_stored(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(end: i64) -> Item {
        let end = Moment::from_millis(end).stored();
        Item::from([("hold_expires_at".to_owned(), text(end))])
    }

    fn backlog(partitions: [(&[i64], bool); 3]) -> Backlog {
        let mut backlog = Backlog::new(Moment::from_millis(1_000_000));
        backlog.partitions.truncate(partitions.len());
        for (partition, (ends, more)) in backlog.partitions.iter_mut().zip(partitions) {
            partition.keys = ends.iter().map(|end| key(*end)).collect();
            partition.more = more;
        }
        backlog
    }

    #[track_caller]
    fn check(partitions: [(&[i64], bool); 3], most: usize, expected: &[i64]) {
        let taken = backlog(partitions).take(most);
        let expected: Vec<_> = expected.iter().map(|end| key(*end)).collect();
        assert_eq!(taken, expected);
    }

    #[test]
    fn the_longest_overdue_of_all_partitions_comes_first() {
        check(
            [(&[1, 5], false), (&[2, 3], false), (&[4], false)],
            9,
            &[1, 2, 3, 4, 5],
        );
        check(
            [(&[1, 5], false), (&[2, 3], false), (&[4], false)],
            2,
            &[1, 2],
        );
        check([(&[], false), (&[], false), (&[], false)], 9, &[]);
    }

    #[test]
    fn nothing_is_taken_that_may_be_younger_than_what_is_not_read_yet() {
        check(
            [(&[1, 5], true), (&[2, 9], false), (&[7], false)],
            9,
            &[1, 2, 5],
        );
        check([(&[], true), (&[2, 9], false), (&[7], false)], 9, &[]);
    }

    #[test]
    fn what_is_left_is_what_was_counted_and_not_done() {
        let mut backlog = backlog([(&[], false), (&[], false), (&[], false)]);
        backlog.count = 10;
        assert_eq!(backlog.left(5, 1), 5);
        assert_eq!(backlog.left(10, 0), 0);
        // Orders of a partition that was counted only in part.
        assert_eq!(backlog.left(12, 1), 1);
    }
}
