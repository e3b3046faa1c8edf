//! Moves stock between the shards of a product.
//!
//! A move that is lost, or happens twice, only puts pieces elsewhere. No number of the
//! product changes, so nobody needs to know whether it happened.

use std::time::Duration;

use once::{Action, Effect, Item, Pace, Patience, Reason, Session, Unsettled, number};

use crate::collect::{Collected, Source, collect};
use crate::product::{Sku, stock_key};

/// Gives pieces to another shard …
const GIVE: &str = "SET available = available - :x, \
    levelled = if_not_exists(levelled, :zero) - :x, version = version + :one";

/// … if it has them.
const GIVE_CONDITION: &str = "available >= :x";

/// Gets pieces from another shard.
const GET: &str = "SET available = available + :x, \
    levelled = if_not_exists(levelled, :zero) + :x, version = version + :one";

/// A shard that gets pieces exists.
const GET_CONDITION: &str = "attribute_exists(pk)";

/// How many shards get pieces in one transaction. A transaction on all shards of a busy
/// product would meet others each time.
const RECIPIENTS_MAX: usize = 8;

/// How long a move fights for its turn. If it does not get one, an order moves the pieces
/// when it needs them.
const PATIENCE: Patience = Patience {
    tries_max: 16,
    time_max: Duration::from_millis(500),
};

/// Takes pieces from a shard, for another one in the same transaction.
pub(crate) fn give(sku: &Sku, shard: u32, pieces: i64) -> Effect {
    movement(sku, shard, pieces, (GIVE, GIVE_CONDITION))
}

fn get(sku: &Sku, shard: u32, pieces: i64) -> Effect {
    movement(sku, shard, pieces, (GET, GET_CONDITION))
}

fn movement(
    sku: &Sku,
    shard: u32,
    pieces: i64,
    (update, condition): (&'static str, &'static str),
) -> Effect {
    Effect {
        key: stock_key(sku, shard),
        update,
        condition: condition.into(),
        names: &[],
        values: Item::from([
            (":x".to_owned(), number(pieces)),
            (":zero".to_owned(), number(0)),
            (":one".to_owned(), number(1)),
        ]),
    }
}

/// Fills up the shard of a source, apart from the order that takes from it.
///
/// # Errors
/// The move was not made, or it is not known.
pub(crate) async fn fill(
    session: &Session<'_>,
    sku: &Sku,
    source: &Source,
) -> Result<(), Unsettled> {
    let mut moves = vec![get(sku, source.shard, source.given())];
    let gifts = source.donors.iter();
    moves.extend(gifts.map(|(donor, pieces)| give(sku, *donor, *pieces)));
    shift(session, &moves).await
}

/// Spreads what one shard has over all of them, as evenly as it can.
///
/// # Errors
/// Not all of it was spread.
pub(crate) async fn spread_out(
    session: &Session<'_>,
    sku: &Sku,
    shards: u32,
    from: u32,
) -> Result<(), Unsettled> {
    let Some(collected) = collect(session, sku, shards).await? else {
        return Ok(());
    };
    for recipients in shares(&collected, from).chunks(RECIPIENTS_MAX) {
        let given = recipients.iter().map(|(_, pieces)| pieces).sum();
        let mut moves = vec![give(sku, from, given)];
        moves.extend(
            recipients
                .iter()
                .map(|(shard, pieces)| get(sku, *shard, *pieces)),
        );
        shift(session, &moves).await?;
    }
    Ok(())
}

/// How many pieces each other shard gets, so that all have about the same.
fn shares(collected: &Collected, from: u32) -> Vec<(u32, i64)> {
    let count = i64::try_from(collected.shards.len()).unwrap_or(1).max(1);
    let even = collected.available().div_euclid(count);
    let place = usize::try_from(from).unwrap_or_default();
    let has = collected
        .shards
        .get(place)
        .map_or(0, |shard| shard.available);
    let mut spare = has - even;
    let mut shares = Vec::new();
    for (shard, has) in collected.fullest_first().into_iter().rev() {
        let pieces = (even - has).min(spare);
        if shard != from && 0 < pieces {
            spare -= pieces;
            shares.push((shard, pieces));
        }
    }
    shares
}

async fn shift(session: &Session<'_>, moves: &[Effect]) -> Result<(), Unsettled> {
    let actions: Vec<_> = moves.iter().map(Action::Update).collect();
    let mut pace = Pace::new(PATIENCE);
    let cancelled = |reasons: &[Reason]| -> Result<Option<()>, Unsettled> {
        let failed = |reason: &Reason| matches!(reason, Reason::ConditionFailed(_));
        if reasons.iter().any(failed) {
            Err(Unsettled::Busy)
        } else {
            Ok(None)
        }
    };
    let moved = pace.transact(session, &actions, || (), cancelled).await?;
    moved.ok_or_else(|| pace.gave_up(session).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::Shard;

    #[track_caller]
    fn check(available: &[i64], from: u32, expected: &[(u32, i64)]) {
        let shard = |available: &i64| Shard {
            available: *available,
            unsold: *available,
            version: 1,
            details_version: 1,
        };
        let collected = Collected {
            product: Item::new(),
            shards: available.iter().map(shard).collect(),
        };
        assert_eq!(shares(&collected, from), expected);
    }

    #[test]
    fn a_delivery_is_spread_so_that_all_shards_have_about_the_same() {
        check(&[12, 0, 0], 0, &[(2, 4), (1, 4)]);
        check(&[3, 13, 2], 1, &[(2, 4), (0, 3)]);
        check(&[5, 5, 5], 1, &[]);
        check(&[0, 2, 0], 1, &[]);
        check(&[9], 0, &[]);
    }

    #[test]
    fn a_shard_gives_no_more_than_what_it_has_above_the_others() {
        check(&[10, 0, 90, 0], 0, &[]);
        check(&[40, 0, 60, 0], 0, &[(3, 15)]);
    }
}
