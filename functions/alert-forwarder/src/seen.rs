//! Remembers in DynamoDB what was sent: one item for each message and route.
//!
//! ```text
//! claim ── put if absent, or if its lease has expired ──▶ claimed ── sent ──▶ sent (acknowledge)
//!                                                           └── not sent ──▶ released
//! ```
//! A crash between the call and the note leaves a claim behind. When its lease has expired, the next
//! delivery sends the message again, with a label. An item past its `expires_at` counts as absent, even
//! while DynamoDB has not deleted it yet.
//!
//! An alert must not wait long for the table. A claim may take half of the time for sending, a note the
//! rest of the invocation. After a call without an answer in time, no claim is made for [`SILENCE`].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use shared::world::World;
use tokio::time::timeout;

/// The shortest lease. It is longer than the function's time-out and shorter than the queue's visibility
/// time-out, so a crash delays an alert by one redelivery, not by two.
const LEASE: Duration = Duration::from_mins(1);
/// How long an item is kept: longer than the queue keeps a message.
const KEPT: Duration = Duration::from_hours(15 * 24);
const TRIES_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);
/// How long no claim is made after the table did not answer in time. Otherwise each alert of an
/// invocation would wait for it.
const SILENCE: Duration = Duration::from_secs(15);

/// The table of claims.
#[derive(Debug)]
pub(crate) struct Seen {
    client: Client,
    table: String,
    world: World,
    silent_until: Mutex<Option<Timestamp>>,
}

/// The answer to a claim: who sends the message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Claim {
    /// This instance. No earlier try is known.
    Fresh(Token),
    /// This instance, but an earlier try may have sent it.
    Again(Token),
    /// Nobody: it was sent before.
    Sent,
    /// Another instance, whose lease lasts this much longer.
    Live(Duration),
    /// Unknown: the table did not answer. It is sent, because twice is better than never.
    Unknown,
}

/// Proves the ownership of a claim.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Token {
    key: String,
    owner: String,
}

impl Seen {
    pub(crate) fn new(client: Client, table: String, world: World) -> Self {
        Self {
            client,
            table,
            world,
            silent_until: Mutex::new(None),
        }
    }

    /// Claims a message for a route, in at most half of the time left for sending.
    pub(crate) async fn claim(&self, message_id: &str, route: &str, left: Duration) -> Claim {
        let token = Token {
            key: format!("seen#{message_id}#{route}"),
            owner: self.owner(),
        };
        let lease = LEASE.max(left + LEASE / 2);
        if !self.is_silent() {
            let claim = self.bounded(left / 2, self.try_to_claim(token, lease));
            if let Some(Some(claim)) = claim.await {
                return claim;
            }
        }
        tracing::warn!(
            route,
            "the table of claims does not answer: sending without a claim"
        );
        Claim::Unknown
    }

    async fn try_to_claim(&self, token: Token, lease: Duration) -> Option<Claim> {
        for attempt in 0..TRIES_MAX {
            let now = self.world.now();
            match self.put(&token, now, lease).await {
                Ok(output) => return Some(taken(token, output.attributes)),
                Err(error) => match refused(&error) {
                    Some(item) => return Some(judge(token, item, now)),
                    None => self.pause(attempt, &error).await,
                },
            }
        }
        None
    }

    /// Records that a message was sent, for longer than the queue keeps the message.
    pub(crate) async fn sent(&self, token: &Token, discord_id: Option<&str>, left: Duration) {
        let noted = self.bounded(left, self.try_to_note(token, discord_id));
        if noted.await != Some(true) {
            tracing::warn!(
                "a message was sent, but the table could not record that: it may be sent twice"
            );
        }
    }

