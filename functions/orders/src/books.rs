//! The books of a product and of its shards: what must add up at any moment.
//!
//! The auditor, the simulator, the model and the tests all use these laws. They read
//! the items in their own ways.

use std::ops::{Add, Sub};

/// The numbers of a product, or of one shard of it, in units.
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
    /// What came from other shards, less what went to them, as the stock item says.
    pub levelled: i64,
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

    /// What a stock item says: the value of each attribute by its name. `None` if it lacks a
    /// number that every stock item has.
    pub fn of_stock(number: impl Fn(&str) -> Option<i64>) -> Option<Self> {
        Some(Self {
            available: number("available")?,
            taken: number("taken")?,
            received: number("received")?,
            // Items that never shipped lack it, and those of products of one shard the other.
            shipped: number("shipped").unwrap_or_default(),
            levelled: number("levelled").unwrap_or_default(),
            ..Self::default()
        })
    }

    /// The product whose stock item has this partition key.
    pub fn product_of(pk: &str) -> Option<&str> {
        let product = pk.strip_prefix("SKU#")?;
        // A stock keeping unit has no `#`.
        product.split('#').next()
    }

    /// The laws that the numbers of one shard must obey: whether each holds, and what is wrong
    /// if it does not. `received` may be negative: what came to a shard from others can be
    /// written off there.
    pub const fn laws_of_shard(self) -> [(bool, &'static str); 2] {
        [
            (
                0 <= self.available && 0 <= self.taken && 0 <= self.shipped,
                "available, taken or shipped is negative",
            ),
            (
                self.available + self.taken + self.shipped == self.received + self.levelled,
                "available + taken + shipped is not received + levelled",
            ),
        ]
    }

    /// The laws that the numbers of a product must obey, which are the sums of its shards' and
    /// what its records add: whether each holds, and what is wrong if it does not.
    pub const fn laws(self) -> [(bool, &'static str); 6] {
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
            (
                self.levelled == 0,
                "levelled is not 0: stock came from nowhere or went to nowhere",
            ),
        ]
    }

    fn each_with(self, other: Self, combine: impl Fn(i64, i64) -> i64) -> Self {
        Self {
            available: combine(self.available, other.available),
            taken: combine(self.taken, other.taken),
            shipped: combine(self.shipped, other.shipped),
            received: combine(self.received, other.received),
            levelled: combine(self.levelled, other.levelled),
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
        levelled: 0,
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
            moved(|it| it.levelled = 1),
            &["levelled is not 0: stock came from nowhere or went to nowhere"],
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
    fn each_law_of_a_shard_is_broken_by_the_number_that_it_is_about() {
        let check = |books: Books, expected: &[&str]| {
            let broken = books
                .laws_of_shard()
                .into_iter()
                .filter(|(holds, _)| !holds);
            let broken: Vec<_> = broken.map(|(_, what)| what).collect();
            assert_eq!(broken, expected);
        };
        let shard = Books {
            available: 2,
            taken: 3,
            shipped: 1,
            received: -4,
            levelled: 10,
            ..Books::default()
        };
        check(shard, &[]);
        let sum = "available + taken + shipped is not received + levelled";
        check(
            Books {
                levelled: 9,
                ..shard
            },
            &[sum],
        );
        check(
            Books {
                received: 4,
                ..shard
            },
            &[sum],
        );
        let negative = Books {
            available: -1,
            taken: 6,
            ..shard
        };
        check(negative, &["available, taken or shipped is negative"]);
    }

    #[test]
    fn the_stock_item_of_each_shard_names_its_product() {
        assert_eq!(Books::product_of("SKU#TEA"), Some("TEA"));
        assert_eq!(Books::product_of("SKU#TEA#63"), Some("TEA"));
        assert_eq!(Books::product_of("ORD#TEA"), None);
        let of = |name: &str| (name != "shipped" && name != "levelled").then_some(4);
        let books = Books {
            available: 4,
            taken: 4,
            received: 4,
            ..Books::default()
        };
        assert_eq!(Books::of_stock(of), Some(books));
        assert_eq!(Books::of_stock(|name| (name != "taken").then_some(4)), None);
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
