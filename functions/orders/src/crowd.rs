//! Remembers how crowded each product is: the share of this environment's last tries to
//! take it that met another writer.
//!
//! The writes of one product happen one after the other, a few milliseconds each. If
//! more customers want it than fit, every try that waits for its turn holds an
//! environment, and makes the others wait. So the more crowded a product is, the
//! sooner an order gives up, and its client repeats it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use once::Patience;

/// How many tries are remembered of a product.
const TRIES_KEPT: u32 = 100;

/// Fewer tries than this say nothing.
const TRIES_LEAST: u32 = 40;

/// After this long without a try, all that was learnt is out of date.
const IDLE: SignedDuration = SignedDuration::from_secs(5);

/// How many products are remembered. A sale has far fewer.
const PRODUCTS_MAX: usize = 1_000;

/// While nothing is known: a lone order that meets a few others gets through.
const UNKNOWN: Patience = Patience {
    tries_max: 16,
    time_max: Duration::MAX,
};

/// Where fewer than nine of ten tries meet another writer.
const CROWDED: Patience = Patience {
    tries_max: u32::MAX,
    time_max: Duration::from_secs(1),
};

/// Where nine of ten tries or more meet another writer: more tries only make it worse.
const OVERCROWDED: Patience = Patience {
    tries_max: 3,
    time_max: Duration::MAX,
};

/// What an environment knows of its products.
#[derive(Debug, Default)]
pub(crate) struct Crowds(Mutex<HashMap<String, Crowd>>);

/// The last tries to take one product.
#[derive(Clone, Copy, Debug)]
struct Crowd {
    /// A bit for each try, the latest the lowest: whether it met another writer.
    conflicts: u128,
    tries: u32,
    last: Timestamp,
}

impl Crowds {
    /// The patience of an order of these products that starts now: that of the most
    /// crowded one.
    pub(crate) fn patience(&self, products: &[&str], now: Timestamp) -> Patience {
        let crowds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |product: &&str| match crowds.get(*product) {
            Some(crowd) if !crowd.is_old(now) => crowd.patience(),
            Some(_) | None => UNKNOWN,
        };
        let patience = products.iter().map(of).reduce(|one, other| Patience {
            tries_max: one.tries_max.min(other.tries_max),
            time_max: one.time_max.min(other.time_max),
        });
        patience.unwrap_or(UNKNOWN)
    }

    /// Notes an order's tries, of which so many met another writer: at each of its
    /// products, since DynamoDB does not always say at which.
    pub(crate) fn note(&self, products: &[&str], tries: u32, conflicts: u32, now: Timestamp) {
        if tries == 0 {
            return;
        }
        let mut crowds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for product in products {
            if !crowds.contains_key(*product) && PRODUCTS_MAX <= crowds.len() {
                crowds.retain(|_, crowd| !crowd.is_old(now));
                if PRODUCTS_MAX <= crowds.len() {
                    return;
                }
            }
            let crowd = crowds
                .entry((*product).to_owned())
                .or_insert(Crowd::new(now));
            if crowd.is_old(now) {
                *crowd = Crowd::new(now);
            }
            crowd.last = now;
            // The last try of an order is the one that did not meet another writer.
            for number in 0..tries {
                crowd.push(number < conflicts);
            }
        }
    }
}

impl Crowd {
    const fn new(now: Timestamp) -> Self {
        Self {
            conflicts: 0,
            tries: 0,
            last: now,
        }
    }

    fn is_old(&self, now: Timestamp) -> bool {
        IDLE <= now.duration_since(self.last)
    }

    fn push(&mut self, conflict: bool) {
        let kept = (1 << TRIES_KEPT) - 1;
        self.conflicts = ((self.conflicts << 1) | u128::from(conflict)) & kept;
        self.tries = (self.tries + 1).min(TRIES_KEPT);
    }

    const fn patience(&self) -> Patience {
        if self.tries < TRIES_LEAST {
            UNKNOWN
        } else if self.conflicts.count_ones() * 10 < self.tries * 9 {
            CROWDED
        } else {
            OVERCROWDED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn patience_after(notes: &[(u32, u32)], seconds: i64) -> Patience {
        let crowds = Crowds::default();
        for (tries, conflicts) in notes {
            crowds.note(&["TEA"], *tries, *conflicts, NOW);
        }
        crowds.patience(&["TEA"], NOW + SignedDuration::from_secs(seconds))
    }

    #[test]
    fn the_more_crowded_a_product_is_the_sooner_an_order_gives_up() {
        assert_eq!(patience_after(&[], 0), UNKNOWN);
        assert_eq!(patience_after(&[(39, 39)], 0), UNKNOWN);
        assert_eq!(patience_after(&[(40, 35)], 0), CROWDED);
        assert_eq!(patience_after(&[(40, 36)], 0), OVERCROWDED);
        assert_eq!(patience_after(&[(40, 0)], 0), CROWDED);
    }

    #[test]
    fn only_the_last_hundred_tries_count_and_only_for_five_seconds() {
        assert_eq!(patience_after(&[(100, 100), (11, 0)], 0), CROWDED);
        assert_eq!(patience_after(&[(100, 100), (10, 0)], 0), OVERCROWDED);
        assert_eq!(patience_after(&[(100, 100)], 4), OVERCROWDED);
        assert_eq!(patience_after(&[(100, 100)], 5), UNKNOWN);
    }

    #[test]
    fn an_order_of_several_products_is_as_patient_as_with_the_most_crowded_one() {
        let crowds = Crowds::default();
        crowds.note(&["TEA"], 100, 95, NOW);
        crowds.note(&["CUP"], 100, 50, NOW);
        assert_eq!(crowds.patience(&["CUP", "MUG"], NOW).tries_max, 16);
        assert_eq!(crowds.patience(&["CUP", "TEA"], NOW).tries_max, 3);
        assert_eq!(crowds.patience(&["CUP"], NOW), CROWDED);
    }

    #[test]
    fn products_that_nobody_wants_any_more_make_room_for_others() {
        let crowds = Crowds::default();
        let names: Vec<String> = (0..PRODUCTS_MAX).map(|number| number.to_string()).collect();
        for name in &names {
            crowds.note(&[name.as_str()], 1, 0, NOW);
        }
        crowds.note(&["TEA"], 100, 100, NOW);
        assert_eq!(crowds.patience(&["TEA"], NOW), UNKNOWN);
        // A known one takes no place.
        crowds.note(&["0"], 100, 100, NOW);
        assert_eq!(crowds.patience(&["0"], NOW), OVERCROWDED);
        let later = NOW + SignedDuration::from_secs(5);
        crowds.note(&["TEA"], 100, 100, later);
        assert_eq!(crowds.patience(&["TEA"], later), OVERCROWDED);
    }
}
