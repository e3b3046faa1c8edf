//! The database: the embedded DynamoDB, and the behaviour that it lacks.
//!
//! - A transaction takes time and holds its items, so others meet it (TransactionConflict,
//!   TransactionInProgress).
//! - A token is remembered for ten minutes of virtual time.
//! - Indexes lag.
//! - A read of many items can see a transaction item by item.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use database::{Clock, Engine, Response};
use serde_json::{Map, Value, json};

use super::fault::Fate;
use super::journal::{Change, Journal};
use super::request::{Key, Operation, Request, key};
use super::throughput::Throughput;
use super::time::Time;
use template::TableSpec;

/// How long a token is remembered after its transaction was applied.
const TOKEN_KEPT: Duration = Duration::from_mins(10);

/// The table from which indexes are read. It gets the same items, later.
const INDEXES: &str = "indexes";

/// The database, and what was recorded about it.
pub(crate) struct Table {
    /// What it held, and the violations.
    pub(crate) journal: Journal,
    engine: Engine,
    spec: TableSpec,
    items: BTreeMap<Key, Value>,
    held: BTreeMap<Key, u64>,
    tokens: BTreeMap<String, Token>,
    torn: BTreeMap<Key, (Duration, Option<Value>)>,
    index: BTreeMap<(Duration, u64), (Key, Option<Value>)>,
    index_latest: BTreeMap<Key, Duration>,
    sequence: u64,
    /// What the partitions take, if that is limited.
    pub(crate) throughput: Option<Throughput>,
}

struct Token {
    actions: Value,
    done: Option<(Duration, Value)>,
}

struct VirtualClock(Time);

impl Clock for VirtualClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.0.now().as_second()).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now().as_duration().as_secs_f64()
    }
}

impl Table {
    /// An empty table, as the template declares it.
    ///
    /// # Errors
    /// The embedded database refuses it.
    pub(crate) fn new(spec: &TableSpec, time: &Time) -> Result<Self, String> {
        let clock = Arc::new(VirtualClock(time.clone()));
        let engine = Engine::with_clock(clock)?;
        engine.create(spec, &spec.name)?;
        engine.create(spec, INDEXES)?;
        Ok(Self {
            journal: Journal::default(),
            engine,
            spec: spec.clone(),
            items: BTreeMap::new(),
            held: BTreeMap::new(),
            tokens: BTreeMap::new(),
            torn: BTreeMap::new(),
            index: BTreeMap::new(),
            index_latest: BTreeMap::new(),
            sequence: 0,
            throughput: None,
        })
    }

    /// Every item.
    pub(crate) fn items(&self) -> &BTreeMap<Key, Value> {
        &self.items
    }

    /// Begins a transaction: its items are held until [`Table::finish`].
    ///
    /// # Errors
    /// It does not begin, because it was applied before or another one holds its items. The error
    /// is the response.
    pub(crate) fn begin(&mut self, request: &Request, now: Duration) -> Result<(), Response> {
        let actions = request
            .body
            .get("TransactItems")
            .cloned()
            .unwrap_or_default();
        if let Some(name) = request.token() {
            let over = |token: &Token| {
                token
                    .done
                    .as_ref()
                    .is_some_and(|(at, _)| *at + TOKEN_KEPT < now)
            };
            match self.tokens.get(name) {
                Some(token) if over(token) => {}
                Some(token) if token.actions != actions => return Err(mismatch()),
                Some(Token {
                    done: Some((_, answer)),
                    ..
                }) => return Err(Response::ok(answer.clone())),
                Some(Token { done: None, .. }) => return Err(in_progress()),
                None => {}
            }
        }
        let met = request.keys.iter().any(|key| self.held.contains_key(key));
        // A transaction that meets another one consumes write units all the same.
        let full = self.full(request, now, !met);
        let codes = request.keys.iter().enumerate().map(|(place, key)| {
            if full.contains(&place) {
                "ThrottlingError"
            } else if full.is_empty() && self.held.contains_key(key) {
                "TransactionConflict"
            } else {
                "None"
            }
        });
        if met || !full.is_empty() {
            return Err(Response::cancelled(&codes.collect::<Vec<_>>()));
        }
        for key in &request.keys {
            self.held.insert(key.clone(), request.number);
        }
        if let Some(name) = request.token() {
            let token = Token {
                actions,
                done: None,
            };
            self.tokens.insert(name.to_owned(), token);
        }
        Ok(())
    }

    /// Applies a transaction that has begun.
    pub(crate) fn finish(&mut self, request: &Request, now: Duration, fate: &Fate) -> Response {
        for key in &request.keys {
            self.held.remove(key);
        }
        let response = self.apply(request, now, fate);
        let applied = (response.status == 200).then(|| (now, response.body.clone()));
        if let Some(name) = request.token() {
            match (applied, self.tokens.get_mut(name)) {
                (Some(done), Some(token)) => token.done = Some(done),
                // After a cancelled transaction, its token counts as unused.
                _ => drop(self.tokens.remove(name)),
            }
        }
        response
    }

