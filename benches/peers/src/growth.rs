//! Counts what one order asks of the database when the table has few orders and when it has many.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};

use crate::candidates::Candidate;
use crate::measure::{Count, count};
use crate::place::Place;
use crate::{Fallible, say};

/// The most items that DynamoDB takes at once.
const AT_ONCE: u32 = 25;

/// The counts at one size of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grown {
    pub(crate) orders: u32,
    pub(crate) count: Count,
}

/// Fills one table further and further, up to `most` orders, and counts at each size.
pub(crate) async fn growth(orders: &Candidate, most: u32) -> Fallible<Vec<Grown>> {
    let place = Place::metered().await?;
    let mut grown = Vec::new();
    let mut filled = 0;
    for size in [10, 10_000, most] {
        say(&format!("one order in a table of {size}"));
        while filled < size {
            let next = (filled + AT_ONCE).min(size);
            fill(&place.client, &place.table, filled..next).await?;
            filled = next;
        }
        let key = format!("{}-among-{size}", orders.name);
        grown.push(Grown {
            orders: size,
            count: count(&place, orders, &key).await?,
        });
    }
    Ok(grown)
}

async fn fill(client: &Client, table: &str, numbers: std::ops::Range<u32>) -> Fallible<()> {
    let put = |number| {
        let put = PutRequest::builder()
            .set_item(Some(order(number)))
            .build()?;
        Fallible::Ok(WriteRequest::builder().put_request(put).build())
    };
    let puts: Vec<WriteRequest> = numbers.map(put).collect::<Fallible<_>>()?;
    let written = client
        .batch_write_item()
        .request_items(table, puts)
        .send()
        .await?;
    let left = written.unprocessed_items.unwrap_or_default();
    if left.values().any(|puts| !puts.is_empty()) {
        return Err("the embedded database did not take every order".into());
    }
    Ok(())
}

/// A pending order of one of a hundred customers. It is in all three indexes.
fn order(number: u32) -> HashMap<String, AttributeValue> {
    let text = |text: String| AttributeValue::S(text);
    let whole = |number: i64| AttributeValue::N(number.to_string());
    let id = format!("ord_{number:026}");
    let created = 1_700_000_000_000 + i64::from(number) * 1_000;
    let line = HashMap::from([
        ("sku".to_owned(), text("TEA-01".to_owned())),
        ("quantity".to_owned(), whole(2)),
        ("unit_price".to_owned(), whole(19_900)),
    ]);
    [
        ("pk", text(format!("ORD#{id}"))),
        ("sk", text("ORDER".to_owned())),
        ("id", text(id)),
        ("status", text("pending".to_owned())),
        ("owner", text(format!("local#customer-{}", number % 100))),
        ("currency", text("KRW".to_owned())),
        ("total", whole(39_800)),
        ("lines", AttributeValue::L(vec![AttributeValue::M(line)])),
        ("created_at", text(format!("{created:015}"))),
        (
            "hold_expires_at",
            text(format!("{:015}", created + 900_000)),
        ),
        ("expiry_shard", text(format!("EXPIRY#{}", number % 8))),
        ("day_shard", text(format!("2026-11-22#{}", number % 8))),
        ("version", whole(1)),
        ("answer_version", whole(1)),
        ("fingerprint", text("0".repeat(43))),
        ("fingerprint_version", whole(1)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
