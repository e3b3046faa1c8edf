//! An order: as the table holds it, and as clients see it when it is placed and
//! later.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Outcome};
use crate::customer::Customer;
use crate::day::{self, DAY_SHARDS, DAY_SHARDS_OF_ORDINARY};
use crate::draft::Draft;
use crate::error::Error;
use crate::goods::Goods;
use crate::metadata::{Metadata, Reference};
use crate::moment::Moment;
use crate::order_id::{OrderId, SORT_KEY};
use crate::order_view::{LineView, OrderView};
use crate::product::{Currency, SHARD, Sku};
use crate::status::Status;

/// How long an order holds its stock before it may expire.
pub(crate) const HOLD_SECONDS: i64 = 900;

/// Over how many index partitions pending orders are spread.
pub(crate) const EXPIRY_SHARDS: u32 = 32;

/// In which of these ordinary orders are: the first ones. The release before looks only there,
/// so a deployment can be rolled back. Only a sale fills them.
const EXPIRY_SHARDS_OF_ORDINARY: u32 = 8;

/// The name of an index partition of pending orders.
pub(crate) fn expiry_shard(number: u32) -> String {
    format!("EXPIRY#{number}")
}

/// The index partition, among so many, that a pending order waits in.
fn expiry_shard_of(id: &str, partitions: u32) -> String {
    let sum: u32 = id.bytes().map(u32::from).sum();
    expiry_shard(sum % partitions)
}

/// One product of an order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct OrderLine {
    /// The product.
    pub(crate) sku: Sku,
    /// How many.
    pub(crate) quantity: i64,
    /// The price of one that the customer saw.
    pub(crate) unit_price: i64,
    /// The shards of the stock that they were taken from, and go back to.
    pub(crate) allocations: Vec<Allocation>,
}

/// A quantity that was taken from one shard of a product's stock.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Allocation {
    /// The shard.
    pub(crate) shard: u32,
    /// How many.
    pub(crate) quantity: i64,
}

/// An order as the table holds it. It also records that its idempotency key was
/// used.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Order {
    /// `ORD#` and the id.
    pub(crate) pk: String,
    /// [`SORT_KEY`].
    pub(crate) sk: String,
    /// The id, without a prefix. The events that are made from the table's stream
    /// can copy an attribute, but not cut it. Nothing here reads it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) id: String,
    /// Its status.
    pub(crate) status: Status,
    /// The customer.
    pub(crate) owner: String,
    /// The currency of all its prices.
    pub(crate) currency: Currency,
    /// The sum, in the currency's smallest unit.
    pub(crate) total: i64,
    /// One line for each product, sorted by product.
    pub(crate) lines: Vec<OrderLine>,
    /// When it was placed.
    pub(crate) created_at: Moment,
    /// The earliest time at which it may expire. It is part of the answer and never
    /// changes.
    pub(crate) hold_expires_at: Moment,
    /// Its index partition, only while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expiry_shard: Option<String>,
    /// Its partition in the index of orders by day. Orders of the first release have
    /// none. It never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) day_shard: Option<String>,
    /// Changes with every change of the order: its ETag.
    pub(crate) version: i64,
    /// The version of the answer to its placement.
    pub(crate) answer_version: i64,
    /// The fingerprint of the request.
    pub(crate) fingerprint: String,
    /// The fingerprint's version.
    pub(crate) fingerprint_version: i64,
    /// The shop's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<Reference>,
    /// The shop's texts.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub(crate) metadata: Metadata,
    /// The payment that confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payment_reference: Option<String>,
    /// When it was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confirmed_at: Option<Moment>,
    /// When it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancelled_at: Option<Moment>,
    /// When it expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expired_at: Option<Moment>,
    /// When its goods left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fulfilled_at: Option<Moment>,
    /// The fulfilment's name, such as a parcel's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fulfilment_reference: Option<String>,
    /// What came back of it, one entry for each product, sorted by product.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) returned: Vec<Goods>,
    /// How many returns it had.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) return_count: i64,
}