    /// Applies any request that is not a transaction.
    pub(crate) fn execute(&mut self, request: &Request, now: Duration, fate: &Fate) -> Response {
        let met = request.keys.iter().any(|key| self.held.contains_key(key));
        let met = request.operation.writes() && met;
        if !self.full(request, now, !met).is_empty() {
            return Response::error(400, "ProvisionedThroughputExceededException", "");
        }
        if met {
            return Response::error(400, "TransactionConflictException", "");
        }
        match request.operation {
            Operation::Query => self.query(request, now),
            Operation::BatchGetItem => self.batch_get(request, now, fate),
            Operation::Scan => self.scan(request, now),
            Operation::TransactWriteItems
            | Operation::PutItem
            | Operation::UpdateItem
            | Operation::GetItem => self.apply(request, now, fate),
        }
    }

    /// The places of the items whose partitions have no units left in this second. Only what is
    /// applied reaches the indexes.
    fn full(&mut self, request: &Request, now: Duration, applied: bool) -> Vec<usize> {
        let throughput = self.throughput.as_mut();
        throughput.map_or_else(Vec::new, |it| it.take(request, now, applied))
    }

    /// Deletes the items whose time to live is over. Returns their keys.
    pub(crate) fn expire(&mut self, now: Duration) -> Vec<Key> {
        if let Err(error) = self.engine.delete_expired() {
            self.journal.wrong(format!("the time to live: {error}"));
        }
        let attribute = self.spec.ttl.clone().unwrap_or_default();
        let dated = self
            .items
            .iter()
            .filter(|(_, item)| item.get(&attribute).is_some());
        let keys: Vec<_> = dated.map(|(key, _)| key.clone()).collect();
        let changes = self.changes(&keys, true);
        let gone: Vec<_> = changes
            .into_iter()
            .filter(|change| change.new.is_none())
            .collect();
        self.committed(&gone, now, &Fate::default());
        gone.into_iter().map(|change| change.key).collect()
    }

    fn apply(&mut self, request: &Request, now: Duration, fate: &Fate) -> Response {
        let response = self.dispatch(request.operation, request.body.clone());
        if response.status == 200 && request.operation.writes() {
            let changes = self.changes(&request.keys, false);
            self.committed(&changes, now, fate);
        }
        response
    }

    fn dispatch(&mut self, operation: Operation, mut body: Value) -> Response {
        if let Some(body) = body.as_object_mut() {
            // The embedded database times tokens by the real clock. So this file handles them.
            body.remove("ClientRequestToken");
        }
        let answer = self.engine.call(operation.name(), body);
        answer.unwrap_or_else(|defect| {
            self.journal
                .wrong(format!("the embedded database: {operation:?}: {defect}"));
            Response::error(500, "InternalServerError", &defect)
        })
    }

    /// These items before and after the last write.
    fn changes(&mut self, keys: &[Key], expired: bool) -> Vec<Change> {
        let mut changes = Vec::with_capacity(keys.len());
        for key in keys {
            let get = json!({
                "TableName": self.spec.name,
                "Key": {"pk": {"S": key.0}, "sk": {"S": key.1}},
                "ConsistentRead": true,
            });
            let mut response = self.dispatch(Operation::GetItem, get);
            let new = response.body.get_mut("Item").map(Value::take);
            let old = self.items.get(key).cloned();
            let key = key.clone();
            changes.push(Change {
                key,
                old,
                new,
                expired,
            });
        }
        changes
    }

    /// Records a commit in the journal, and when other reads will see it.
    fn committed(&mut self, changes: &[Change], now: Duration, fate: &Fate) {
        self.torn.retain(|_, (visible, _)| now < *visible);
        let count = u32::try_from(changes.len().max(1)).unwrap_or(u32::MAX);
        // Half of the transactions show their record last.
        let reversed = fate.torn.as_micros() % 2 == 1;
        for (place, change) in (1..).zip(changes) {
            let place = if reversed { count + 1 - place } else { place };
            self.torn.remove(&change.key);
            if !fate.torn.is_zero() {
                let visible = now + fate.torn * place / count;
                self.torn
                    .insert(change.key.clone(), (visible, change.old.clone()));
            }
            let (before, after) = (indexed(change.old.as_ref()), indexed(change.new.as_ref()));
            if before != after {
                self.sequence += 1;
                let earlier = self
                    .index_latest
                    .get(&change.key)
                    .copied()
                    .unwrap_or_default();
                let due = (now + fate.lag).max(earlier);
                self.index_latest.insert(change.key.clone(), due);
                self.index
                    .insert((due, self.sequence), (change.key.clone(), after));
            }
            match &change.new {
                Some(new) => drop(self.items.insert(change.key.clone(), new.clone())),
                None => drop(self.items.remove(&change.key)),
            }
        }
        self.journal.commit(now, changes);
    }

