//! Computes the numbers that a product's stock would have if its records are right.

use serde::Serialize;

use crate::books::Books;

/// The numbers of a stock item.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Repair {
    available: i64,
    taken: i64,
    shipped: i64,
    received: i64,
}

/// The stock that the product's orders, returns and adjustments add up to. `None` if it is as
/// it is now, or if there would be less than nothing to sell: then a record is missing, and no
/// adjustment of the stock can be right.
pub(crate) fn repair(books: Books) -> Option<Repair> {
    let received = books.adjusted - books.written_off;
    let repair = Repair {
        available: received - books.held - books.sent,
        taken: books.held,
        shipped: books.sent,
        received,
    };
    let now = Repair {
        available: books.available,
        taken: books.taken,
        shipped: books.shipped,
        received: books.received,
    };
    let possible = 0 <= repair.available && 0 <= repair.shipped;
    (possible && repair != now).then_some(repair)
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
    fn check(books: Books, expected: Option<(i64, i64, i64, i64)>) {
        let numbers = repair(books).map(|it| (it.available, it.taken, it.shipped, it.received));
        assert_eq!(numbers, expected);
    }

    #[test]
    fn the_stock_is_set_to_what_its_records_add_up_to() {
        check(SOUND, None);
        let books = Books {
            taken: 4,
            available: 6,
            ..SOUND
        };
        check(books, Some((7, 3, 2, 12)));
        let books = Books {
            adjusted: 20,
            ..SOUND
        };
        check(books, Some((14, 3, 2, 19)));
        // More was promised than came in, so a record is missing.
        let books = Books { held: 11, ..SOUND };
        check(books, None);
    }
}