impl Order {
    /// The order that a draft becomes if its stock can be taken from shard 0 of each
    /// product.
    pub fn placed(id: &OrderId, customer: &Customer, draft: &Draft, now: Moment) -> Self {
        let line = |line: &crate::draft::Line| OrderLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            allocations: vec![Allocation {
                shard: SHARD,
                quantity: line.quantity,
            }],
        };
        Self {
            pk: id.partition(),
            sk: SORT_KEY.to_owned(),
            id: id.as_str().to_owned(),
            status: Status::Pending,
            owner: customer.as_str().to_owned(),
            currency: draft.currency.clone(),
            total: draft.total,
            lines: draft.lines.iter().map(line).collect(),
            created_at: now,
            hold_expires_at: now.plus_seconds(HOLD_SECONDS),
            expiry_shard: Some(expiry_shard_of(id.as_str(), EXPIRY_SHARDS_OF_ORDINARY)),
            day_shard: Some(day::shard_of(id.as_str(), now, DAY_SHARDS_OF_ORDINARY)),
            version: 1,
            answer_version: draft.version(),
            fingerprint: draft.fingerprint_now().as_str().to_owned(),
            fingerprint_version: draft.version(),
            reference: draft.reference.clone(),
            metadata: draft.metadata.clone(),
            payment_reference: None,
            confirmed_at: None,
            cancelled_at: None,
            expired_at: None,
            fulfilled_at: None,
            fulfilment_reference: None,
            returned: Vec::new(),
            return_count: 0,
        }
    }

    /// The same order with the stock of each line taken from one of these shards, in the
    /// order of the lines.
    ///
    /// An order that takes from another shard than the first is one of many a second, so it is
    /// spread over all partitions of the indexes.
    pub(crate) fn taken_from(mut self, shards: impl IntoIterator<Item = u32>) -> Self {
        for (line, shard) in self.lines.iter_mut().zip(shards) {
            let quantity = line.quantity;
            line.allocations = vec![Allocation { shard, quantity }];
            if shard != SHARD {
                self.expiry_shard = Some(expiry_shard_of(&self.id, EXPIRY_SHARDS));
                let day_shard = day::shard_of(&self.id, self.created_at, DAY_SHARDS);
                self.day_shard = Some(day_shard);
            }
        }
        self
    }

    /// How many of a product came back.
    pub(crate) fn returned_of(&self, sku: &Sku) -> i64 {
        let returned = self.returned.iter().filter(|goods| goods.sku == *sku);
        returned.map(|goods| goods.quantity).sum()
    }

    /// The order's id.
    pub(crate) fn id(&self) -> &str {
        self.pk.strip_prefix("ORD#").unwrap_or(&self.pk)
    }

    /// The order as it is now, as a client sees it.
    pub(crate) fn view(&self) -> OrderView<'_> {
        let shown = |moment: Option<Moment>| moment.map(|moment| moment.to_string());
        OrderView {
            status: self.status,
            version: self.version,
            confirmed_at: shown(self.confirmed_at),
            payment_reference: self.payment_reference.as_deref(),
            cancelled_at: shown(self.cancelled_at),
            expired_at: shown(self.expired_at),
            fulfilled_at: shown(self.fulfilled_at),
            fulfilment_reference: self.fulfilment_reference.as_deref(),
            returned: &self.returned,
            ..self.view_as_placed()
        }
    }

    /// The answer to the placement: the same bytes each time. It is rebuilt from
    /// what never changes. Each version of the answer stays as it is for good.
    ///
    /// # Errors
    /// A newer release gave the answer, in a form that this one does not know.
    pub(crate) fn answer(&self, outcome: Outcome) -> Result<Answer, Error> {
        let view = match self.answer_version {
            1 | 2 => self.view_as_placed(),
            // A made-up later version: with it, tests have two to tell apart.
            #[cfg(test)]
            tests::LATER_VERSION => tests::later_view(self),
            _ => return Err(Error::unreadable()),
        };
        let answer = Answer::json(outcome, StatusCode::CREATED, &view)?;
        Ok(answer.location(format!("/orders/{}", self.id())).etag(1))
    }

    fn view_as_placed(&self) -> OrderView<'_> {
        let line = |line: &'_ OrderLine| LineView {
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
        };
        OrderView {
            id: self.id(),
            status: Status::Pending,
            currency: self.currency.as_str(),
            total: self.total,
            version: 1,
            lines: self.lines.iter().map(line).collect(),
            created_at: self.created_at.to_string(),
            hold_expires_at: self.hold_expires_at.to_string(),
            reference: self.reference.as_ref().map(Reference::as_str),
            metadata: &self.metadata,
            confirmed_at: None,
            payment_reference: None,
            cancelled_at: None,
            expired_at: None,
            fulfilled_at: None,
            fulfilment_reference: None,
            returned: &[],
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}

#[cfg(test)]
pub(crate) mod tests;
