//! Counts what an invocation consumes, for its metrics.

use aws_sdk_dynamodb::types::ConsumedCapacity;

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
    /// Transactions sent.
    pub transactions: u32,
    /// Writes that were sent, and whose answer does not say whether they happened.
    /// Each of them may have happened, or may happen yet.
    pub unanswered: u32,
    /// Requests that met another write.
    pub conflicts: u32,
    /// Requests that met no other write, and that the table or one of its partitions had no
    /// capacity for.
    pub throttled: u32,
    /// Transactions that were cancelled. Their units are not in `write_units`.
    pub cancelled: u32,
}

/// The units that a request on one table consumed.
pub(crate) fn units(capacity: Option<&ConsumedCapacity>) -> f64 {
    capacity
        .and_then(ConsumedCapacity::capacity_units)
        .unwrap_or(0.0)
}

/// The units that a request on several tables consumed.
pub(crate) fn sum_of_units(capacities: &[ConsumedCapacity]) -> f64 {
    capacities
        .iter()
        .filter_map(ConsumedCapacity::capacity_units)
        .sum()
}
