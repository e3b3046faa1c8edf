//! What the partitions of the database take in a second.
//!
//! Sources: "Partitions and data distribution" in the DynamoDB Developer Guide, for 1,000 write
//! units and 3,000 read units a second; and Elhemali et al., "Amazon DynamoDB: A Scalable,
//! Predictably Performant, and Fully Managed NoSQL Database Service" (USENIX ATC 2022), for the
//! token buckets that enforce them. Each partition key has a partition to itself here, which is
//! the best that a table can come to when it is under load.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::request::{Operation, Request, text};

const WRITE_UNITS_A_SECOND: u32 = 1_000;
const READ_UNITS_A_SECOND: u32 = 3_000;

/// For how long a partition that was idle has saved units. DynamoDB tells no figure. A short time
/// keeps what a partition takes in any second near the documented limit.
const SAVED: Duration = Duration::from_millis(100);

/// What each partition has taken, and what all took together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Throughput {
    /// When each partition has all its units back: a token bucket that is emptied up to there.
    writes: BTreeMap<String, Duration>,
    reads: BTreeMap<String, Duration>,
    /// All units so far.
    pub(crate) units: u64,
    /// How many requests were turned away.
    pub(crate) throttled: u64,
}

impl Throughput {
    /// Takes the units of a request. Returns the places of the items whose partition has no more.
    /// A request that is turned away takes nothing. One that is not applied takes its units, but
    /// none in the indexes.
    pub(crate) fn take(&mut self, request: &Request, now: Duration, applied: bool) -> Vec<usize> {
        let each = match request.operation {
            Operation::TransactWriteItems => 2,
            _ => 1,
        };
        let (buckets, a_second) = if request.operation.writes() {
            (&mut self.writes, WRITE_UNITS_A_SECOND)
        } else {
            (&mut self.reads, READ_UNITS_A_SECOND)
        };
        let mut partitions: Vec<(usize, String, u32)> = Vec::new();
        for (place, (pk, _)) in request.keys.iter().enumerate() {
            partitions.push((place, pk.clone(), each));
        }
        let actions = if applied { request.actions() } else { &[] };
        for (place, action) in actions.iter().enumerate() {
            for partition in indexed(action) {
                partitions.push((place, partition, 1));
            }
        }
        let refilled = |bucket: Option<&Duration>, units: u32| {
            bucket.copied().unwrap_or_default().max(now)
                + Duration::from_secs(units.into()) / a_second
        };
        let full = |(_, partition, units): &&(usize, String, u32)| {
            now + SAVED < refilled(buckets.get(partition), *units)
        };
        let full: Vec<usize> = partitions
            .iter()
            .filter(full)
            .map(|(place, ..)| *place)
            .collect();
        if full.is_empty() {
            for (_, partition, units) in partitions {
                let bucket = refilled(buckets.get(&partition), units);
                buckets.insert(partition, bucket);
                self.units += u64::from(units);
            }
        } else {
            self.throttled += 1;
        }
        full
    }
}

/// The partitions of the indexes that a new item goes to.
fn indexed(action: &Value) -> Vec<String> {
    let Some(item) = action.get("Put").and_then(|put| put.get("Item")) else {
        return Vec::new();
    };
    let names = ["owner", "expiry_shard", "day_shard"];
    let partition = |name: &&str| Some(format!("{name} {}", text(item, name)?));
    names.iter().filter_map(partition).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn update(pk: &str) -> Request {
        let key = json!({"pk": {"S": pk}, "sk": {"S": "STOCK#0"}});
        let body = json!({"TransactItems": [{"Update": {"Key": key}}]});
        Request::read(1, "TransactWriteItems", body).unwrap()
    }

    #[test]
    fn a_partition_takes_five_hundred_transactions_a_second_at_an_even_pace() {
        let mut throughput = Throughput::default();
        let mut taken = |pk: &str, milliseconds| {
            throughput
                .take(&update(pk), Duration::from_millis(milliseconds), true)
                .is_empty()
        };
        // The hundred units that it had saved, and then two every two milliseconds.
        assert!((0..50).all(|_| taken("TEA", 0)));
        assert!(!taken("TEA", 1));
        assert!(taken("CUP", 1));
        let later = (1..=1_000).filter(|number| taken("TEA", *number)).count();
        assert_eq!(later, 500);
        assert!((0..50).all(|_| taken("TEA", 2_000)));
        assert!(!taken("TEA", 2_000));
        assert_eq!(throughput.throttled, 502);
    }

    #[test]
    fn a_transaction_that_is_not_applied_takes_the_units_of_its_items_and_none_of_an_index() {
        let item = json!({
            "pk": {"S": "ORD#1"}, "sk": {"S": "ORDER"}, "owner": {"S": "somebody"},
        });
        let body = json!({"TransactItems": [{"Put": {"Item": item}}]});
        let order = Request::read(1, "TransactWriteItems", body).unwrap();
        let mut throughput = Throughput::default();
        assert!(throughput.take(&order, Duration::ZERO, false).is_empty());
        assert_eq!(throughput.units, 2);
        assert!(throughput.take(&order, Duration::ZERO, true).is_empty());
        assert_eq!(throughput.units, 5);
    }
}
