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
pub(crate) mod tests {
    use lambda_http::Body;
    use shared::caller::Caller;

    use super::*;

    /// When the order of these tests was placed.
    pub(crate) const NOW: Moment = Moment::from_millis(1_795_320_306_789);

    /// The request that placed it.
    pub(crate) const BODY: &[u8] = br#"{"currency": "KRW", "lines": [
        {"sku": "TEA-01", "quantity": 2, "unit_price": 19900},
        {"sku": "CUP-01", "quantity": 1, "unit_price": 100}
    ]}"#;

    /// A pending order of two products.
    pub(crate) fn order() -> Order {
        let caller = Caller {
            issuer: "local".to_owned(),
            sub: "demo".to_owned(),
            scopes: [].into(),
            client_id: None,
        };
        let id = OrderId::derive(&caller, &"key-1".parse().unwrap());
        let customer = Customer::try_from(&caller).unwrap();
        Order::placed(&id, &customer, &Draft::parse(BODY).unwrap(), NOW)
    }

    /// The version of the answers and fingerprints of a made-up later release.
    pub(crate) const LATER_VERSION: i64 = 3;

    /// The answer of the later release: the version is another.
    pub(crate) fn later_view(order: &Order) -> OrderView<'_> {
        OrderView {
            version: LATER_VERSION,
            ..order.view_as_placed()
        }
    }

    /// The body of an answer.
    pub(crate) fn body_of(answer: Result<Answer, Error>) -> Result<String, Error> {
        let Body::Text(body) = answer?.into_response().into_body() else {
            panic!("the body is not text");
        };
        Ok(body)
    }

    fn placed(order: &Order) -> Result<String, Error> {
        body_of(order.answer(Outcome::Placed))
    }

    #[test]
    fn an_order_is_answered_in_the_version_it_was_placed_with() {
        // If this text changed, so would the replays of every order.
        let ours = Order {
            status: Status::Confirmed,
            version: 2,
            ..order()
        };
        let body = format!(
            r#"{{"id":"{}","status":"pending","currency":"KRW","total":39900,"version":1,"lines":[{{"sku":"CUP-01","quantity":1,"unit_price":100}},{{"sku":"TEA-01","quantity":2,"unit_price":19900}}],"created_at":"2026-11-22T04:05:06.789Z","hold_expires_at":"2026-11-22T04:20:06.789Z"}}"#,
            ours.id()
        );
        assert_eq!(placed(&ours), Ok(body.clone()));
        let later = Order {
            answer_version: LATER_VERSION,
            ..ours.clone()
        };
        let later_body = body.replace(r#""version":1"#, r#""version":3"#);
        assert_eq!(placed(&later), Ok(later_body));
        for answer_version in [0, LATER_VERSION + 1] {
            let unknown = Order {
                answer_version,
                ..ours.clone()
            };
            assert_eq!(placed(&unknown), Err(Error::OutcomeUnknown));
        }
    }

    #[test]
    fn only_an_order_from_another_shard_is_in_a_partition_that_the_release_before_does_not_read() {
        let numbers = |order: &Order| {
            let number = |partition: &Option<String>| -> u32 {
                let (_, number) = partition.as_deref().unwrap().rsplit_once('#').unwrap();
                number.parse().unwrap()
            };
            (number(&order.expiry_shard), number(&order.day_shard))
        };
        let mut seen = std::collections::BTreeSet::new();
        for letter in 'a'..='z' {
            let id = format!("ord_{}", letter.to_string().repeat(26));
            let order = Order { id, ..order() };
            let first = order.clone().taken_from([SHARD, SHARD]);
            assert_eq!(first, order);
            let (expiry, day) = numbers(&order.taken_from([SHARD, 5]));
            seen.extend([expiry, day]);
        }
        assert_eq!(numbers(&order()).0 / 8, 0);
        assert_eq!(numbers(&order()).1 / 8, 0);
        assert!(seen.iter().any(|number| 8 <= *number), "{seen:?}");
        assert!(seen.iter().all(|number| *number < 32), "{seen:?}");
    }

    #[test]
    fn a_later_change_of_an_order_does_not_change_the_answer_to_its_placement() {
        let first = order();
        let later = Order {
            status: Status::Expired,
            version: 3,
            expiry_shard: None,
            expired_at: Some(NOW.plus_seconds(1_000)),
            ..first.clone()
        };
        assert_eq!(placed(&later), placed(&first));
        assert_ne!(
            serde_json::to_string(&later.view()).unwrap(),
            placed(&first).unwrap()
        );
    }

    #[test]
    fn a_client_sees_everything_that_happened_to_an_order() {
        let moment = |seconds| Some(NOW.plus_seconds(seconds));
        let order = Order {
            status: Status::Fulfilled,
            version: 4,
            confirmed_at: moment(1),
            payment_reference: Some("pay_1".to_owned()),
            cancelled_at: moment(2),
            expired_at: moment(3),
            fulfilled_at: moment(4),
            fulfilment_reference: Some("parcel 7".to_owned()),
            returned: vec![Goods {
                sku: "CUP-01".parse().unwrap(),
                quantity: 1,
            }],
            ..order()
        };
        let view = serde_json::to_value(order.view()).unwrap();
        let at = |second: u8| format!("2026-11-22T04:05:{:02}.789Z", 6 + second);
        for (member, expected) in [
            ("status", "fulfilled".to_owned()),
            ("confirmed_at", at(1)),
            ("payment_reference", "pay_1".to_owned()),
            ("cancelled_at", at(2)),
            ("expired_at", at(3)),
            ("fulfilled_at", at(4)),
            ("fulfilment_reference", "parcel 7".to_owned()),
        ] {
            assert_eq!(view[member], expected, "{member}");
        }
        assert_eq!(
            (&view["version"], &view["returned"][0]["quantity"]),
            (&4.into(), &1.into())
        );
    }

    #[test]
    fn pending_orders_wait_in_each_of_the_eight_partitions() {
        let shard = |number: usize| {
            let caller = Caller {
                issuer: "local".to_owned(),
                sub: "demo".to_owned(),
                scopes: [].into(),
                client_id: None,
            };
            let key = format!("key-{number}").parse().unwrap();
            expiry_shard_of(
                OrderId::derive(&caller, &key).as_str(),
                EXPIRY_SHARDS_OF_ORDINARY,
            )
        };
        let used: std::collections::BTreeSet<String> = (0..200).map(shard).collect();
        let all: Vec<String> = (0..8).map(|number| format!("EXPIRY#{number}")).collect();
        assert_eq!(used.into_iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn what_came_back_is_counted_for_each_product() {
        let goods = |sku: &str, quantity| Goods {
            sku: sku.parse().unwrap(),
            quantity,
        };
        let order = Order {
            returned: vec![goods("CUP-01", 1), goods("TEA-01", 5)],
            ..order()
        };
        let returned = |sku: &str| order.returned_of(&sku.parse().unwrap());
        assert_eq!(
            (returned("CUP-01"), returned("TEA-01"), returned("SOAP")),
            (1, 5, 0)
        );
    }

    #[test]
    fn an_order_is_stored_with_its_count_of_returns_only_if_it_had_one() {
        let stored = |return_count| {
            let order = Order {
                return_count,
                ..order()
            };
            let item = crate::record::item_of(&order).unwrap();
            assert_eq!(item["pk"], once::text(format!("ORD#{}", order.id())));
            item.get("return_count").cloned()
        };
        assert_eq!(stored(0), None);
        assert_eq!(stored(2), Some(once::number(2)));
    }
}
