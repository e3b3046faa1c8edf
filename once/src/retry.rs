//! The only retry loop: exponential backoff with full jitter, until the deadline.
//!
//! Source: "Exponential Backoff and Jitter", AWS Architecture Blog.

use std::time::Duration;

use crate::action::Action;
use crate::failure::{Failure, Reason};
use crate::session::{Session, Transacted};

/// The first pause is at most this long. Each further one may be twice as long …
const PAUSE_FIRST: Duration = Duration::from_millis(25);

/// … up to this limit.
const PAUSE_MAX: Duration = Duration::from_millis(800);

/// Attempts within one invocation, in case its clock stands still.
const ATTEMPTS_MAX: u32 = 64;

/// The request is wrong, whatever the data: a defect in the program that sent it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Defect(pub String);

/// The pace of one invocation's attempts.
#[derive(Debug, Default)]
pub struct Pace {
    attempts: u32,
}

impl Pace {
    /// Sends a request until its answer is an outcome. `None` if the time runs
    /// out first.
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
        mut state: State,
        mut send: impl FnMut(&State) -> Sent,
        mut read: impl FnMut(Answer, &mut State) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E>
    where
        Sent: Future<Output = Result<Answer, Failure>>,
        E: From<Defect>,
    {
        while self.goes_on(session) {
            // Boxed: the SDK's futures are large, and every caller's would contain one.
            match Box::pin(send(&state)).await {
                Ok(answer) => {
                    if let Some(outcome) = read(answer, &mut state)? {
                        return Ok(Some(outcome));
                    }
                }
                Err(Failure::Busy(_)) => {}
                Err(Failure::Unknown(cause)) => {
                    tracing::warn!(cause, "a request got no answer and is sent again");
                }
                Err(Failure::Invalid(cause)) => return Err(Defect(cause).into()),
            }
            self.pause(session).await;
        }
        Ok(None)
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

    /// Sends a transaction until its outcome is known. `None` if the time runs
    /// out first: then the transaction may have happened, or may happen yet.
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
        let read = |ended, token: &mut String| {
            let outcome = match ended {
                Transacted::Committed => Ok(Some(committed())),
                Transacted::Cancelled(reasons) => cancelled(&reasons),
                Transacted::Busy => Ok(None),
            };
            if matches!(outcome, Ok(None)) {
                *token = session.token();
            }
            outcome
        };
        self.repeat(session, session.token(), send, read).await
    }

    /// Whether another attempt may begin. Counts it if so.
    fn goes_on(&mut self, session: &Session<'_>) -> bool {
        let goes_on = self.attempts < ATTEMPTS_MAX && session.time_left().is_some();
        self.attempts += u32::from(goes_on);
        goes_on
    }

    async fn pause(&self, session: &Session<'_>) {
        let doublings = self.attempts.saturating_sub(1).min(16);
        let most = PAUSE_FIRST
            .saturating_mul(1 << doublings)
            .min(PAUSE_MAX)
            .min(session.time_left().unwrap_or_default());
        let world = session.world();
        world.sleep(world.uniform(most)).await;
    }
}
