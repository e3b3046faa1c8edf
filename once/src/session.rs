//! One invocation's requests to the table. Each is sent once, and its answer comes back as data.
//!
//! A condition that failed is an answer, not a failure. Nothing here repeats a
//! request: [`crate::retry`] does.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    KeysAndAttributes, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
    Select,
};
use jiff::{SignedDuration, Timestamp};
use shared::world::World;

use crate::action::{ABSENT, Action, Effect, placeholders};
use crate::failure::{Busy, Failure, Reason};
use crate::item::Item;
use crate::store::Store;
use crate::tally::{Tally, sum_of_units, units};

/// How long one request may take before it counts as lost. DynamoDB answers
/// within a tenth of this. The rest of the invocation is for the repeat.
const REQUEST_SECONDS_MAX: i64 = 2;

/// The end of an invocation that is kept for answering and logging.
const RESERVE: SignedDuration = SignedDuration::from_millis(500);

/// No request is sent with less time than this.
const REQUEST_LEAST: SignedDuration = SignedDuration::from_millis(20);

const NO_TIME: &str = "no time was left";

/// One invocation's use of the table: its deadline, and what it consumed.
#[derive(Debug)]
pub struct Session<'store> {
    pub(crate) store: &'store Store,
    deadline: Timestamp,
    tally: Mutex<Tally>,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Transacted {
    /// All its actions happened.
    Committed,
    /// None happened. One reason for each action, in the actions' order.
    Cancelled(Vec<Reason>),
    /// None happened. What was in the way of the whole request.
    Busy(Busy),
}

/// How a conditional write of one item ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// The item as it is now.
    Done(Item),
    /// The condition failed. The item as it is, if there is one.
    ConditionFailed(Option<Item>),
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
    /// Whether the page is in the order of the index, or in the reverse order.
    pub forward: bool,
    /// How many keys at most.
    pub limit: i32,
    /// The key after which the page begins.
    pub after: Option<&'page Item>,
}

impl Store {
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
    /// The time, randomness and waiting of the store.
    pub fn world(&self) -> &World {
        &self.store.world
    }

    /// What the invocation consumed so far.
    pub fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a write of this invocation got no answer that says whether it
    /// happened. Then only the record can tell, even if a later request fails in a
    /// way that proves something about itself.
    pub fn may_have_written(&self) -> bool {
        self.tally().unanswered != 0
    }

