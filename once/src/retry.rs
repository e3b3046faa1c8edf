//! The only retry loop: exponential backoff with full jitter, until the deadline.
//!
//! Source: "Exponential Backoff and Jitter", AWS Architecture Blog.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::action::Action;
use crate::failure::{Busy, Failure, Reason};
use crate::item::Item;
use crate::outcome::Unsettled;
use crate::patience::Patience;
use crate::session::{Session, Transacted};

/// The pauses after a request that may not have arrived: the service needs time.
const PAUSES: Pauses = Pauses {
    first: Duration::from_millis(25),
    max: Duration::from_millis(800),
};

/// The pauses after a conflict. The other write takes a few milliseconds, and a
/// longer pause only keeps the invocation running.
const PAUSES_OF_CONFLICTS: Pauses = Pauses {
    first: Duration::from_millis(8),
    max: Duration::from_millis(50),
};

/// How many attempts, each on other items, follow each other after the shortest pause.
const ELSEWHERE_QUICK: u32 = 3;

/// Attempts within one invocation, in case its clock stands still.
const ATTEMPTS_MAX: u32 = 64;

/// The first pause is at most `first`. Each further one may be twice as long, up to
/// `max`.
struct Pauses {
    first: Duration,
    max: Duration,
}

/// The request is wrong, whatever the data: a defect in the program that sent it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Defect(pub String);

/// Why there is no outcome when the attempts are over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GaveUp {
    /// Every attempt met another write or too little capacity, or a condition failed, so
    /// none of them happened.
    Busy,
    /// An attempt may have happened, or may happen yet. Or there was no time for one.
    Unknown,
}

/// The pace of one invocation's attempts.
#[derive(Debug, Default)]
pub struct Pace {
    patience: Patience,
    began: Option<Timestamp>,
    attempts: u32,
    /// The attempts that did nothing: they met another write or too little capacity, or
    /// the caller said so.
    ended: u32,
}

/// How a row of attempts ended.
pub(crate) enum Ended<T> {
    /// With this outcome.
    Outcome(T),
    /// The last one met another write or too little capacity.
    Conflict,
    /// The time or the patience ran out: [`Pace::gave_up`] says what that means.
    Over,
}

/// What an answer says about the attempts.
enum Next<T> {
    /// They are over: this is the outcome.
    Outcome(T),
    /// They are over, and nobody knows the outcome.
    Unknown,
    /// Another one. The last one met another write or too little capacity.
    Conflict,
    /// Another one, for another reason.
    Again,
}

impl Pace {
    /// The pace of an intent with this much patience.
    pub fn new(patience: Patience) -> Self {
        Self {
            patience,
            ..Self::default()
        }
    }

