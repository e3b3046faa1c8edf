//! Takes goods of a fulfilled order back: one transaction that records the return,
//! counts it in the order, and moves the stock.
//!
//! ```text
//! read v ──► decide ──► [put return IF absent] [order IF version = v] [stock IF shipped >= q]…
//!              ▲             │ failed: decided before, the record answers
//!              │             └─────── order failed: another write came first
//!              └── the order as it is now ◄──┘
//! ```
//!
//! This is not [`once::settle`], because whether a return is refused depends on the
//! order, which must be read. The order in which the reasons are read is the same:
//! the record's first. A refusal is recorded under the key before the client gets it.

use once::{
    Action, Effect, IdempotencyKey, Item, Pace, Reason, Session, Settled, decided_before, number,
    record_refusal,
};
use shared::caller::Caller;

use crate::answer::{Answer, Outcome};
use crate::change::next_version;
use crate::customer::Customer;
use crate::error::Error;
use crate::fulfil::SCOPE_FULFIL;
use crate::goods::{self, Goods};
use crate::moment::Moment;
use crate::order::Order;
use crate::order_id::OrderId;
use crate::product::stock_key;
use crate::read;
use crate::record::{Record, item_of};
use crate::refusal::Refusal;
use crate::return_record::{ANSWER_VERSION_NOW, Return, SORT_KEY_PREFIX};
use crate::return_refusal::refused;
use crate::return_request::{FINGERPRINT_VERSION_NOW, ReturnRequest};

const COUNT: &str = "SET returned = :returned, return_count = :count, version = :next";

/// Puts returned goods back on sale …
const RESTOCK: &str =
    "SET shipped = shipped - :q, available = available + :q, version = version + :one";

/// … or writes them off, as goods that the shop no longer has.
const WRITE_OFF: &str =
    "SET shipped = shipped - :q, received = received - :q, version = version + :one";

/// The order's own count has the same limit, so this fails only if they disagree.
const RETURN_CONDITION: &str = "shipped >= :q";

/// Takes goods back, or gives the first answer again.
///
/// # Errors
/// There is no such order, the key was used for another return, or the outcome is
/// not known.
pub(crate) async fn take_back(
    session: &Session<'_>,
    caller: &Caller,
    id: &OrderId,
    key: &IdempotencyKey,
    request: &ReturnRequest,
    request_id: &str,
) -> Result<Answer, Error> {
    if !caller.may(SCOPE_FULFIL) {
        return Err(Error::Forbidden(SCOPE_FULFIL));
    }
    let entry = entry(session, caller, id, key, request)?;
    let record = item_of(&entry)?;
    let mut pace = Pace::default();
    let order = read::order(session, id).await?;
    let mut order = order.ok_or(Error::NotFound("order"))?;
    loop {
        if let Some(problem) = refused(&order, request) {
            let problem = problem.with("request_id", request_id);
            let place = (entry.pk.clone(), entry.sk.clone());
            let print = request.fingerprint_now();
            let refusal = Refusal::new(place, &problem, &print, FINGERPRINT_VERSION_NOW, None);
            let recorded = record_refusal(session, item_of(&refusal)?, request).await?;
            return answer(recorded, problem.kind());
        }
        match write(session, &record, &order, request, &mut pace).await? {
            Written::Done => return entry.answer(Outcome::Returned),
            Written::Before(record) => return Record::read(record)?.replay(),
            Written::Changed(now) => order = *now,
            Written::Unread => order = read::again(session, &order).await?,
        }
    }
}

/// The return that the request makes.
fn entry(
    session: &Session<'_>,
    caller: &Caller,
    id: &OrderId,
    key: &IdempotencyKey,
    request: &ReturnRequest,
) -> Result<Return, Error> {
    let route = format!("POST /orders/{id}/returns");
    let name = once::decision_name(&caller.issuer, &caller.sub, &route, key);
    Ok(Return {
        pk: id.partition(),
        sk: format!("{SORT_KEY_PREFIX}{name}"),
        lines: request.lines.clone(),
        restock: request.restock,
        by: Customer::try_from(caller)?.as_str().to_owned(),
        at: Moment::from(session.world().now()),
        answer_version: ANSWER_VERSION_NOW,
        fingerprint: request.fingerprint_now().as_str().to_owned(),
        fingerprint_version: FINGERPRINT_VERSION_NOW,
    })
}

/// The answer after a refusal was recorded, or a decision was found in its place.
fn answer(recorded: Settled, reason: &'static str) -> Result<Answer, Error> {
    match recorded {
        Settled::Refused(record) => Record::read(record)?.answer(Outcome::Refused(reason)),
        Settled::Before(record) => Record::read(record)?.replay(),
        Settled::Done(_) => Err(Error::Internal("a refusal cannot be done".to_owned())),
    }
}

enum Written {
    Done,
    /// The key was used for this same return. Its record.
    Before(Item),
    /// Another write came first. The order as it is now.
    Changed(Box<Order>),
    /// Another write came first, or the answer left the order out.
    Unread,
}

