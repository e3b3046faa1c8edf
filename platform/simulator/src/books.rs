//! The books of one product: what must add up at any moment.

/// One product's numbers, in units.
#[derive(Clone, Copy, Debug, Default)]
pub struct Books {
    /// What can be ordered, as the stock item says.
    pub available: i64,
    /// What orders have taken, as the stock item says.
    pub taken: i64,
    /// What came in, less what was lost, as the stock item says.
    pub received: i64,
    /// The sum of the adjustments that were recorded.
    pub adjusted: i64,
    /// The sum of what pending and confirmed orders hold.
    pub held: i64,
}

impl Books {
    /// The laws that the numbers must obey: whether each holds, and what is wrong if it does not.
    pub const fn laws(self) -> [(bool, &'static str); 4] {
        [
            (
                0 <= self.available && 0 <= self.taken,
                "available or taken is negative",
            ),
            (
                self.available + self.taken == self.received,
                "available + taken is not received",
            ),
            (self.taken == self.held, "taken is not what its orders hold"),
            (
                self.received == self.adjusted,
                "received is not the sum of its ledger",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Books = Books {
        available: 7,
        taken: 3,
        received: 10,
        adjusted: 10,
        held: 3,
    };

    #[track_caller]
    fn check(books: Books, expected: &[&str]) {
        let broken = books.laws().into_iter().filter(|(holds, _)| !holds);
        assert_eq!(broken.map(|(_, what)| what).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn each_law_is_broken_by_the_number_that_it_is_about() {
        check(SOUND, &[]);
        check(
            Books {
                available: -1,
                taken: 11,
                held: 11,
                ..SOUND
            },
            &["available or taken is negative"],
        );
        check(
            Books {
                available: 8,
                ..SOUND
            },
            &["available + taken is not received"],
        );
        check(
            Books { held: 4, ..SOUND },
            &["taken is not what its orders hold"],
        );
        check(
            Books {
                adjusted: 9,
                ..SOUND
            },
            &["received is not the sum of its ledger"],
        );
    }
}