    async fn try_to_note(&self, token: &Token, discord_id: Option<&str>) -> bool {
        for attempt in 0..TRIES_MAX {
            let expires = epoch(self.world.now(), KEPT);
            let mut update = self
                .client
                .update_item()
                .table_name(&self.table)
                .key("pk", text(&token.key))
                .update_expression("SET #state = :sent, expires_at = :expires, message = :message")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":sent", text("sent"))
                .expression_attribute_values(":expires", number(expires));
            let message = discord_id.map_or(AttributeValue::Null(true), text);
            update = update.expression_attribute_values(":message", message);
            match update.send().await {
                Ok(_) => return true,
                Err(error) => self.pause(attempt, &error).await,
            }
        }
        false
    }

    /// Releases a claim. If Discord may have the message (`in_doubt`), the item stays with an expired
    /// lease, so that the next claim is [`Claim::Again`]. Otherwise the item is deleted.
    pub(crate) async fn release(&self, token: &Token, in_doubt: bool, left: Duration) {
        let outcome = self.bounded(left, self.try_to_release(token, in_doubt));
        if let Some(Err(error)) = outcome.await {
            // The lease expires by itself. The next delivery is then labelled.
            tracing::warn!(
                error,
                "a claim could not be released: its lease has to expire"
            );
        }
    }

    async fn try_to_release(&self, token: &Token, in_doubt: bool) -> Result<(), String> {
        if in_doubt {
            self.client
                .update_item()
                .table_name(&self.table)
                .key("pk", text(&token.key))
                .condition_expression("#owner = :owner")
                .update_expression("SET leased_until = :over")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":owner", text(&token.owner))
                .expression_attribute_values(":over", number(0))
                .send()
                .await
                .map(|_| ())
                .map_err(|error| DisplayErrorContext(error).to_string())
        } else {
            self.client
                .delete_item()
                .table_name(&self.table)
                .key("pk", text(&token.key))
                .condition_expression("#owner = :owner")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":owner", text(&token.owner))
                .send()
                .await
                .map(|_| ())
                .map_err(|error| DisplayErrorContext(error).to_string())
        }
    }

    async fn put(
        &self,
        token: &Token,
        now: Timestamp,
        lease: Duration,
    ) -> Result<PutItemOutput, SdkError<PutItemError>> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&token.key))
            .item("state", text("claimed"))
            .item("owner", text(&token.owner))
            .item("leased_until", number(epoch(now, lease)))
            .item("expires_at", number(epoch(now, KEPT)))
            // `judge` must agree with this condition: it reads the item for which the condition failed.
            .condition_expression(
                "attribute_not_exists(pk) \
                 OR (#state = :claimed AND leased_until <= :now) OR expires_at <= :now",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":claimed", text("claimed"))
            .expression_attribute_values(":now", number(epoch(now, Duration::ZERO)))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await
    }

    async fn pause<E>(&self, attempt: u32, error: &SdkError<E>)
    where
        SdkError<E>: std::error::Error,
    {
        if is_silence(error) {
            self.fall_silent();
        }
        let error = DisplayErrorContext(error).to_string();
        tracing::warn!(attempt, error, "the table of claims failed");
        if attempt + 1 < TRIES_MAX {
            let most = PAUSE * 2_u32.pow(attempt);
            self.world.sleep(self.world.uniform(most)).await;
        }
    }

    /// Waits for a call of the table, at most for the given time.
    async fn bounded<T>(&self, most: Duration, call: impl Future<Output = T>) -> Option<T> {
        let ended = timeout(most, call).await.ok();
        if ended.is_none() {
            tracing::warn!("the table of claims did not answer in time");
            self.fall_silent();
        }
        ended
    }

    fn is_silent(&self) -> bool {
        let until = self
            .silent_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| self.world.now() < until)
    }

    /// Makes no claim for a while: the table does not answer.
    pub(crate) fn fall_silent(&self) {
        let until = self.world.now().checked_add(SILENCE).ok();
        let mut silent = self
            .silent_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *silent = until;
    }

    fn owner(&self) -> String {
        let mut bytes = [0; 16];
        self.world.fill(&mut bytes);
        format!("{:032x}", u128::from_le_bytes(bytes))
    }
}

type Item = HashMap<String, AttributeValue>;

/// The claim after a successful put. If the put replaced an item, an earlier try may have sent the
/// message.
fn taken(token: Token, replaced: Option<Item>) -> Claim {
    match replaced {
        Some(item) if !item.is_empty() => Claim::Again(token),
        Some(_) | None => Claim::Fresh(token),
    }
}

/// The item because of which a put was refused.
fn refused(error: &SdkError<PutItemError>) -> Option<&Item> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item(),
        Some(_) | None => None,
    }
}

/// Whether a call timed out. A call that was refused, throttled or not connected cost no time, and may be
/// repeated at once.
fn is_silence<E>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::TimeoutError(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_timeout(),
        _ => false,
    }
}

/// The claim after a refused put.
fn judge(token: Token, item: &Item, now: Timestamp) -> Claim {
    let is = |name, wanted: &str| {
        item.get(name)
            .and_then(|value| value.as_s().ok())
            .is_some_and(|found| found == wanted)
    };
    if is("owner", &token.owner) && is("state", "claimed") {
        // An earlier put of this same claim succeeded, and its answer was lost.
        return Claim::Fresh(token);
    }
    if is("state", "sent") {
        return Claim::Sent;
    }
    let until = item
        .get("leased_until")
        .and_then(|value| value.as_n().ok()?.parse::<i64>().ok())
        .unwrap_or_default();
    let left = until.saturating_sub(now.as_second()).max(1);
    Claim::Live(Duration::from_secs(left.unsigned_abs()))
}

fn text(text: impl AsRef<str>) -> AttributeValue {
    AttributeValue::S(text.as_ref().to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Seconds since 1970, the unit of DynamoDB's TTL.
fn epoch(now: Timestamp, later: Duration) -> i64 {
    let later = i64::try_from(later.as_secs()).unwrap_or(i64::MAX);
    now.as_second().saturating_add(later)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(state: &str, owner: &str, until: i64) -> Item {
        HashMap::from([
            ("state".to_owned(), text(state)),
            ("owner".to_owned(), text(owner)),
            ("leased_until".to_owned(), number(until)),
        ])
    }

    fn ours() -> Token {
        Token {
            key: "seen#1#default".to_owned(),
            owner: "us".to_owned(),
        }
    }

    #[track_caller]
    fn check(item: &Item, expected: &Claim) {
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(judge(ours(), item, now), *expected);
    }

    #[test]
    fn a_refused_claim_is_judged_by_the_item_in_the_table() {
        check(&item("sent", "them", 0), &Claim::Sent);
        check(
            &item("claimed", "them", 1_030),
            &Claim::Live(Duration::from_secs(30)),
        );
        check(&item("claimed", "us", 1_030), &Claim::Fresh(ours()));
        check(&item("sent", "us", 1_030), &Claim::Sent);
        check(&HashMap::new(), &Claim::Live(Duration::from_secs(1)));
    }
}
