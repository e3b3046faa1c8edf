//! Remembers what an environment has seen of products of several shards.
//!
//! These are hints. An old or a wrong one costs another attempt, and never a wrong answer:
//! the conditions of the writes decide. There are two exceptions, and both end after
//! [`Hints::kept`]: the number of pieces that a page shows, and that a product was sold
//! out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use once::Item;

/// How long a number of shards is believed. A product can get more of them.
const SHARDS_KEPT: SignedDuration = SignedDuration::from_secs(60);

/// How long an order does not try a shard that was seen short.
const SHORT_KEPT: SignedDuration = SignedDuration::from_secs(1);

/// How long a number of pieces is shown at most.
const AVAILABLE_KEPT: SignedDuration = SignedDuration::from_secs(1);

/// How many products are remembered. A sale has far fewer.
const PRODUCTS_MAX: usize = 1_000;

/// What an environment knows.
#[derive(Debug)]
pub(crate) struct Hints {
    products: Mutex<HashMap<String, Hint>>,
    /// How long answers come from memory. Zero: never.
    kept: SignedDuration,
}

/// That two reads proved a product sold out, and under which terms it is sold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SoldOut {
    /// How many were left.
    pub(crate) left: i64,
    /// Shard 0, which has the terms.
    pub(crate) product: Item,
}

#[derive(Clone, Debug, Default)]
struct Hint {
    shards: Option<(u32, Timestamp)>,
    /// When each shard was seen short.
    short: HashMap<u32, Timestamp>,
    available: Option<(i64, Timestamp)>,
    sold_out: Option<(SoldOut, Timestamp)>,
}

impl Hints {
    /// Nothing is known. Answers come from memory for this long.
    pub(crate) fn new(kept: Duration) -> Self {
        Self {
            products: Mutex::default(),
            kept: SignedDuration::try_from(kept).unwrap_or(SignedDuration::ZERO),
        }
    }

    /// How many shards a product has, if it is known.
    pub(crate) fn shards(&self, sku: &str, now: Timestamp) -> Option<u32> {
        self.of(sku, |hint| fresh(hint.shards, now, SHARDS_KEPT))?
    }

    /// Notes how many shards a product has.
    pub(crate) fn learn(&self, sku: &str, shards: u32, now: Timestamp) {
        self.note(sku, |hint| hint.shards = Some((shards, now)));
    }

    /// Notes that a shard has less than an order wanted.
    pub(crate) fn mark_short(&self, sku: &str, shard: u32, now: Timestamp) {
        self.note(sku, |hint| {
            hint.short.insert(shard, now);
        });
    }

    /// The shard from which an order's attempt takes a product: shard 0 if nothing is
    /// known, and otherwise another one for each order and each attempt. It is one that
    /// was not seen short, unless all were.
    pub(crate) fn choose(&self, sku: &str, id: &str, attempt: u32, now: Timestamp) -> u32 {
        let Some(shards) = self.shards(sku, now).filter(|shards| 1 < *shards) else {
            return 0;
        };
        let short = self.of(sku, |hint| hint.short.clone()).unwrap_or_default();
        let is_short = |shard: &u32| {
            let seen = short.get(shard).map(|at| ((), *at));
            fresh(seen, now, SHORT_KEPT).is_some()
        };
        let mut candidates: Vec<u32> = (0..shards).filter(|shard| !is_short(shard)).collect();
        if candidates.is_empty() {
            candidates = (0..shards).collect();
        }
        spread(&candidates, id, attempt)
    }

    /// How many pieces all shards had together, at most a second ago.
    pub(crate) fn available(&self, sku: &str, now: Timestamp) -> Option<i64> {
        let kept = self.kept.min(AVAILABLE_KEPT);
        self.of(sku, |hint| fresh(hint.available, now, kept))?
    }

