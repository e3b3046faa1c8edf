//! Places an order: one transaction that stores the order and takes its stock,
//! or a refusal that says why not.

use once::{IdempotencyKey, Session, Settled, record_refusal, settle_by};
use shared::caller::Caller;
use shared::problem::Problem;

use crate::answer::{Answer, Outcome};
use crate::customer::Customer;
use crate::draft::{Draft, Line};
use crate::error::Error;
use crate::moment::Moment;
use crate::order::Order;
use crate::order_id::{OrderId, SORT_KEY};
use crate::placement::Placement;
use crate::record::{Record, item_of};
use crate::refusal::Refusal;
use crate::shortfall::{self, Shortfall};
use crate::turns::{Attempt, Turns};

/// How long a refusal is kept at least: 14 days. DynamoDB deletes it later than that.
const REFUSAL_SECONDS: i64 = 14 * 24 * 60 * 60;

/// Places an order, or gives the first answer again.
///
/// # Errors
/// The key was used for another order, or the outcome is not known.
pub(crate) async fn place(
    session: &Session<'_>,
    turns: &Turns<'_>,
    caller: &Caller,
    key: &IdempotencyKey,
    draft: &Draft,
    request_id: &str,
) -> Result<Answer, Error> {
    let customer = Customer::try_from(caller)?;
    let now = Moment::from(session.world().now());
    let id = OrderId::derive(caller, key);
    let order = Order::placed(&id, &customer, draft, now);
    let mut reason = "";
    let refuse = |shortfalls: &[(Shortfall, &Line)]| {
        let problem = shortfall::problem(shortfalls)?.with("request_id", request_id);
        reason = problem.kind();
        item_of(&refusal(&id, draft, &problem, now)).ok()
    };
    let begun = session.world().machine_now();
    let mut placement = Placement::new(draft, &order, turns.hints, begun, Box::new(refuse))?;
    let attempt = Attempt {
        id: id.as_str(),
        products: draft.lines.iter().map(|line| line.sku.as_str()).collect(),
        shards: placement.shards(),
        record: (&order.pk, &order.sk),
        fingerprints: draft,
    };
    let patience = turns.patience(session, &attempt.products);
    let write = async {
        match placement.refused_from_memory(session.world().machine_now()) {
            Some(refusal) => record_refusal(session, refusal, draft).await,
            None => settle_by(session, patience, &mut placement, draft).await,
        }
    };
    let settled = turns.around(session, &attempt, write).await;
    drop(placement);
    turns.learn(session, &attempt.products);
    match settled? {
        Settled::Done(_) => order.answer(Outcome::Placed),
        Settled::Before(record) => Record::read(record)?.replay(),
        Settled::Refused(record) => Record::read(record)?.answer(Outcome::Refused(reason)),
    }
}

/// The refusal that answers with a problem, in the order's place.
fn refusal(id: &OrderId, draft: &Draft, problem: &Problem, now: Moment) -> Refusal {
    Refusal::new(
        (id.partition(), SORT_KEY.to_owned()),
        problem,
        &draft.fingerprint_now(),
        draft.version(),
        Some(now.plus_seconds(REFUSAL_SECONDS).seconds()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_kept_for_fourteen_days() {
        assert_eq!(REFUSAL_SECONDS, 1_209_600);
    }
}