    /// Reads an index, after the changes that have reached it by now.
    fn query(&mut self, request: &Request, now: Duration) -> Response {
        while let Some(entry) = self
            .index
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            let (key, item) = entry.remove();
            let outcome = if let Some(item) = item {
                let put = json!({"TableName": INDEXES, "Item": item});
                self.engine.call("PutItem", put)
            } else {
                let key = json!({"pk": {"S": key.0}, "sk": {"S": key.1}});
                let delete = json!({"TableName": INDEXES, "Key": key});
                self.engine.call("DeleteItem", delete)
            };
            if let Err(defect) = outcome {
                self.journal.wrong(format!("the indexes: {defect}"));
            }
        }
        let mut body = request.body.clone();
        if let Some(body) = body.as_object_mut() {
            body.insert("TableName".to_owned(), INDEXES.into());
        }
        self.dispatch(Operation::Query, body)
    }

    /// Reads many items: each is strongly consistent, but they are no snapshot.
    fn batch_get(&mut self, request: &Request, now: Duration, fate: &Fate) -> Response {
        let mut body = request.body.clone();
        let path = format!("/RequestItems/{}/Keys", self.spec.name.replace('/', "~1"));
        let mut left_out = Vec::new();
        if let Some(keys) = body.pointer_mut(&path).and_then(Value::as_array_mut) {
            let kept = keys.len().saturating_sub(fate.unprocessed).max(1);
            left_out = keys.split_off(kept.min(keys.len()));
        }
        let mut response = self.dispatch(Operation::BatchGetItem, body);
        if let Some(answer) = response
            .body
            .as_object_mut()
            .filter(|_| !left_out.is_empty())
        {
            let table = json!({"Keys": left_out, "ConsistentRead": true});
            let unprocessed = Map::from_iter([(self.spec.name.clone(), table)]);
            answer.insert("UnprocessedKeys".to_owned(), unprocessed.into());
        }
        let path = format!("/Responses/{}", self.spec.name);
        self.tear(response.body.pointer_mut(&path), now);
        response
    }

    /// Reads a page of a part of the table. An item that was new a moment ago may be missing, and
    /// one that was changed may be as it was before.
    fn scan(&mut self, request: &Request, now: Duration) -> Response {
        let mut response = self.dispatch(Operation::Scan, request.body.clone());
        self.tear(response.body.pointer_mut("/Items"), now);
        response
    }

    /// Shows the items of a transaction that is not visible yet as they were before it.
    fn tear(&self, items: Option<&mut Value>, now: Duration) {
        let Some(items) = items.and_then(Value::as_array_mut) else {
            return;
        };
        items.retain_mut(|item| {
            let torn = key(item).and_then(|key| self.torn.get(&key));
            match torn.filter(|(visible, _)| now < *visible) {
                Some((_, Some(old))) => *item = old.clone(),
                Some((_, None)) => return false,
                None => {}
            }
            true
        });
    }
}

/// The attributes that the indexes keep of an item, if it is in any.
fn indexed(item: Option<&Value>) -> Option<Value> {
    let item = item?.as_object()?;
    let keys = ["owner", "expiry_shard", "day_shard"];
    if !keys.iter().any(|key| item.contains_key(*key)) {
        return None;
    }
    let names = [
        "pk",
        "sk",
        "owner",
        "created_at",
        "expiry_shard",
        "hold_expires_at",
        "day_shard",
    ];
    let kept = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone())));
    Some(Value::Object(kept.collect()))
}

fn mismatch() -> Response {
    Response::error(400, "IdempotentParameterMismatchException", "")
}

fn in_progress() -> Response {
    Response::error(400, "TransactionInProgressException", "")
}

impl Table {
    /// Checks that the table holds what was committed to it.
    pub(crate) fn compare(&mut self) {
        let mut found = BTreeMap::new();
        let mut start = Value::Null;
        // An answer has a megabyte at most.
        loop {
            let mut scan = json!({"TableName": self.spec.name, "ConsistentRead": true});
            if let (false, Some(members)) = (start.is_null(), scan.as_object_mut()) {
                members.insert("ExclusiveStartKey".to_owned(), start);
            }
            let mut answer = match self.engine.call("Scan", scan) {
                Ok(response) => response.body,
                Err(defect) => {
                    self.journal.wrong(format!("the scan: {defect}"));
                    break;
                }
            };
            let items = answer.get("Items").and_then(Value::as_array);
            for item in items.into_iter().flatten() {
                found.extend(key(item).map(|key| (key, item.clone())));
            }
            let last = answer.get_mut("LastEvaluatedKey").map(Value::take);
            start = last.unwrap_or_default();
            if start.is_null() {
                break;
            }
        }
        let same = found == self.items;
        self.journal.check(same, || {
            "the table does not hold what was committed to it".to_owned()
        });
    }
}

#[cfg(test)]
mod tests;