    /// Notes how many pieces all shards had together at a moment.
    pub(crate) fn note_available(&self, sku: &str, available: i64, at: Timestamp) {
        self.note(sku, |hint| hint.available = Some((available, at)));
    }

    /// Forgets how many pieces there were: this environment has changed it.
    pub(crate) fn forget_available(&self, sku: &str) {
        self.note(sku, |hint| hint.available = None);
    }

    /// That a product was sold out a moment ago.
    pub(crate) fn sold_out(&self, sku: &str, now: Timestamp) -> Option<SoldOut> {
        self.of(sku, |hint| fresh(hint.sold_out.clone(), now, self.kept))?
    }

    /// Notes that a product was sold out at a moment: before the second of the two reads
    /// that proved it.
    pub(crate) fn note_sold_out(&self, sku: &str, sold_out: SoldOut, at: Timestamp) {
        self.note(sku, |hint| hint.sold_out = Some((sold_out, at)));
    }

    fn of<T>(&self, sku: &str, read: impl FnOnce(&Hint) -> T) -> Option<T> {
        let products = self.products.lock().unwrap_or_else(PoisonError::into_inner);
        products.get(sku).map(read)
    }

    fn note(&self, sku: &str, change: impl FnOnce(&mut Hint)) {
        let mut products = self.products.lock().unwrap_or_else(PoisonError::into_inner);
        if !products.contains_key(sku) && PRODUCTS_MAX <= products.len() {
            // Hints are cheap to learn again.
            products.clear();
        }
        change(products.entry(sku.to_owned()).or_default());
    }
}

/// What was noted, if it is younger than `kept`. A clock that went back makes it void.
fn fresh<T>(noted: Option<(T, Timestamp)>, now: Timestamp, kept: SignedDuration) -> Option<T> {
    let (what, at) = noted?;
    let age = now.duration_since(at);
    (SignedDuration::ZERO <= age && age < kept).then_some(what)
}

/// One of these shards for an attempt. The next attempt takes another one.
pub(crate) fn spread(shards: &[u32], id: &str, attempt: u32) -> u32 {
    let count = u64::try_from(shards.len()).unwrap_or(1).max(1);
    let others = (count - 1).max(1);
    let first = hash(id, 0) % count;
    let steps = (1..=attempt).map(|attempt| 1 + hash(id, attempt) % others);
    let place = steps.fold(first, |place, step| (place + step) % count);
    let place = usize::try_from(place).unwrap_or_default();
    shards.get(place).copied().unwrap_or_default()
}

