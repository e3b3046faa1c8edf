//! Keeps the answers of a day, and which reports were sent, in the table of alerts.
//!
//! ```text
//! open ── nothing kept ──▶ a lease ── asked ──▶ keep ──▶ claim ── sent
//!   └──── answers kept ─────────────────────────────────────┘└── refused ──▶ release
//! ```
//! A claim is made before the report is sent. If an invocation ends in between, the report is not sent
//! by itself again: a second message would be worse than a missing one, which anybody can ask for.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::Date;
use shared::world::World;

use crate::error::Error;
use crate::facts::Facts;

/// How each key begins. The number changes with the form of the facts.
const PREFIX: &str = "cost-report#1#";
/// How long an item is kept: longer than Lambda repeats an invocation.
const KEPT: Duration = Duration::from_hours(3 * 24);
/// How long one invocation may ask: longer than the function's time-out.
const LEASE: Duration = Duration::from_mins(2);
const TRIES_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// The largest compressed answers. An item has at most 400 KB.
const ANSWERS_BYTES_MAX: usize = 350_000;
/// The largest answers when they are read.
const FACTS_BYTES_MAX: u64 = 20_000_000;

type Item = HashMap<String, AttributeValue>;

/// The table.
#[derive(Debug)]
pub(crate) struct Kept {
    client: Client,
    table: String,
    stack: String,
    world: World,
}

/// What is known of a day.
#[derive(Debug)]
pub(crate) enum Opened {
    /// Its answers.
    Kept(Box<Facts>),
    /// Nothing. This invocation asks, and no other one does for a while.
    Nothing,
}

impl Kept {
    pub(crate) fn new(client: Client, table: String, stack: String, world: World) -> Self {
        Self {
            client,
            table,
            stack,
            world,
        }
    }

    /// Whether a report was sent.
    pub(crate) async fn was_sent(&self, report: &str) -> Result<bool, Error> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(&self.sent_key(report)))
            .consistent_read(true);
        let found = self.tried(|| request.clone().send().boxed()).await?;
        Ok(found.item.is_some_and(|item| !self.is_over(&item)))
    }

    /// The answers of a day, or the right to ask for them.
    pub(crate) async fn open(&self, day: Date) -> Result<Opened, Error> {
        let now = self.world.now();
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&self.day_key(day)))
            .item("leased_until", number(epoch(now, LEASE)))
            .item("expires_at", number(epoch(now, KEPT)))
            .condition_expression(
                "attribute_not_exists(pk) OR expires_at <= :now \
                 OR (attribute_not_exists(answers) AND leased_until <= :now)",
            )
            .expression_attribute_values(":now", number(epoch(now, Duration::ZERO)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.put(&request).await? {
            None => Ok(Opened::Nothing),
            Some(item) => match item.get("answers") {
                Some(AttributeValue::B(answers)) => {
                    let facts = unpacked(answers.as_ref()).ok_or(Error::Table)?;
                    Ok(Opened::Kept(Box::new(facts)))
                }
                Some(_) | None => Err(Error::Busy),
            },
        }
    }

    /// Keeps the answers of a day. The report is sent also if that fails.
    pub(crate) async fn keep(&self, day: Date, facts: &Facts) {
        let Some(answers) = packed(facts) else {
            tracing::warn!("the answers are too large to be kept: a repeat will ask again");
            return;
        };
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(&self.day_key(day)))
            .update_expression("SET answers = :answers")
            .expression_attribute_values(":answers", AttributeValue::B(Blob::new(answers)));
        if self.tried(|| request.clone().send().boxed()).await.is_err() {
            tracing::warn!("the answers could not be kept: a repeat will ask again");
        }
    }

    /// Claims a report before it is sent. False if it was claimed before.
    pub(crate) async fn claim(&self, report: &str) -> Result<bool, Error> {
        let now = self.world.now();
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&self.sent_key(report)))
            .item("expires_at", number(epoch(now, KEPT)))
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", number(epoch(now, Duration::ZERO)));
        Ok(self.put(&request).await?.is_none())
    }

    /// Gives a claim back, because the topic refused the report.
    pub(crate) async fn release(&self, report: &str) {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(&self.sent_key(report)));
        if self.tried(|| request.clone().send().boxed()).await.is_err() {
            tracing::warn!("the report was not sent, and its claim could not be given back");
        }
    }

    /// Writes an item, and again if that fails. Returns the item that is there if the condition refuses it.
    async fn put(&self, request: &PutItemFluentBuilder) -> Result<Option<Item>, Error> {
        for attempt in 0..TRIES_MAX {
            match request.clone().send().await {
                Ok(_) => return Ok(None),
                Err(error) => match existing(&error) {
                    Some(item) => return Ok(Some(item)),
                    None => self.pause(attempt, &error).await,
                },
            }
        }
        Err(Error::Table)
    }

    /// Calls the table, and again if it fails.
    async fn tried<T, E>(
        &self,
        call: impl Fn() -> BoxFuture<'static, Result<T, SdkError<E>>>,
    ) -> Result<T, Error>
    where
        SdkError<E>: std::error::Error,
    {
        for attempt in 0..TRIES_MAX {
            match call().await {
                Ok(done) => return Ok(done),
                Err(error) => self.pause(attempt, &error).await,
            }
        }
        Err(Error::Table)
    }

    async fn pause<E>(&self, attempt: u32, error: &SdkError<E>)
    where
        SdkError<E>: std::error::Error,
    {
        let error = DisplayErrorContext(error).to_string();
        tracing::warn!(attempt, error, "the table of alerts failed");
        self.world.sleep(self.world.uniform(PAUSE)).await;
    }

    /// Whether an item's time is over, also while DynamoDB has not deleted it yet.
    fn is_over(&self, item: &Item) -> bool {
        let expires = item.get("expires_at").and_then(|it| it.as_n().ok());
        let expires: Option<i64> = expires.and_then(|text| text.parse().ok());
        expires.is_some_and(|expires| expires <= epoch(self.world.now(), Duration::ZERO))
    }

    fn day_key(&self, day: Date) -> String {
        format!("{PREFIX}{}#day#{day}", self.stack)
    }

    fn sent_key(&self, report: &str) -> String {
        format!("{PREFIX}{}#sent#{report}", self.stack)
    }
}

/// The item that was there, if that is why a write was refused.
fn existing(error: &SdkError<PutItemError>) -> Option<Item> {
    match error.as_service_error()? {
        PutItemError::ConditionalCheckFailedException(failed) => {
            Some(failed.item().cloned().unwrap_or_default())
        }
        _ => None,
    }
}

fn packed(facts: &Facts) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(facts).ok()?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() <= ANSWERS_BYTES_MAX).then_some(packed)
}

fn unpacked(answers: &[u8]) -> Option<Facts> {
    let mut json = Vec::new();
    let mut decoder = GzDecoder::new(answers).take(FACTS_BYTES_MAX);
    decoder.read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Seconds since 1970, so much later than a time.
fn epoch(at: Timestamp, later: Duration) -> i64 {
    let seconds = i64::try_from(later.as_secs()).unwrap_or(i64::MAX);
    at.as_second().saturating_add(seconds)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