    /// Sends a request until its answer is an outcome. `None` if the time runs
    /// out first: [`Pace::gave_up`] says what that means.
    ///
    /// `send` sends the request once, as `state` says. `read` reads the answer:
    /// `Some` is the outcome, `None` asks for another attempt, before which it
    /// may change the state. One request is in flight at a time.
    ///
    /// # Errors
    /// The error that `read` finds in an answer, or the request is wrong.
    pub async fn repeat<State, Sent, Answer, T, E>(
        &mut self,
        session: &Session<'_>,
        state: State,
        send: impl FnMut(&State) -> Sent,
        mut read: impl FnMut(Answer, &mut State) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E>
    where
        Sent: Future<Output = Result<Answer, Failure>>,
        E: From<Defect>,
    {
        let read = |answer, state: &mut State| {
            let outcome = read(answer, state)?;
            Ok::<_, E>(outcome.map_or(Next::Again, Next::Outcome))
        };
        self.run(session, state, send, read).await
    }

    /// Sends a read until it has an answer. `None` if the time runs out first.
    ///
    /// # Errors
    /// The request is wrong.
    pub async fn read<Sent, Answer>(
        &mut self,
        session: &Session<'_>,
        mut send: impl FnMut() -> Sent,
    ) -> Result<Option<Answer>, Defect>
    where
        Sent: Future<Output = Result<Answer, Failure>>,
    {
        let read = |answer, (): &mut ()| Ok(Some(answer));
        self.repeat(session, (), |()| send(), read).await
    }

    /// Sends a transaction until its outcome is known. `None` if the time or the
    /// patience runs out first: [`Pace::gave_up`] says whether the transaction may
    /// have happened, or may happen yet.
    ///
    /// An attempt that was cancelled has ended, so the next one takes a new
    /// token. An attempt without an answer may still be under way, so the same
    /// request goes out under the same token: DynamoDB applies it once.
    ///
    /// `cancelled` reads the reasons of a cancellation: `Some` is the outcome,
    /// `None` asks for another attempt.
    ///
    /// # Errors
    /// The error that `cancelled` finds in the reasons, or the request is wrong.
    pub async fn transact<T, E: From<Defect>>(
        &mut self,
        session: &Session<'_>,
        actions: &[Action<'_>],
        committed: impl Fn() -> T,
        mut cancelled: impl FnMut(&[Reason]) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let send = |token: &String| session.transact(actions, token.clone());
        let read =
            |ended, token: &mut String| next_of(session, ended, token, &committed, &mut cancelled);
        self.run(session, session.token(), send, read).await
    }

    /// The same, but ends at the first attempt that meets another write. So the next
    /// attempt can be on other items.
    pub(crate) async fn transact_until_conflict<T, E: From<Defect>>(
        &mut self,
        session: &Session<'_>,
        actions: &[Action<'_>],
        committed: impl Fn() -> T,
        mut cancelled: impl FnMut(&[Reason]) -> Result<Option<T>, E>,
    ) -> Result<Ended<T>, E> {
        let mut token = session.token();
        let mut send = |token: &String| session.transact(actions, token.clone());
        let mut read =
            |ended, token: &mut String| next_of(session, ended, token, &committed, &mut cancelled);
        self.until_conflict(session, &mut token, &mut send, &mut read)
            .await
    }

    /// Notes that the last attempt, which had an outcome, did nothing: the conditions of a
    /// plan's effects failed, and another intent follows. Only the caller can know this. A
    /// failed condition can also mean that the same request was done before.
    pub(crate) fn did_nothing(&mut self) {
        self.ended += 1;
    }

    /// What it means that there is no outcome.
    pub fn gave_up(&self, session: &Session<'_>) -> GaveUp {
        let did_nothing = self.all_ended() && !session.may_have_written();
        if did_nothing && self.attempts != 0 {
            GaveUp::Busy
        } else {
            GaveUp::Unknown
        }
    }

    async fn run<State, Sent, Answer, T, E>(
        &mut self,
        session: &Session<'_>,
        mut state: State,
        mut send: impl FnMut(&State) -> Sent,
        mut read: impl FnMut(Answer, &mut State) -> Result<Next<T>, E>,
    ) -> Result<Option<T>, E>
    where
        Sent: Future<Output = Result<Answer, Failure>>,
        E: From<Defect>,
    {
        loop {
            let ended = self.until_conflict(session, &mut state, &mut send, &mut read);
            match ended.await? {
                Ended::Outcome(outcome) => return Ok(Some(outcome)),
                Ended::Over => return Ok(None),
                Ended::Conflict => self.pause_after_conflict(session, false).await,
            }
        }
    }

    async fn until_conflict<State, Sent, Answer, T, E>(
        &mut self,
        session: &Session<'_>,
        state: &mut State,
        send: &mut impl FnMut(&State) -> Sent,
        read: &mut impl FnMut(Answer, &mut State) -> Result<Next<T>, E>,
    ) -> Result<Ended<T>, E>
    where
        Sent: Future<Output = Result<Answer, Failure>>,
        E: From<Defect>,
    {
        while self.goes_on(session) {
            // Boxed: the SDK's futures are large, and every caller's would contain one.
            let next = match Box::pin(send(state)).await {
                Ok(answer) => read(answer, state)?,
                Err(Failure::Busy(busy)) => next_after(busy),
                Err(Failure::Unknown(cause)) => {
                    tracing::warn!(cause, "a request got no answer and is sent again");
                    Next::Again
                }
                Err(Failure::Invalid(cause)) if session.may_have_written() => unknown_after(&cause),
                Err(Failure::Invalid(cause)) => return Err(Defect(cause).into()),
            };
            match next {
                Next::Outcome(outcome) => return Ok(Ended::Outcome(outcome)),
                Next::Unknown => return Ok(Ended::Over),
                Next::Conflict => {
                    self.ended += 1;
                    return Ok(Ended::Conflict);
                }
                Next::Again => self.pause(session, &PAUSES, self.attempts).await,
            }
        }
        Ok(Ended::Over)
    }

    /// Waits before the attempt that follows one which met another write.
    ///
    /// `elsewhere`: that attempt is on other items. Perhaps nobody is there, so the first
    /// few attempts follow each other quickly.
    pub(crate) async fn pause_after_conflict(&self, session: &Session<'_>, elsewhere: bool) {
        let attempts = if elsewhere {
            self.attempts.saturating_sub(ELSEWHERE_QUICK - 1)
        } else {
            self.attempts
        };
        self.pause(session, &PAUSES_OF_CONFLICTS, attempts).await;
    }

    /// Whether another attempt may begin. Counts it if so.
    fn goes_on(&mut self, session: &Session<'_>) -> bool {
        let now = session.world().machine_now();
        let since = now.duration_since(*self.began.get_or_insert(now));
        let Patience {
            tries_max,
            time_max,
        } = self.patience;
        let is_patient = self.attempts < tries_max
            && since < SignedDuration::try_from(time_max).unwrap_or(SignedDuration::MAX);
        let goes_on = self.attempts < ATTEMPTS_MAX
            && session.time_left().is_some()
            && (is_patient || !self.all_ended());
        self.attempts += u32::from(goes_on);
        goes_on
    }

    fn all_ended(&self) -> bool {
        self.attempts == self.ended
    }

    async fn pause(&self, session: &Session<'_>, pauses: &Pauses, attempts: u32) {
        let doublings = attempts.saturating_sub(1).min(16);
        let most = pauses
            .first
            .saturating_mul(1 << doublings)
            .min(pauses.max)
            .min(session.time_left().unwrap_or_default());
        let world = session.world();
        world.sleep(world.uniform(most)).await;
    }
}

impl Session<'_> {
    /// Reads the items of these primary keys (at most 100), strongly consistent and in any
    /// order. Missing items are left out.
    ///
    /// # Errors
    /// There was no complete answer in time. [`Unsettled::Busy`] if the table had too little
    /// capacity all the time.
    pub async fn read_all(&self, keys: Vec<Item>) -> Result<Vec<Item>, Unsettled> {
        let mut found = Vec::with_capacity(keys.len());
        let mut pace = Pace::default();
        let send = |unread: &Vec<Item>| self.batch_get(unread.clone());
        let read = pace.run(self, keys, send, |(items, rest), unread| {
            found.extend(items);
            *unread = rest;
            // DynamoDB leaves keys out for which it has no capacity.
            Ok::<_, Unsettled>(if unread.is_empty() {
                Next::Outcome(())
            } else {
                Next::Conflict
            })
        });
        read.await?.ok_or_else(|| pace.gave_up(self))?;
        Ok(found)
    }
}

/// Reads how a transaction ended, and takes a new token for the next attempt.
fn next_of<T, E>(
    session: &Session<'_>,
    ended: Transacted,
    token: &mut String,
    committed: &impl Fn() -> T,
    cancelled: &mut impl FnMut(&[Reason]) -> Result<Option<T>, E>,
) -> Result<Next<T>, E> {
    let next = match ended {
        Transacted::Committed => Next::Outcome(committed()),
        Transacted::Cancelled(reasons) => match wrong(&reasons) {
            Some(cause) if session.may_have_written() => unknown_after(cause),
            Some(_) | None => match cancelled(&reasons)? {
                Some(outcome) => Next::Outcome(outcome),
                None if met_another(&reasons) => Next::Conflict,
                None => Next::Again,
            },
        },
        Transacted::Busy(busy) => next_after(busy),
    };
    if matches!(next, Next::Conflict | Next::Again) {
        *token = session.token();
    }
    Ok(next)
}

fn next_after<T>(busy: Busy) -> Next<T> {
    match busy {
        Busy::Conflict | Busy::Throttled => Next::Conflict,
        Busy::TokenMismatch => Next::Again,
    }
}

/// An earlier attempt may have happened. What is wrong with this one proves nothing
/// about that one, so it must not end as a defect.
fn unknown_after<T>(cause: &str) -> Next<T> {
    tracing::error!(cause, "a request failed after one that got no answer");
    Next::Unknown
}

/// The fault that a cancellation finds in the request itself, unless the record,
/// whose reason is the first, was there: then the record decides.
fn wrong(reasons: &[Reason]) -> Option<&str> {
    if matches!(reasons.first(), Some(Reason::ConditionFailed(_))) {
        return None;
    }
    reasons.iter().find_map(|reason| match reason {
        Reason::Invalid(cause) => Some(cause.as_str()),
        Reason::None | Reason::ConditionFailed(_) | Reason::Conflict | Reason::Throttled => None,
    })
}

/// Whether other writers or too little capacity cancelled a transaction, and not what
/// stands in the record's place.
fn met_another(reasons: &[Reason]) -> bool {
    !matches!(reasons.first(), Some(Reason::ConditionFailed(_)))
        && reasons
            .iter()
            .any(|reason| matches!(reason, Reason::Conflict | Reason::Throttled))
}
