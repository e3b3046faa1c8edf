//! What a handler does next: pure functions, as in the shipped code.

use super::items::Table;
use super::mutation::Mutated;
use super::mutation::Mutation as M;
use super::record::{Intent, Record, Stamp, Standing};
use super::request::{Call, Failed, Response, Token};

/// What a client, or the sweeper, wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Task {
    /// `place.rs` and `adjust.rs`, by way of `once/settle.rs`, and `returns.rs`.
    Make(Intent),
    /// `confirm.rs`.
    Confirm { key: u8, payment: u8 },
    /// `cancel.rs`.
    Cancel { key: u8 },
    /// `sweeper.rs` and `expire.rs`.
    Expire { key: u8 },
    /// `fulfil.rs`.
    Fulfil { key: u8, parcel: u8 },
}

/// Where a handler is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) enum Phase {
    /// There is none, or it has answered.
    #[default]
    Idle,
    /// It waits for the lock of its first product, for a while.
    Locking,
    /// It is about to read.
    Reading,
    /// It has sent a request.
    Waiting { call: Call, token: Token },
}

/// A definitive answer. 503 and 500 are not definitive.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Answer {
    /// 201, with the bytes that this invocation made.
    Made(Stamp),
    /// 409 or 422, with the bytes that this invocation made.
    Refused(Stamp),
    /// 422 `idempotency-key-reused`.
    KeyReused,
    /// 200, confirmed by this payment.
    Confirmed,
    /// 200, cancelled.
    Cancelled,
    /// 200, fulfilled with this reference.
    Fulfilled,
    /// 409: confirmed by another payment.
    AlreadyConfirmed,
    /// 409: fulfilled with another reference.
    AlreadyFulfilled,
    /// 409: pending.
    NotConfirmed,
    /// 409: cancelled. To a confirmation: cancelled, and never confirmed.
    OrderCancelled,
    /// 409: fulfilled.
    OrderFulfilled,
    /// 410.
    Expired,
    /// 409 `payment-reference-used`.
    PaymentUsed,
    /// 404.
    NotFound,
}

/// What a handler does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    Say(Answer),
    Send(Call),
    /// The same again, under a new token.
    Again,
    /// Ends without a definitive answer.
    Stop,
}

/// The first request of a new invocation. `None` if it begins with a read.
pub(super) fn begin(task: Task, by: Stamp, mutated: Mutated) -> Option<Call> {
    match task {
        Task::Make(Intent::Return { .. }) => None,
        Task::Make(intent) if mutated == Some(M::ClaimFirst) => Some(Call::Claim { intent, by }),
        Task::Make(intent) => Some(Call::Make { intent, by }),
        Task::Confirm { .. } | Task::Cancel { .. } => None,
        Task::Expire { .. } | Task::Fulfil { .. } => None,
    }
}

/// What follows a strongly consistent read. `overdue`: whether the hold is over by the handler's
/// clock, which only [`M::ConfirmByTheClock`] reads.
pub(super) fn read(task: Task, by: Stamp, table: &Table, overdue: bool, mutated: Mutated) -> Next {
    match task {
        Task::Make(intent @ Intent::Return { order, .. }) => {
            take_back(intent, by, table.orders[usize::from(order)], mutated)
        }
        Task::Make(intent) => read_to_make(intent, by, table, mutated),
        Task::Confirm { key, .. }
        | Task::Cancel { key }
        | Task::Expire { key }
        | Task::Fulfil { key, .. } => {
            change(task, table.orders[usize::from(key)], overdue, mutated)
        }
    }
}

/// What follows a read before an order or an adjustment. Only mutants read there.
fn read_to_make(intent: Intent, by: Stamp, table: &Table, mutated: Mutated) -> Next {
    if mutated == Some(M::AnswerFromARead) {
        return match table.record(intent) {
            Some(record) => before(intent, by, record, mutated),
            None => Next::Say(Answer::Refused(by)),
        };
    }
    let Intent::Order { lines, .. } = intent else {
        return Next::Send(Call::Make { intent, by });
    };
    let mut stock = table.stock.iter().zip(lines);
    if stock.all(|(stock, quantity)| quantity <= stock.available) {
        Next::Send(Call::Make { intent, by })
    } else {
        Next::Send(Call::Refuse { intent, by })
    }
}

