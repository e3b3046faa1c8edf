//! Finishes descriptions that did not reach all shards of their product.

use once::{Item, Page, Session, text};

use crate::backlog::BY_EXPIRY;
use crate::error::Error;
use crate::index::{query, read_in_order};
use crate::moment::Moment;
use crate::product::Sku;
use crate::read;
use crate::roll::{ROLLING, roll};

/// How many marks one run looks at. There is hardly ever one.
const MARKS_MAX: i32 = 25;

/// A description has this long to finish by itself.
const PATIENCE_SECONDS: i64 = 10;

/// Rolls the products that have been marked for a while. Returns how many.
///
/// # Errors
/// The marks could not be read, or the last product that failed.
pub(crate) async fn finish(session: &Session<'_>, now: Moment) -> Result<u32, Error> {
    let latest = now.plus_seconds(-PATIENCE_SECONDS).stored();
    let page = Page {
        index: BY_EXPIRY,
        condition: "expiry_shard = :shard AND hold_expires_at <= :latest",
        names: &[],
        values: Item::from([
            (":shard".to_owned(), text(ROLLING)),
            (":latest".to_owned(), text(latest)),
        ]),
        forward: true,
        limit: MARKS_MAX,
        after: None,
    };
    let keys = query(session, &page).await?;
    let (mut finished, mut result) = (0, Ok(()));
    for item in read_in_order(session, &keys).await? {
        match finish_one(session, item).await {
            Ok(rolled) => finished += u32::from(rolled),
            Err(error) => {
                let cause = error.to_string();
                tracing::warn!(
                    cause,
                    "a description was not finished: the next run tries again"
                );
                result = Err(error);
            }
        }
    }
    result.map(|()| finished)
}

async fn finish_one(session: &Session<'_>, item: Item) -> Result<bool, Error> {
    let product = read::parse_product(item)?;
    let Some(sku) = Sku::of_partition(&product.pk) else {
        return Ok(false);
    };
    // The index lags behind.
    if product.expiry_shard.is_none() {
        return Ok(false);
    }
    roll(session, &sku, &product).await?;
    Ok(true)
}