    /// How long the next request may take. `None` if there is no time for one.
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.until_reserve();
        if left < REQUEST_LEAST {
            return None;
        }
        let most = SignedDuration::from_secs(REQUEST_SECONDS_MAX);
        Duration::try_from(left.min(most)).ok()
    }

    /// How much of the invocation is left, without the time to answer.
    pub fn until_reserve(&self) -> SignedDuration {
        self.deadline.duration_since(self.world().machine_now()) - RESERVE
    }

    /// A new client request token: 128 random bits.
    pub fn token(&self) -> String {
        let mut bytes = [0; 16];
        self.world().fill(&mut bytes);
        data_encoding::HEXLOWER.encode(&bytes)
    }

    /// Applies all actions or none. No two may be on the same item.
    pub(crate) async fn transact(
        &self,
        actions: &[Action<'_>],
        token: String,
    ) -> Result<Transacted, Failure> {
        let table = &self.store.table;
        let actions = actions.iter().map(|action| action.request(table));
        let actions: Result<Vec<_>, Failure> = actions.collect();
        let request = self
            .store
            .client
            .transact_write_items()
            .set_transact_items(Some(actions?))
            .client_request_token(token)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.note(|tally| tally.transactions += 1);
        self.begin_write()?;
        let answer = self.within_time(request.send()).await?;
        self.answered(&answer);
        match answer {
            Ok(output) => {
                self.wrote(sum_of_units(output.consumed_capacity()));
                Ok(Transacted::Committed)
            }
            Err(error) => self.not_committed(&error),
        }
    }

    /// Puts a record if no item has its primary key.
    pub(crate) async fn put_absent(&self, record: &Item) -> Result<Written, Failure> {
        let request = self
            .store
            .client
            .put_item()
            .table_name(&self.store.table)
            .set_item(Some(record.clone()))
            .condition_expression(ABSENT)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.begin_write()?;
        let answer = self.within_time(request.send()).await?;
        self.answered(&answer);
        match answer {
            Ok(output) => {
                self.wrote(units(output.consumed_capacity()));
                Ok(Written::Done(record.clone()))
            }
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Written::ConditionFailed(failed.item().cloned()))
                }
                _ => Err(self.failure(&error)),
            },
        }
    }

    /// Applies one effect.
    ///
    /// # Errors
    /// There is no answer that decides anything.
    pub async fn update_item(&self, effect: Effect) -> Result<Written, Failure> {
        let condition = effect.condition_expression();
        let request = self
            .store
            .client
            .update_item()
            .table_name(&self.store.table)
            .set_key(Some(effect.key))
            .update_expression(effect.update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(placeholders(effect.names))
            .set_expression_attribute_values(Some(effect.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        self.begin_write()?;
        let answer = self.within_time(request.send()).await?;
        self.answered(&answer);
        match answer {
            Ok(output) => {
                self.wrote(units(output.consumed_capacity()));
                Ok(Written::Done(output.attributes.unwrap_or_default()))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Written::ConditionFailed(failed.item().cloned()))
                }
                _ => Err(self.failure(&error)),
            },
        }
    }

    /// Reads one item, strongly consistent.
    ///
    /// # Errors
    /// There is no answer.
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
                self.read(units(output.consumed_capacity()));
                Ok(output.item)
            }
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Reads the keys of one page of an index. The index lags behind the table.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn query(&self, page: &Page<'_>) -> Result<Vec<Item>, Failure> {
        let output = self.queried(page, None).await?;
        Ok(output.items.unwrap_or_default())
    }

    /// Counts the keys of one page of an index. Returns whether more follow, too.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn count(&self, page: &Page<'_>) -> Result<(u32, bool), Failure> {
        let output = self.queried(page, Some(Select::Count)).await?;
        let more = output.last_evaluated_key.is_some();
        Ok((u32::try_from(output.count).unwrap_or_default(), more))
    }

    async fn queried(
        &self,
        page: &Page<'_>,
        select: Option<Select>,
    ) -> Result<QueryOutput, Failure> {
        let request = self
            .store
            .client
            .query()
            .table_name(&self.store.table)
            .index_name(page.index)
            .set_select(select)
            .key_condition_expression(page.condition)
            .set_expression_attribute_names(placeholders(page.names))
            .set_expression_attribute_values(Some(page.values.clone()))
            .scan_index_forward(page.forward)
            .limit(page.limit)
            .set_exclusive_start_key(page.after.cloned())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.within_time(request.send()).await? {
            Ok(output) => {
                self.read(units(output.consumed_capacity()));
                Ok(output)
            }
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Reads the items of these primary keys (at most 100), strongly consistent
    /// and in any order. Returns the items, and the keys that were not read.
    ///
    /// # Errors
    /// There is no answer.
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
                self.read(sum_of_units(output.consumed_capacity()));
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

    /// Counts a round trip, and ends the wait for its answer when its time is over.
    pub(crate) async fn within_time<T>(
        &self,
        request: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        let Some(limit) = self.time_left() else {
            return Err(Failure::Unknown(NO_TIME.to_owned()));
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

    /// Counts a write as unanswered. It stays so until [`Session::answered`], even if it
    /// is given up half-way.
    fn begin_write(&self) -> Result<(), Failure> {
        if self.time_left().is_none() {
            return Err(Failure::Unknown(NO_TIME.to_owned()));
        }
        self.note(|tally| tally.unanswered += 1);
        Ok(())
    }

    /// Counts a write as answered, if its answer says whether it happened.
    fn answered<T, E>(&self, answer: &Result<T, SdkError<E>>)
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let is_unknown = |error: &SdkError<E>| matches!(Failure::of(error), Failure::Unknown(_));
        if !answer.as_ref().is_err_and(is_unknown) {
            self.note(|tally| tally.unanswered -= 1);
        }
    }

    /// What the error of a transaction says about it.
    fn not_committed(
        &self,
        error: &SdkError<TransactWriteItemsError>,
    ) -> Result<Transacted, Failure> {
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return match self.failure(error) {
                Failure::Busy(busy) => Ok(Transacted::Busy(busy)),
                failure @ (Failure::Unknown(_) | Failure::Invalid(_)) => Err(failure),
            };
        };
        let reasons = cancelled.cancellation_reasons();
        let reasons: Vec<_> = reasons.iter().map(Reason::of).collect();
        self.note(|tally| {
            tally.cancelled += 1;
            let met_another = reasons.contains(&Reason::Conflict);
            let is_full = reasons.contains(&Reason::Throttled);
            tally.conflicts += u32::from(met_another);
            tally.throttled += u32::from(is_full && !met_another);
        });
        Ok(Transacted::Cancelled(reasons))
    }

    pub(crate) fn failure<E>(&self, error: &SdkError<E>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let failure = Failure::of(error);
        self.note(|tally| match failure {
            Failure::Busy(Busy::Conflict) => tally.conflicts += 1,
            Failure::Busy(Busy::Throttled) => tally.throttled += 1,
            Failure::Busy(Busy::TokenMismatch) | Failure::Unknown(_) | Failure::Invalid(_) => {}
        });
        failure
    }

    fn wrote(&self, units: f64) {
        self.note(|tally| tally.write_units += units);
    }

    pub(crate) fn read(&self, units: f64) {
        self.note(|tally| tally.read_units += units);
    }

    fn note(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn invalid(error: impl std::fmt::Display) -> Failure {
    Failure::Invalid(error.to_string())
}
