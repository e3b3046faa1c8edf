//! Brings the terms of a product to all its shards.
//!
//! One transaction on 64 busy items would never be committed, and a sale must be stoppable.
//! So the shards follow one by one, and a mark says that some may be behind:
//!
//! ```text
//! PUT   new shards ──► shard 0: the terms and the mark ──► the others, one by one ──► no mark ──► 200
//!                       │
//!                       └─ until here both prices are sold; after the 200 only the new one
//! ```
//!
//! Each step can be repeated by anyone: a shard takes terms only if they are newer than its
//! own. The sweeper finishes what nobody repeats.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use once::{Effect, Item, Pace, Session, Unsettled, Written, number, text};

use crate::product::{Product, SHARD, Sku, stock_key};

/// The partition of the index of pending orders in which marks wait. The sweeper of the
/// release before does not read it.
pub(crate) const ROLLING: &str = "ROLLING";

/// The longest pause between two shards.
const PAUSE: Duration = Duration::from_millis(5);

/// A shard without stock and without terms. It is not a product: no list has it.
const CREATE: &str = "SET sellable = :false, details_version = :zero, available = :zero, \
    taken = :zero, shipped = :zero, received = :zero, levelled = :zero, version = :zero";

const FOLLOW_LIMITED: &str = "SET quantity_max = :max, unit_price = :price, currency = :currency, \
    sellable = :sellable, details_version = :new";

const FOLLOW_UNLIMITED: &str = "REMOVE quantity_max SET unit_price = :price, \
    currency = :currency, sellable = :sellable, details_version = :new";

/// A shard never goes back to older terms.
const FOLLOW_CONDITION: &str = "details_version < :new";

const UNMARK: &str = "REMOVE expiry_shard, hold_expires_at";

/// The mark of newer terms stays.
const UNMARK_CONDITION: &str = "details_version = :new";

/// Makes the shards of a product that it does not have yet.
///
/// # Errors
/// Not all could be made.
pub(crate) async fn make(session: &Session<'_>, sku: &Sku, shards: u32) -> Result<(), Unsettled> {
    for shard in SHARD + 1..shards {
        let values = Item::from([
            (":false".to_owned(), AttributeValue::Bool(false)),
            (":zero".to_owned(), number(0)),
        ]);
        let condition = "attribute_not_exists(pk)";
        write(session, effect(sku, shard, CREATE, condition, values)).await?;
    }
    Ok(())
}

/// Brings a product's terms to all its shards, and removes the mark.
///
/// # Errors
/// Some shards may still be behind.
pub(crate) async fn roll(
    session: &Session<'_>,
    sku: &Sku,
    product: &Product,
) -> Result<(), Unsettled> {
    let world = session.world();
    for shard in SHARD + 1..product.shards {
        if shard != SHARD + 1 {
            world.sleep(world.uniform(PAUSE)).await;
        }
        follow(session, sku, shard, product).await?;
    }
    let values = Item::from([(":new".to_owned(), number(product.details_version))]);
    write(
        session,
        effect(sku, SHARD, UNMARK, UNMARK_CONDITION, values),
    )
    .await
}

/// Brings a product's terms to one shard, if they are newer than its own.
///
/// # Errors
/// The shard may still be behind.
pub(crate) async fn follow(
    session: &Session<'_>,
    sku: &Sku,
    shard: u32,
    product: &Product,
) -> Result<(), Unsettled> {
    let mut values = Item::from([
        (":price".to_owned(), number(product.unit_price)),
        (":currency".to_owned(), text(product.currency.as_str())),
        (
            ":sellable".to_owned(),
            AttributeValue::Bool(product.sellable),
        ),
        (":new".to_owned(), number(product.details_version)),
    ]);
    let update = match product.quantity_max {
        Some(quantity_max) => {
            values.insert(":max".to_owned(), number(quantity_max));
            FOLLOW_LIMITED
        }
        None => FOLLOW_UNLIMITED,
    };
    write(
        session,
        effect(sku, shard, update, FOLLOW_CONDITION, values),
    )
    .await
}

fn effect(
    sku: &Sku,
    shard: u32,
    update: &'static str,
    condition: &'static str,
    values: Item,
) -> Effect {
    Effect {
        key: stock_key(sku, shard),
        update,
        condition: condition.into(),
        names: &[],
        values,
    }
}

/// Writes, unless it is done already: then the condition fails.
async fn write(session: &Session<'_>, effect: Effect) -> Result<(), Unsettled> {
    let mut pace = Pace::default();
    let send = |(): &()| session.update_item(effect.clone());
    let read = |written, (): &mut ()| match written {
        Written::Done(_) | Written::ConditionFailed(_) => Ok::<_, Unsettled>(Some(())),
    };
    let written = pace.repeat(session, (), send, read).await?;
    written.ok_or_else(|| pace.gave_up(session).into())
}
