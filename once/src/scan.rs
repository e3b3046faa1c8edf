//! Reads the whole table, page by page, for those who check it.
//!
//! A scan is no snapshot. Each item is read with strong consistency, but two items of one
//! transaction can be read before and after it.

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

use crate::failure::Failure;
use crate::item::Item;
use crate::session::Session;
use crate::tally::units;

/// The most read units that one page can consume: 1 MB in pieces of 4 KB, and the item that
/// crosses the limit.
///
/// Source: "Read consistency and capacity for scans", Amazon DynamoDB Developer Guide.
pub const SCAN_UNITS_MAX: f64 = 357.0;

/// A part of the table. All `of` parts together are the whole table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Segment {
    /// The part's number, from 0.
    pub number: i32,
    /// The number of parts.
    pub of: i32,
}

impl Session<'_> {
    /// Reads one page of a part of the table, strongly consistent. Returns its items, and the key
    /// after which the next page begins, if there is one.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn scan(
        &self,
        segment: Segment,
        after: Option<&Item>,
    ) -> Result<(Vec<Item>, Option<Item>), Failure> {
        let request = self
            .store
            .client
            .scan()
            .table_name(&self.store.table)
            .segment(segment.number)
            .total_segments(segment.of)
            .consistent_read(true)
            .set_exclusive_start_key(after.cloned())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.within_time(request.send()).await? {
            Ok(output) => {
                self.read(units(output.consumed_capacity()));
                Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
            }
            Err(error) => Err(self.failure(&error)),
        }
    }
}
