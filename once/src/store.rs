//! Owns the table: every request to DynamoDB leaves from here, once, and comes back as data.
//!
//! Nothing here repeats a request: whether one may be repeated, and with which
//! token, is decided where its meaning is known ([`crate::decide`]). The
//! SDK's own retries are off.

mod failure;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    ConsumedCapacity, KeysAndAttributes, Put, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::{SignedDuration, Timestamp};
use shared::world::World;

use crate::classify::Reason;
use crate::{Effect, Item};

pub use failure::Failure;
use failure::{failure, reason};

/// How long one request may take before it counts as lost. DynamoDB answers
/// within a tenth of this; what is left of the invocation serves the repeat.
const REQUEST_SECONDS_MAX: i64 = 2;

/// What stays of an invocation to answer and to log.
const RESERVE: SignedDuration = SignedDuration::from_millis(500);

/// No request is begun with less time than this.
const REQUEST_LEAST: SignedDuration = SignedDuration::from_millis(20);

/// The condition under which a record is written: nothing was decided yet.
pub const ABSENT: &str = "attribute_not_exists(pk)";

/// The table, and what reaching it takes.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
    world: World,
}

/// One action of a transaction, on an item of its own.
#[derive(Clone, Debug)]
pub enum Action<'action> {
    /// Writes a whole item if a condition holds.
    Put {
        /// The item.
        item: &'action Item,
        /// The condition, such as [`ABSENT`].
        condition: &'static str,
        /// The condition's values, by placeholder.
        values: Item,
    },
    /// Changes an item if a condition holds.
    Update(&'action Effect),
}

impl<'action> Action<'action> {
    /// Writes an item if nothing is there.
    pub fn put_absent(item: &'action Item) -> Self {
        Self::Put {
            item,
            condition: ABSENT,
            values: Item::new(),
        }
    }
}

/// A page of an index: keys, and no more.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<'page> {
    /// The index.
    pub index: &'static str,
    /// Which items, such as `#owner = :owner`.
    pub condition: &'static str,
    /// The attributes whose names are reserved words, by placeholder.
    pub names: &'static [(&'static str, &'static str)],
    /// The condition's values, by placeholder.
    pub values: Item,
    /// Whether the order of the index is kept, or turned round.
    pub forward: bool,
    /// How many at most.
    pub limit: i32,
    /// The key after which the page begins.
    pub after: Option<&'page Item>,
}

/// One invocation's use of the table: its deadline, and what it has consumed.
#[derive(Debug)]
pub struct Session<'store> {
    store: &'store Store,
    deadline: Timestamp,
    tally: Mutex<Tally>,
}

/// What an invocation consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Requests sent.
    pub round_trips: u32,
    /// Write capacity units that DynamoDB reported. A cancelled transaction
    /// consumes units but reports none.
    pub write_units: f64,
    /// Read capacity units that DynamoDB reported.
    pub read_units: f64,
    /// Requests that met another write.
    pub conflicts: u32,
    /// Transactions that were cancelled, whose units nobody reported.
    pub cancelled: u32,
}

impl Store {
    /// The table of a name.
    pub fn new(client: Client, table: String, world: World) -> Self {
        Self {
            client,
            table,
            world,
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// Begins an invocation that ends at `deadline`.
    pub fn session(&self, deadline: Timestamp) -> Session<'_> {
        Session {
            store: self,
            deadline,
            tally: Mutex::default(),
        }
    }
}

impl Session<'_> {
    /// The world the store lives in.
    pub fn world(&self) -> &World {
        &self.store.world
    }