/// Writes a return. Repeats the transaction until its outcome is known.
async fn write(
    session: &Session<'_>,
    record: &Item,
    order: &Order,
    request: &ReturnRequest,
    pace: &mut Pace,
) -> Result<Written, Error> {
    let count = counted(order, request)?;
    let stock = moved(order, request);
    let mut actions = vec![Action::put_absent(record), Action::Update(&count)];
    actions.extend(stock.iter().map(Action::Update));
    let committed = || Written::Done;
    let cancelled = |reasons: &[Reason]| judge(reasons, request);
    let written = pace.transact(session, &actions, committed, cancelled);
    written.await?.ok_or_else(|| pace.gave_up(session).into())
}

/// Reads the reasons of a cancelled transaction: the record's, then the order's.
/// `None` asks for another attempt.
fn judge(reasons: &[Reason], request: &ReturnRequest) -> Result<Option<Written>, Error> {
    match reasons.first() {
        Some(Reason::ConditionFailed(Some(record))) => {
            let record = decided_before(record, request)?;
            return Ok(Some(Written::Before(record)));
        }
        // The answer lacks the record. The next attempt finds out.
        Some(Reason::ConditionFailed(None)) => return Ok(None),
        _ => {}
    }
    let busy = |reason: &Reason| matches!(reason, Reason::Conflict | Reason::Throttled);
    if reasons.iter().any(busy) {
        return Ok(None);
    }
    if let Some(Reason::ConditionFailed(item)) = reasons.get(1) {
        let Some(item) = item.clone() else {
            return Ok(Some(Written::Unread));
        };
        let order = Record::read(item)?.into_order();
        let order = order.ok_or(Error::NotFound("order"))?;
        return Ok(Some(Written::Changed(Box::new(order))));
    }
    match reasons.iter().find(|reason| **reason != Reason::None) {
        None => Ok(None),
        Some(reason) => Err(Error::Internal(format!(
            "a return was cancelled: {reason:?}"
        ))),
    }
}

/// Counts the return in its order.
fn counted(order: &Order, request: &ReturnRequest) -> Result<Effect, Error> {
    let returned = goods::sum(&order.returned, &request.lines);
    let returned = serde_dynamo::to_attribute_value(returned);
    let returned = returned.map_err(|error| Error::Internal(error.to_string()))?;
    let values = Item::from([
        (":returned".to_owned(), returned),
        (":count".to_owned(), number(order.return_count + 1)),
    ]);
    Ok(Effect {
        names: &[],
        ..next_version(order, COUNT, values)
    })
}

/// Moves the stock of each shard that the goods came from.
fn moved(order: &Order, request: &ReturnRequest) -> Vec<Effect> {
    let mut effects = Vec::with_capacity(request.lines.len());
    for goods in &request.lines {
        for (shard, quantity) in shards_of(order, goods) {
            effects.push(Effect {
                key: stock_key(&goods.sku, shard),
                update: if request.restock { RESTOCK } else { WRITE_OFF },
                condition: RETURN_CONDITION.into(),
                names: &[],
                values: Item::from([
                    (":q".to_owned(), number(quantity)),
                    (":one".to_owned(), number(1)),
                ]),
            });
        }
    }
    effects
}

/// The shards that goods go back to, and how many to each: in the order of the
/// line's allocations, after what came back before.
fn shards_of(order: &Order, goods: &Goods) -> Vec<(u32, i64)> {
    let mut back_already = order.returned_of(&goods.sku);
    let mut left = goods.quantity;
    let mut shards = Vec::new();
    let line = order.lines.iter().find(|line| line.sku == goods.sku);
    for allocation in line.iter().flat_map(|line| &line.allocations) {
        let skipped = back_already.min(allocation.quantity);
        back_already -= skipped;
        let quantity = left.min(allocation.quantity - skipped);
        left -= quantity;
        if 0 < quantity {
            shards.push((allocation.shard, quantity));
        }
    }
    shards
}

#[cfg(test)]
mod tests {
    use once::{text, text_of};

    use super::*;
    use crate::order::Allocation;
    use crate::order::tests::order;

    fn sku() -> crate::product::Sku {
        "TEA-01".parse().unwrap()
    }

    fn request(quantity: i64, restock: bool) -> ReturnRequest {
        ReturnRequest {
            lines: vec![goods(quantity)],
            restock,
        }
    }

    fn goods(quantity: i64) -> Goods {
        Goods {
            sku: sku(),
            quantity,
        }
    }

    /// A fulfilled order of TEA-01 that was taken from these shards, and of which this much is back.
    fn shipped(shards: &[(u32, i64)], back: i64) -> Order {
        let allocation = |(shard, quantity): &(u32, i64)| Allocation {
            shard: *shard,
            quantity: *quantity,
        };
        let mut order = order();
        let mut line = order.lines.remove(1);
        assert_eq!(line.sku, sku());
        line.quantity = shards.iter().map(|(_, quantity)| quantity).sum();
        line.allocations = shards.iter().map(allocation).collect();
        order.lines.push(line);
        order.returned = vec![goods(back)];
        order.return_count = 4;
        order.version = 7;
        order
    }

