//! The books of one product: what must add up at any moment.
//!
//! The auditor, the simulator, the model and the tests all use these laws. They read
//! the items in their own ways.

use std::ops::{Add, Sub};

/// One product's numbers, in units.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Books {
    /// What can be ordered, as the stock item says.
    pub available: i64,
    /// What orders have taken, as the stock item says.
    pub taken: i64,
    /// What left with orders and did not come back, as the stock item says.
    pub shipped: i64,
    /// What came in, less what was lost, as the stock item says.
    pub received: i64,
    /// The sum of the adjustments that were recorded.
    pub adjusted: i64,
    /// The sum of what recorded returns wrote off.
    pub written_off: i64,
    /// The sum of what pending and confirmed orders hold.
    pub held: i64,
    /// The sum of what fulfilled orders have, less what came back of them.
    pub sent: i64,
}

impl Books {
    /// What a line of an order adds, by the order's status, the line's quantity, and
    /// how many of these came back. `None` if this is not the status of an order.
    pub fn of_line(status: &str, quantity: i64, returned: i64) -> Option<Self> {
        let books = Self::default();
        match status {
            "pending" | "confirmed" => Some(Self {
                held: quantity,
                ..books
            }),
            "fulfilled" => Some(Self {
                sent: quantity - returned,
                ..books
            }),
            "cancelled" | "expired" => Some(books),
            _ => None,
        }
    }

    /// What an adjustment adds.
    pub fn of_adjustment(delta: i64) -> Self {
        Self {
            adjusted: delta,
            ..Self::default()
        }
    }

    /// What a line of a return adds.
    pub fn of_return(quantity: i64, restock: bool) -> Self {
        Self {
            written_off: if restock { 0 } else { quantity },
            ..Self::default()
        }
    }

    /// The laws that the numbers must obey: whether each holds, and what is wrong if it does not.
    pub const fn laws(self) -> [(bool, &'static str); 5] {
        [
            (
                0 <= self.available && 0 <= self.taken && 0 <= self.shipped,
                "available, taken or shipped is negative",
            ),
            (
                self.available + self.taken + self.shipped == self.received,
                "available + taken + shipped is not received",
            ),
            (self.taken == self.held, "taken is not what its orders hold"),
            (
                self.shipped == self.sent,
                "shipped is not what its orders sent, less what came back",
            ),
            (
                self.received == self.adjusted - self.written_off,
                "received is not the sum of its ledger, less what was written off",
            ),
        ]
    }

    fn each_with(self, other: Self, combine: impl Fn(i64, i64) -> i64) -> Self {
        Self {
            available: combine(self.available, other.available),
            taken: combine(self.taken, other.taken),
            shipped: combine(self.shipped, other.shipped),
            received: combine(self.received, other.received),
            adjusted: combine(self.adjusted, other.adjusted),
            written_off: combine(self.written_off, other.written_off),
            held: combine(self.held, other.held),
            sent: combine(self.sent, other.sent),
        }
    }
}

impl Add for Books {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.each_with(other, |one, more| one + more)
    }
}

impl Sub for Books {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.each_with(other, |one, less| one - less)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Books = Books {
        available: 7,
        taken: 3,
        shipped: 2,
        received: 12,
        adjusted: 13,
        written_off: 1,
        held: 3,
        sent: 2,
    };

    #[track_caller]
    fn check(books: Books, expected: &[&str]) {
        let broken = books.laws().into_iter().filter(|(holds, _)| !holds);
        let broken: Vec<_> = broken.map(|(_, what)| what).collect();
        assert_eq!(broken, expected);
    }

    #[test]
    fn each_law_is_broken_by_the_number_that_it_is_about() {
        check(SOUND, &[]);
        let moved = |change: fn(&mut Books)| {
            let mut books = SOUND;
            change(&mut books);
            books
        };
        check(
            moved(|it| (it.available, it.taken, it.held) = (-1, 11, 11)),
            &["available, taken or shipped is negative"],
        );
        check(
            moved(|it| it.available = 8),
            &["available + taken + shipped is not received"],
        );
        check(
            moved(|it| it.held = 4),
            &["taken is not what its orders hold"],
        );
        check(
            moved(|it| it.sent = 3),
            &["shipped is not what its orders sent, less what came back"],
        );
        let ledger = "received is not the sum of its ledger, less what was written off";
        check(moved(|it| it.adjusted = 14), &[ledger]);
        check(moved(|it| it.written_off = 0), &[ledger]);
    }

    #[test]
    fn the_books_are_the_sum_of_what_the_records_add() {
        let line = |status, quantity, returned| Books::of_line(status, quantity, returned).unwrap();
        let records = line("pending", 1, 0)
            + line("confirmed", 2, 0)
            + line("fulfilled", 5, 3)
            + line("cancelled", 4, 0)
            + line("expired", 4, 0)
            + Books::of_adjustment(14)
            + Books::of_adjustment(-1)
            + Books::of_return(2, true)
            + Books::of_return(1, false);
        assert_eq!(Books::of_line("rejected", 1, 0), None);
        let stock = Books {
            available: 7,
            taken: 3,
            shipped: 2,
            received: 12,
            ..Books::default()
        };
        assert_eq!(records + stock, SOUND);
        assert_eq!(SOUND - stock, records);
    }
}