/// What follows a response: `classify` and `record` of `once`, `change::judge`.
pub(super) fn hear(
    task: Task,
    by: Stamp,
    call: Call,
    response: Response,
    mutated: Mutated,
) -> Next {
    match (call, response) {
        (Call::Make { .. }, Response::Mismatch) if mutated == Some(M::TokenOfTheKey) => {
            Next::Say(Answer::KeyReused)
        }
        (_, Response::Mismatch) => Next::Again,
        (_, Response::Done) => done(call, by),
        (_, Response::Failed(failed)) => refused(task, by, call, failed, mutated),
    }
}

/// What follows a write that was applied.
fn done(call: Call, by: Stamp) -> Next {
    match call {
        Call::Make { .. } | Call::Return { .. } => Next::Say(Answer::Made(by)),
        Call::Refuse { .. } => Next::Say(Answer::Refused(by)),
        Call::Claim { intent, by } => Next::Send(Call::Make { intent, by }),
        Call::Confirm { .. } => Next::Say(Answer::Confirmed),
        Call::Fulfil { .. } => Next::Say(Answer::Fulfilled),
        Call::Release { to, .. } => released(to),
        Call::Close { key, .. } => Next::Send(Call::GiveBack { key }),
        Call::GiveBack { .. } => Next::Say(Answer::Cancelled),
    }
}

/// What follows a write of which a condition failed.
fn refused(task: Task, by: Stamp, call: Call, failed: Failed, mutated: Mutated) -> Next {
    let Failed {
        record,
        order,
        effect,
    } = failed;
    let order_first = mutated == Some(M::OrderReasonFirst);
    match (call, record) {
        (
            Call::Make { intent, .. } | Call::Refuse { intent, .. } | Call::Claim { intent, .. },
            _,
        ) => classify(intent, by, record, effect, mutated),
        // The return's own record answers, even if its order has changed too.
        (Call::Return { intent, .. }, Some(record)) if !order_first || order.is_none() => {
            before(intent, by, record, mutated)
        }
        (Call::Return { intent, .. }, _) if order.is_some() => {
            take_back(intent, by, order, mutated)
        }
        (Call::Confirm { .. }, _) if order.is_none() => Next::Say(Answer::PaymentUsed),
        // Only the stock: a defect, answered 500.
        _ if effect && order.is_none() => Next::Stop,
        _ => change(task, order, false, mutated),
    }
}

/// `once/classify.rs`: the record first, then the effects.
fn classify(
    intent: Intent,
    by: Stamp,
    record: Option<Record>,
    effect: bool,
    mutated: Mutated,
) -> Next {
    let stock_first = matches!(
        mutated,
        Some(M::StockReasonsFirst | M::StockReasonsFirstUnrecorded)
    );
    match record {
        Some(record) if !(stock_first && effect) => before(intent, by, record, mutated),
        Some(_) | None => match mutated {
            Some(
                M::NoRefusalRecord | M::StockReasonsFirstUnrecorded | M::AdjustmentWithoutRecord,
            ) => Next::Say(Answer::Refused(by)),
            _ => Next::Send(Call::Refuse { intent, by }),
        },
    }
}

/// `classify::decided_before`, and `before` of `place.rs` and `adjust.rs`.
fn before(intent: Intent, by: Stamp, record: Record, mutated: Mutated) -> Next {
    if record.standing == Standing::Claimed {
        return Next::Stop;
    }
    if record.intent != intent {
        return Next::Say(Answer::KeyReused);
    }
    let by = match mutated {
        Some(M::OwnBodyReplayed) => by,
        _ => record.by,
    };
    Next::Say(match record.standing {
        Standing::Refused => Answer::Refused(by),
        _ => Answer::Made(by),
    })
}

