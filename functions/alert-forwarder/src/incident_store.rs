//! Keeps incidents in DynamoDB: one item each, written only at the version that was read.
//!
//! An item also has a lease. Its holder alone acts at Discord. Everybody may write what is wanted:
//! the write changes the version, so the holder's next write fails, and it reads again.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long the item of an incident that is over is kept: longer than the queue keeps a message.
const KEPT: Duration = Duration::from_hours(15 * 24);

/// The table's items of one form.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    client: Client,
    table: String,
}

/// An item: its content, its version, and who may act on it.
#[derive(Clone, Debug)]
pub(crate) struct Item<T> {
    pub(crate) content: T,
    /// 0 if there is no item yet.
    version: u64,
    pub(crate) lease: Option<Lease>,
}

/// Who may act on an item, and until when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    /// Seconds since 1970.
    pub(crate) until: i64,
}

/// The result of a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Saved {
    /// The item is written.
    Yes,
    /// Somebody wrote it since it was read.
    Lost,
}

/// The table did not answer, or refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unreachable;

impl<T> Item<T> {
    /// How long somebody else may still act on the item.
    pub(crate) fn leased_for(&self, owner: &str, now: Timestamp) -> Option<Duration> {
        let lease = self.lease.as_ref().filter(|lease| lease.owner != owner)?;
        let left = lease.until.saturating_sub(now.as_second());
        (0 < left).then(|| Duration::from_secs(left.unsigned_abs()))
    }
}

impl Store {
    pub(crate) const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads an item. One that is missing, expired, or written by a release that we cannot read is
    /// a new one.
    pub(crate) async fn load<T: DeserializeOwned + Default>(
        &self,
        key: &str,
        now: Timestamp,
    ) -> Result<Item<T>, Unreachable> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(key.to_owned()))
            .consistent_read(true)
            .send()
            .await;
        match read {
            Ok(read) => Ok(item(&read.item.unwrap_or_default(), now)),
            Err(error) => {
                let error = DisplayErrorContext(error).to_string();
                tracing::warn!(error, "an incident could not be read");
                Err(Unreachable)
            }
        }
    }

    /// Writes an item if nobody wrote it since it was read. With `keep`, it has no time to live.
    pub(crate) async fn save<T: Serialize + Sync>(
        &self,
        key: &str,
        item: &mut Item<T>,
        keep: bool,
        now: Timestamp,
    ) -> Result<Saved, Unreachable> {
        let Ok(content) = serde_json::to_string(&item.content) else {
            return Err(Unreachable);
        };
        let version = item.version + 1;
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", AttributeValue::S(key.to_owned()))
            .item("version", number(version))
            .item("content", AttributeValue::S(content));
        if let Some(lease) = &item.lease {
            put = put
                .item("owner", AttributeValue::S(lease.owner.clone()))
                .item("leased_until", AttributeValue::N(lease.until.to_string()));
        }
        if !keep {
            let expires = now.as_second() + i64::try_from(KEPT.as_secs()).unwrap_or_default();
            put = put.item("expires_at", AttributeValue::N(expires.to_string()));
        }
        put = if item.version == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :read")
                .expression_attribute_values(":read", number(item.version))
        };
        match put.send().await {
            Ok(_) => {
                item.version = version;
                Ok(Saved::Yes)
            }
            Err(error) => {
                if let Some(PutItemError::ConditionalCheckFailedException(_)) =
                    error.as_service_error()
                {
                    return Ok(Saved::Lost);
                }
                let error = DisplayErrorContext(error).to_string();
                tracing::warn!(error, "an incident could not be written");
                Err(Unreachable)
            }
        }
    }
}

fn item<T: DeserializeOwned + Default>(
    attributes: &HashMap<String, AttributeValue>,
    now: Timestamp,
) -> Item<T> {
    let number = |name: &str| -> Option<i64> { attributes.get(name)?.as_n().ok()?.parse().ok() };
    let text = |name: &str| attributes.get(name).and_then(|value| value.as_s().ok());
    let is_expired = number("expires_at").is_some_and(|at| at <= now.as_second());
    let content = text("content")
        .filter(|_| !is_expired)
        .and_then(|content| serde_json::from_str(content).ok());
    Item {
        content: content.unwrap_or_default(),
        version: number("version").map_or(0, i64::unsigned_abs),
        lease: text("owner")
            .zip(number("leased_until"))
            .map(|(owner, until)| Lease {
                owner: owner.clone(),
                until,
            }),
    }
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Watched;
    use crate::incident::Incident;

    fn stored(expires_at: i64) -> HashMap<String, AttributeValue> {
        let incident = Incident {
            state: Watched::Alarm,
            ..Incident::default()
        };
        let content = serde_json::to_string(&incident).unwrap();
        HashMap::from([
            ("version".to_owned(), number(7)),
            ("content".to_owned(), AttributeValue::S(content)),
            ("owner".to_owned(), AttributeValue::S("us".to_owned())),
            ("leased_until".to_owned(), number(60)),
            (
                "expires_at".to_owned(),
                AttributeValue::N(expires_at.to_string()),
            ),
        ])
    }

    #[test]
    fn an_expired_item_counts_as_absent_but_keeps_its_version() {
        let now = Timestamp::from_second(50).unwrap();
        let live: Item<Incident> = item(&stored(51), now);
        assert_eq!((live.content.state, live.version), (Watched::Alarm, 7));
        let expired: Item<Incident> = item(&stored(50), now);
        assert_eq!((expired.content.state, expired.version), (Watched::Ok, 7));
        let absent: Item<Incident> = item(&HashMap::new(), now);
        assert_eq!((absent.content.opening, absent.version), (0, 0));
    }

    #[test]
    fn an_item_outlives_the_two_weeks_that_a_queue_keeps_a_message() {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        assert!(days(14) < KEPT && KEPT < days(16));
    }

    #[test]
    fn a_lease_holds_others_until_it_ends() {
        let now = |second| Timestamp::from_second(second).unwrap();
        let found: Item<Incident> = item(&stored(1_000), now(0));
        let ten = Some(Duration::from_secs(10));
        assert_eq!(found.leased_for("them", now(50)), ten);
        assert_eq!(found.leased_for("us", now(50)), None);
        assert_eq!(found.leased_for("them", now(60)), None);
    }

    #[test]
    fn an_item_that_cannot_be_read_is_a_new_one() {
        let mut attributes = stored(1_000);
        attributes.insert("content".to_owned(), AttributeValue::S("{}".to_owned()));
        let found: Item<Incident> = item(&attributes, Timestamp::UNIX_EPOCH);
        assert_eq!((found.content.opening, found.version), (0, 7));
    }
}