    /// What was consumed so far.
    pub fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the next request may take, or `None` if it must not begin.
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.until_reserve();
        if left < REQUEST_LEAST {
            return None;
        }
        let most = SignedDuration::from_secs(REQUEST_SECONDS_MAX);
        Duration::try_from(left.min(most)).ok()
    }

    /// How much of the invocation is left, apart from what answering it takes.
    pub fn until_reserve(&self) -> SignedDuration {
        self.deadline.duration_since(self.world().now()) - RESERVE
    }

    /// A new client request token: 128 random bits.
    pub fn token(&self) -> String {
        let mut bytes = [0; 16];
        self.world().fill(&mut bytes);
        data_encoding::HEXLOWER.encode(&bytes)
    }

    /// Applies all actions or none. No two may touch the same item.
    pub async fn transact(&self, actions: &[Action<'_>], token: &str) -> Result<(), Failure> {
        let actions: Result<Vec<_>, Failure> =
            actions.iter().map(|action| self.action(action)).collect();
        let request = self
            .store
            .client
            .transact_write_items()
            .set_transact_items(Some(actions?))
            .client_request_token(token)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.within_time(request.send()).await? {
            Ok(output) => {
                self.consumed(output.consumed_capacity());
                Ok(())
            }
            Err(error) => Err(self.transaction_failure(&error)),
        }
    }

    /// Puts `record` if nothing is there.
    pub async fn put_absent(&self, record: &Item) -> Result<(), Failure> {
        let request = self
            .store
            .client
            .put_item()
            .table_name(&self.store.table)
            .set_item(Some(record.clone()))
            .condition_expression(ABSENT)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.within_time(request.send()).await? {
            Ok(output) => {
                self.consumed(output.consumed_capacity());
                Ok(())
            }
            Err(error) => Err(match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Failure::ConditionFailed(failed.item().cloned())
                }
                _ => self.failure(&error),
            }),
        }
    }

    /// Applies one effect and returns the item as it is afterwards.
    pub async fn update_item(&self, effect: &Effect) -> Result<Item, Failure> {
        let request = self
            .store
            .client
            .update_item()
            .table_name(&self.store.table)
            .set_key(Some(effect.key.clone()))
            .update_expression(effect.update)
            .set_condition_expression(condition(effect))
            .set_expression_attribute_names(placeholders(effect.names))
            .set_expression_attribute_values(Some(effect.values.clone()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.within_time(request.send()).await? {
            Ok(output) => {
                self.consumed(output.consumed_capacity());
                Ok(output.attributes.unwrap_or_default())
            }
            Err(error) => Err(match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Failure::ConditionFailed(failed.item().cloned())
                }
                _ => self.failure(&error),
            }),
        }
    }

    /// Reads one item, strongly consistent.
    pub async fn get(&self, key: Item) -> Result<Option<Item>, Failure> {
        let request = self
            .store
            .client
            .get_item()
            .table_name(&self.store.table)
            .set_key(Some(key))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.within_time(request.send()).await? {
            Ok(output) => {
                self.read(output.consumed_capacity());
                Ok(output.item)
            }
            Err(error) => Err(self.failure(&error)),
        }
    }

    fn action(&self, action: &Action<'_>) -> Result<TransactWriteItem, Failure> {
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        Ok(match action {
            Action::Put {
                item: record,
                condition,
                values,
            } => item.put(
                Put::builder()
                    .table_name(&self.store.table)
                    .set_item(Some((*record).clone()))
                    .condition_expression(*condition)
                    .set_expression_attribute_values((!values.is_empty()).then(|| values.clone()))
                    .return_values_on_condition_check_failure(all_old)
                    .build()
                    .map_err(invalid)?,
            ),
            Action::Update(effect) => item.update(
                Update::builder()
                    .table_name(&self.store.table)
                    .set_key(Some(effect.key.clone()))
                    .update_expression(effect.update)
                    .set_condition_expression(condition(effect))
                    .set_expression_attribute_names(placeholders(effect.names))
                    .set_expression_attribute_values(Some(effect.values.clone()))
                    .return_values_on_condition_check_failure(all_old)
                    .build()
                    .map_err(invalid)?,
            ),
        }
        .build())
    }

    /// Reads the keys of one page of an index. The index lags behind the table.
    pub async fn query(&self, page: &Page<'_>) -> Result<Vec<Item>, Failure> {
        let request = self
            .store
            .client
            .query()
            .table_name(&self.store.table)
            .index_name(page.index)
            .key_condition_expression(page.condition)
            .set_expression_attribute_names(placeholders(page.names))
            .set_expression_attribute_values(Some(page.values.clone()))
            .scan_index_forward(page.forward)
            .limit(page.limit)
            .set_exclusive_start_key(page.after.cloned())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.within_time(request.send()).await? {
            Ok(output) => {
                self.read(output.consumed_capacity());
                Ok(output.items.unwrap_or_default())
            }
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Reads items of these primary keys (at most 100), strongly consistent,
    /// in any order. Returns those there are, and the keys not read this time.
    pub async fn batch_get(&self, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), Failure> {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(invalid)?;
        let table = &self.store.table;
        let request = self
            .store
            .client
            .batch_get_item()
            .request_items(table, wanted)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.within_time(request.send()).await? {
            Ok(output) => {
                self.read(output.consumed_capacity());
                let unread = output
                    .unprocessed_keys
                    .and_then(|mut tables| tables.remove(table))
                    .map(|unread| unread.keys);
                let items = output.responses.and_then(|mut tables| tables.remove(table));
                Ok((items.unwrap_or_default(), unread.unwrap_or_default()))
            }
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Counts a round trip, and gives its answer up when its time is over.
    async fn within_time<T>(&self, request: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(limit) = self.time_left() else {
            return Err(Failure::Unknown("no time was left".to_owned()));
        };
        self.note(|tally| tally.round_trips += 1);
        tokio::select! {
            biased;
            answer = request => Ok(answer),
            () = self.world().sleep(limit) => {
                Err(Failure::Unknown(format!("no answer within {} ms", limit.as_millis())))
            }
        }
    }

    fn transaction_failure(&self, error: &SdkError<TransactWriteItemsError>) -> Failure {
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return self.failure(error);
        };
        let reasons: Vec<_> = cancelled
            .cancellation_reasons()
            .iter()
            .map(reason)
            .collect();
        self.note(|tally| {
            tally.cancelled += 1;
            tally.conflicts += u32::from(reasons.contains(&Reason::Conflict));
        });
        Failure::Cancelled(reasons)
    }

    fn failure<E>(&self, error: &SdkError<E>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let failure = failure(error);
        if failure == Failure::Conflict {
            self.note(|tally| tally.conflicts += 1);
        }
        failure
    }

    fn consumed<'capacity>(&self, capacity: impl IntoCapacity<'capacity>) {
        let units = capacity.units();
        self.note(|tally| tally.write_units += units);
    }

    fn read<'capacity>(&self, capacity: impl IntoCapacity<'capacity>) {
        let units = capacity.units();
        self.note(|tally| tally.read_units += units);
    }

    fn note(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What an operation reports as consumed: one table's, or a list.
trait IntoCapacity<'capacity> {
    fn units(self) -> f64;
}

impl<'capacity> IntoCapacity<'capacity> for Option<&'capacity ConsumedCapacity> {
    fn units(self) -> f64 {
        self.and_then(ConsumedCapacity::capacity_units)
            .unwrap_or(0.0)
    }
}

impl<'capacity> IntoCapacity<'capacity> for &'capacity [ConsumedCapacity] {
    fn units(self) -> f64 {
        self.iter()
            .filter_map(ConsumedCapacity::capacity_units)
            .sum()
    }
}

fn condition(effect: &Effect) -> Option<String> {
    (!effect.condition.is_empty()).then(|| effect.condition.clone().into_owned())
}

fn placeholders(names: &[(&str, &str)]) -> Option<HashMap<String, String>> {
    let owned = |(place, name): &(&str, &str)| ((*place).to_owned(), (*name).to_owned());
    (!names.is_empty()).then(|| names.iter().map(owned).collect())
}

fn invalid(error: impl std::fmt::Display) -> Failure {
    Failure::Invalid(error.to_string())
}
