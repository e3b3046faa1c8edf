//! What a handler does next: pure functions, as in the shipped code.

use super::items::Table;
use super::mutation::Mutated;
use super::mutation::Mutation as M;
use super::record::{Intent, Record, Stamp, Standing};
use super::request::{Call, Response, Token};

/// What a client, or the sweeper, wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Task {
    /// `place.rs` and `adjust.rs`, by way of `once/settle.rs`.
    Make(Intent),
    /// `confirm.rs`.
    Confirm { key: u8, payment: u8 },
    /// `cancel.rs`.
    Cancel { key: u8 },
    /// `sweeper.rs` and `expire.rs`.
    Expire { key: u8 },
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
    /// 409: confirmed by another payment.
    AlreadyConfirmed,
    /// 409: cancelled.
    OrderCancelled,
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
    let Task::Make(intent) = task else {
        return None;
    };
    Some(match mutated {
        Some(M::ClaimFirst) => Call::Claim { intent, by },
        _ => Call::Make { intent, by },
    })
}

/// What follows a strongly consistent read. `overdue`: whether the hold is over by the handler's
/// clock, which only [`M::ConfirmByTheClock`] reads.
pub(super) fn read(task: Task, by: Stamp, table: &Table, overdue: bool, mutated: Mutated) -> Next {
    match task {
        Task::Make(intent) => read_to_make(intent, by, table, mutated),
        Task::Confirm { key, .. } | Task::Cancel { key } | Task::Expire { key } => {
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
        (Call::Make { .. }, Response::Done) => Next::Say(Answer::Made(by)),
        (Call::Refuse { .. }, Response::Done) => Next::Say(Answer::Refused(by)),
        (Call::Claim { intent, by }, Response::Done) => Next::Send(Call::Make { intent, by }),
        (Call::Confirm { .. }, Response::Done) => Next::Say(Answer::Confirmed),
        (Call::Release { to, .. }, Response::Done) => released(to),
        (Call::Close { key, .. }, Response::Done) => Next::Send(Call::GiveBack { key }),
        (Call::GiveBack { .. }, _) => Next::Say(Answer::Cancelled),
        (
            Call::Make { intent, .. } | Call::Refuse { intent, .. } | Call::Claim { intent, .. },
            Response::Failed { record, effect },
        ) => classify(intent, by, record, effect, mutated),
        (Call::Confirm { .. }, Response::Failed { record: None, .. }) => {
            Next::Say(Answer::PaymentUsed)
        }
        (_, Response::Failed { record, .. }) => change(task, record, false, mutated),
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

/// `decide` of `confirm.rs`, `cancel.rs` and `expire.rs`.
fn change(task: Task, order: Option<Record>, overdue: bool, mutated: Mutated) -> Next {
    let Some(order) = order.filter(Record::is_order) else {
        return Next::Say(Answer::NotFound);
    };
    let version = order.version;
    match (task, order.standing) {
        (Task::Confirm { payment, .. }, Standing::Confirmed) => {
            Next::Say(if order.payment == Some(payment) {
                Answer::Confirmed
            } else {
                Answer::AlreadyConfirmed
            })
        }
        (Task::Confirm { .. }, Standing::Cancelled) => Next::Say(Answer::OrderCancelled),
        (Task::Confirm { .. } | Task::Cancel { .. }, Standing::Expired) => {
            Next::Say(Answer::Expired)
        }
        (Task::Confirm { .. }, _) if overdue && mutated == Some(M::ConfirmByTheClock) => {
            Next::Say(Answer::Expired)
        }
        (Task::Confirm { key, payment }, _) => Next::Send(Call::Confirm {
            key,
            version,
            payment,
        }),
        // It cannot know whether the second write was made.
        (Task::Cancel { key }, Standing::Cancelled) if mutated == Some(M::ReleaseApart) => {
            Next::Send(Call::GiveBack { key })
        }
        (Task::Cancel { .. }, Standing::Cancelled) => Next::Say(Answer::Cancelled),
        (Task::Cancel { key }, _) => release(key, version, Standing::Cancelled, mutated),
        (Task::Expire { key }, Standing::Pending) => {
            release(key, version, Standing::Expired, mutated)
        }
        (Task::Expire { .. } | Task::Make(_), _) => Next::Stop,
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
