//! Expires an order whose hold has run out.

use once::Session;

use crate::change::{Changed, Next, change_from};
use crate::error::Error;
use crate::moment::Moment;
use crate::order::Order;
use crate::release;
use crate::status::Status;

/// How long after the end of its hold an order expires. The clocks of two machines
/// may differ by this much.
pub(crate) const SKEW_SECONDS: i64 = 30;

/// Expires an order if it is pending and its hold has run out. `order` is the order
/// as it was read. If it was confirmed or cancelled since, it stays as it is.
///
/// # Errors
/// The outcome is not known.
pub(crate) async fn expire(
    session: &Session<'_>,
    order: Order,
    now: Moment,
) -> Result<Changed, Error> {
    change_from(session, order, |order| Ok(decide(order, now))).await
}

fn decide(order: &Order, now: Moment) -> Next {
    let overdue = order.hold_expires_at.plus_seconds(SKEW_SECONDS) <= now;
    match order.status {
        Status::Pending if overdue => Next::Write(Box::new(release::expired(order, now))),
        Status::Pending
        | Status::Confirmed
        | Status::Fulfilled
        | Status::Cancelled
        | Status::Expired => Next::Already,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::HOLD_SECONDS;
    use crate::order::tests::{NOW, order};

    fn is_written(status: Status, after_seconds: i64) -> bool {
        let order = Order { status, ..order() };
        matches!(
            decide(&order, NOW.plus_seconds(after_seconds)),
            Next::Write(_)
        )
    }

    #[test]
    fn a_pending_order_expires_once_its_hold_and_the_skew_are_over() {
        assert!(!is_written(
            Status::Pending,
            HOLD_SECONDS + SKEW_SECONDS - 1
        ));
        assert!(is_written(Status::Pending, HOLD_SECONDS + SKEW_SECONDS));
    }

    #[test]
    fn an_order_that_is_not_pending_never_expires() {
        for status in Status::ALL {
            if status == Status::Pending {
                continue;
            }
            assert!(!is_written(status, 10 * HOLD_SECONDS));
        }
    }
}