    #[track_caller]
    fn check(shards: &[(u32, i64)], back: i64, quantity: i64, expected: &[(u32, i64)]) {
        assert_eq!(
            shards_of(&shipped(shards, back), &goods(quantity)),
            expected
        );
    }

    #[test]
    fn goods_go_back_to_the_shards_they_came_from_in_order() {
        let shards = [(3, 5), (0, 2), (8, 4)];
        check(&shards, 0, 1, &[(3, 1)]);
        check(&shards, 0, 5, &[(3, 5)]);
        check(&shards, 0, 6, &[(3, 5), (0, 1)]);
        check(&shards, 0, 11, &[(3, 5), (0, 2), (8, 4)]);
        check(&shards, 4, 2, &[(3, 1), (0, 1)]);
        check(&shards, 5, 2, &[(0, 2)]);
        check(&shards, 6, 3, &[(0, 1), (8, 2)]);
        check(&shards, 10, 1, &[(8, 1)]);
    }

    #[test]
    fn goods_of_a_product_that_the_order_lacks_go_nowhere() {
        let other = Goods {
            sku: "SOAP".parse().unwrap(),
            quantity: 1,
        };
        assert_eq!(shards_of(&shipped(&[(0, 5)], 0), &other), []);
    }

    #[test]
    fn each_shard_gets_its_part_back_on_sale_or_written_off() {
        let order = shipped(&[(3, 5), (0, 2)], 0);
        for (restock, update) in [(true, RESTOCK), (false, WRITE_OFF)] {
            let moved = moved(&order, &request(6, restock));
            let quantities: Vec<_> = moved.iter().map(|it| it.values[":q"].clone()).collect();
            assert_eq!(quantities, [number(5), number(1)]);
            let keys: Vec<_> = moved.iter().map(|it| it.key.clone()).collect();
            assert_eq!(keys, [stock_key(&sku(), 3), stock_key(&sku(), 0)]);
            for effect in &moved {
                assert_eq!(
                    (effect.update, &*effect.condition),
                    (update, RETURN_CONDITION)
                );
            }
        }
    }

    #[test]
    fn a_return_is_counted_at_the_version_that_was_read() {
        let order = shipped(&[(0, 9)], 2);
        let count = counted(&order, &request(3, true)).unwrap();
        assert_eq!(count.condition, crate::change::UNCHANGED);
        let value = |name: &str| &count.values[name];
        assert_eq!((value(":count"), value(":read")), (&number(5), &number(7)));
        assert_eq!(value(":next"), &number(8));
        let back: Vec<Goods> =
            serde_dynamo::from_attribute_value(value(":returned").clone()).unwrap();
        assert_eq!(back, [goods(5)]);
    }

    fn judged(reasons: &[Reason]) -> Result<Option<Written>, Error> {
        judge(reasons, &request(1, true))
    }

    fn failed(item: Option<Item>) -> Reason {
        Reason::ConditionFailed(item)
    }

    /// The record of the same return under the same key.
    fn same() -> Item {
        Item::from([
            ("sk".to_owned(), text("RET#x")),
            (
                "fingerprint".to_owned(),
                text(request(1, true).fingerprint_now().as_str()),
            ),
            (
                "fingerprint_version".to_owned(),
                number(FINGERPRINT_VERSION_NOW),
            ),
        ])
    }

    #[test]
    fn the_record_of_a_return_decides_before_anything_else() {
        let busy = [failed(Some(same())), failed(None), Reason::Conflict];
        let Ok(Some(Written::Before(record))) = judged(&busy) else {
            panic!("the record was not read first");
        };
        assert_eq!(text_of(&record, "sk"), Some("RET#x"));
        // Without the record, the next attempt finds out.
        let unseen = [failed(None), failed(Some(item_of(&order()).unwrap()))];
        assert!(matches!(judged(&unseen), Ok(None)));
    }

    #[test]
    fn an_order_that_changed_is_judged_again_as_it_is_now() {
        let now = shipped(&[(0, 5)], 1);
        let changed = [
            Reason::None,
            failed(Some(item_of(&now).unwrap())),
            Reason::None,
        ];
        let Ok(Some(Written::Changed(order))) = judged(&changed) else {
            panic!("the order was not read");
        };
        assert_eq!(*order, now);
        let unread = [Reason::None, failed(None), failed(None)];
        assert!(matches!(judged(&unread), Ok(Some(Written::Unread))));
    }

    #[test]
    fn another_write_or_throttling_asks_for_another_attempt() {
        let changed = failed(Some(item_of(&order()).unwrap()));
        for busy in [Reason::Conflict, Reason::Throttled] {
            let reasons = [Reason::None, changed.clone(), busy];
            assert!(matches!(judged(&reasons), Ok(None)));
        }
        assert!(matches!(judged(&[Reason::None, Reason::None]), Ok(None)));
    }

    #[test]
    fn stock_that_cannot_move_is_a_defect_and_no_answer() {
        let reasons = [Reason::None, Reason::None, failed(None)];
        assert!(matches!(judged(&reasons), Err(Error::Internal(_))));
    }
}