/// FNV-1a, and then a mix, so that its low bits depend on all of the text.
fn hash(id: &str, attempt: u32) -> u64 {
    let bytes = id.bytes().chain(attempt.to_be_bytes());
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (sum ^ (sum >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn later(milliseconds: i64) -> Timestamp {
        NOW + SignedDuration::from_millis(milliseconds)
    }

    fn hints() -> Hints {
        Hints::new(Duration::from_secs(1))
    }

    #[test]
    fn an_order_of_which_nothing_is_known_takes_shard_0() {
        let hints = hints();
        assert_eq!(hints.choose("TEA", "ord_a", 0, NOW), 0);
        hints.learn("TEA", 1, NOW);
        assert_eq!(hints.choose("TEA", "ord_a", 3, NOW), 0);
        hints.learn("TEA", 16, NOW);
        let of = |now| (0..99).any(|it| 0 < hints.choose("TEA", &format!("ord_{it}"), 0, now));
        assert!(of(later(59_999)));
        assert!(!of(later(60_000)));
    }

    #[test]
    fn orders_are_spread_evenly_and_each_attempt_goes_elsewhere() {
        let hints = hints();
        hints.learn("TEA", 16, NOW);
        let mut counts = [0_u32; 16];
        for number in 0..1_600 {
            let id = format!("ord_{number}");
            let mut before = None;
            for attempt in 0..8 {
                let shard = hints.choose("TEA", &id, attempt, NOW);
                counts[usize::try_from(shard).unwrap()] += 1;
                assert_ne!(Some(shard), before.replace(shard));
            }
        }
        assert!(
            counts.iter().all(|count| (700..900).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn the_hash_is_fnv_1a_with_a_mix_of_all_its_bits() {
        // Calculated by another program.
        assert_eq!(hash("", 0), 0x2cc9_946c_d4f7_6bf4);
        assert_eq!(hash("ord_a", 0), 0x6cb1_6232_77eb_bf1f);
        assert_eq!(hash("ord_a", 1), 0xe39b_86dd_a59e_d9a7);
    }

    #[test]
    fn the_attempts_of_an_order_go_round_its_shards_by_steps_of_the_hash() {
        let shards: Vec<u32> = (10..17).collect();
        let mut place = hash("ord_a", 0) % 7;
        for attempt in 0..20 {
            if attempt != 0 {
                place = (place + 1 + hash("ord_a", attempt) % 6) % 7;
            }
            let shard = spread(&shards, "ord_a", attempt);
            assert_eq!(u64::from(shard), 10 + place, "{attempt}");
        }
        assert_eq!(spread(&[3], "ord_a", 5), 3);
        assert_eq!(spread(&[], "ord_a", 0), 0);
    }

    #[test]
    fn a_shard_that_was_seen_short_is_not_tried_for_a_second() {
        let hints = hints();
        hints.learn("TEA", 2, NOW);
        hints.mark_short("TEA", 0, NOW);
        let tries = |now| (0..20).map(move |number| (format!("ord_{number}"), now));
        let zeros = |now| {
            let chosen = tries(now).map(|(id, now)| hints.choose("TEA", &id, 0, now));
            chosen.filter(|shard| *shard == 0).count()
        };
        assert_eq!(zeros(later(999)), 0);
        assert_ne!(zeros(later(1_000)), 0);
        hints.mark_short("TEA", 1, NOW);
        assert!((1..20).contains(&zeros(later(999))));
    }

    #[test]
    fn answers_from_memory_end_and_a_clock_that_goes_back_makes_them_void() {
        let sold_out = SoldOut {
            left: 0,
            product: Item::new(),
        };
        let hints = hints();
        hints.note_sold_out("TEA", sold_out.clone(), NOW);
        hints.note_available("TEA", 7, NOW);
        for (at, known) in [(0, true), (999, true), (1_000, false), (-1, false)] {
            assert_eq!(hints.sold_out("TEA", later(at)).is_some(), known, "{at}");
            assert_eq!(hints.available("TEA", later(at)).is_some(), known, "{at}");
        }
        let never = Hints::new(Duration::ZERO);
        never.note_sold_out("TEA", sold_out, NOW);
        never.note_available("TEA", 7, NOW);
        assert_eq!(never.sold_out("TEA", NOW), None);
        assert_eq!(never.available("TEA", NOW), None);
        hints.forget_available("TEA");
        assert_eq!(hints.available("TEA", NOW), None);
    }

    #[test]
    fn as_many_products_as_fit_are_remembered_together() {
        let hints = hints();
        hints.learn("TEA", 2, NOW);
        for number in 1..PRODUCTS_MAX {
            hints.learn(&number.to_string(), 2, NOW);
        }
        // A known one takes no place.
        hints.learn("TEA", 3, NOW);
        assert_eq!(hints.shards("TEA", NOW), Some(3));
        for number in 1..PRODUCTS_MAX {
            assert_eq!(hints.shards(&number.to_string(), NOW), Some(2));
        }
    }

    #[test]
    fn products_that_are_too_many_are_forgotten() {
        let hints = hints();
        hints.learn("TEA", 2, NOW);
        for number in 0..PRODUCTS_MAX {
            hints.learn(&number.to_string(), 2, NOW);
        }
        assert_eq!(hints.shards("TEA", NOW), None);
    }
}