/// `decide` of `returns.rs`. Its refusal is recorded before it is sent, like any other.
fn take_back(intent: Intent, by: Stamp, order: Option<Record>, mutated: Mutated) -> Next {
    let (Intent::Return { lines, .. }, Some(order)) = (intent, order.filter(Record::is_order))
    else {
        return Next::Say(Answer::NotFound);
    };
    let version = order.version;
    if order.can_return(lines) {
        Next::Send(Call::Return {
            intent,
            by,
            version,
        })
    } else if mutated == Some(M::NoReturnRefusalRecord) {
        Next::Say(Answer::Refused(by))
    } else {
        Next::Send(Call::Refuse { intent, by })
    }
}

/// `decide` of `confirm.rs`, `cancel.rs`, `expire.rs` and `fulfil.rs`.
fn change(task: Task, order: Option<Record>, overdue: bool, mutated: Mutated) -> Next {
    let Some(order) = order.filter(Record::is_order) else {
        return Next::Say(Answer::NotFound);
    };
    let version = order.version;
    match task {
        Task::Confirm { key, payment } => confirm(key, payment, &order, overdue, mutated),
        Task::Cancel { key } => cancel(key, &order, mutated),
        Task::Expire { key } if order.standing == Standing::Pending => {
            release(key, version, Standing::Expired, mutated)
        }
        Task::Fulfil { key, parcel } => fulfil(key, parcel, &order),
        Task::Expire { .. } | Task::Make(_) => Next::Stop,
    }
}

/// The payment is judged before the status. So a repeat learns that its payment was used, whatever
/// happened to the order since.
fn confirm(key: u8, payment: u8, order: &Record, overdue: bool, mutated: Mutated) -> Next {
    let version = order.version;
    let status_first = mutated == Some(M::StatusBeforePayment);
    match (order.payment, order.standing) {
        (_, Standing::Cancelled) if status_first => Next::Say(Answer::OrderCancelled),
        (Some(theirs), _) if theirs == payment => Next::Say(Answer::Confirmed),
        (Some(_), _) => Next::Say(Answer::AlreadyConfirmed),
        (None, Standing::Cancelled) => Next::Say(Answer::OrderCancelled),
        (None, Standing::Expired) => Next::Say(Answer::Expired),
        (None, _) if overdue && mutated == Some(M::ConfirmByTheClock) => Next::Say(Answer::Expired),
        (None, _) => Next::Send(Call::Confirm {
            key,
            version,
            payment,
        }),
    }
}

fn cancel(key: u8, order: &Record, mutated: Mutated) -> Next {
    match order.standing {
        // It cannot know whether the second write was made.
        Standing::Cancelled if mutated == Some(M::ReleaseApart) => {
            Next::Send(Call::GiveBack { key })
        }
        Standing::Cancelled => Next::Say(Answer::Cancelled),
        Standing::Expired => Next::Say(Answer::Expired),
        Standing::Fulfilled if mutated != Some(M::CancelAfterShipping) => {
            Next::Say(Answer::OrderFulfilled)
        }
        _ => release(key, order.version, Standing::Cancelled, mutated),
    }
}

fn fulfil(key: u8, parcel: u8, order: &Record) -> Next {
    let version = order.version;
    match order.standing {
        Standing::Fulfilled if order.parcel == Some(parcel) => Next::Say(Answer::Fulfilled),
        Standing::Fulfilled => Next::Say(Answer::AlreadyFulfilled),
        Standing::Pending => Next::Say(Answer::NotConfirmed),
        Standing::Cancelled => Next::Say(Answer::OrderCancelled),
        Standing::Expired => Next::Say(Answer::Expired),
        _ => Next::Send(Call::Fulfil {
            key,
            version,
            parcel,
        }),
    }
}

fn release(key: u8, version: u8, to: Standing, mutated: Mutated) -> Next {
    Next::Send(match mutated {
        Some(M::ReleaseApart) => Call::Close { key, version, to },
        _ => Call::Release { key, version, to },
    })
}

fn released(to: Standing) -> Next {
    match to {
        Standing::Cancelled => Next::Say(Answer::Cancelled),
        // The sweeper answers no client.
        _ => Next::Stop,
    }
}
