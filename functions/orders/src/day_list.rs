//! Lists the orders of one day for staff, newest first.
//!
//! A day's orders are spread over several partitions of the index. Each page asks all
//! of them at once, and merges their answers.

use std::cmp::Reverse;

use futures::future::try_join_all;
use once::{Item, Page, Session, text, text_of};

use crate::day::{BY_DAY, DAY_SHARDS, Day};
use crate::day_cursor::DayCursor;
use crate::error::Error;
use crate::index::query;

/// Reads the keys of the day's next `limit` orders, and one more if there is one.
pub(crate) async fn keys(
    session: &Session<'_>,
    day: Day,
    cursor: Option<&DayCursor>,
    limit: i32,
) -> Result<Vec<Item>, Error> {
    let pages = (0..DAY_SHARDS).map(|number| keys_of_shard(session, day, number, cursor, limit));
    let mut keys: Vec<Item> = try_join_all(pages).await?.into_iter().flatten().collect();
    let place = |key: &Item, name| text_of(key, name).unwrap_or_default().to_owned();
    keys.sort_by_cached_key(|key| (Reverse(place(key, "created_at")), place(key, "day_shard")));
    keys.truncate(usize::try_from(limit).unwrap_or_default() + 1);
    Ok(keys)
}

/// The cursor after these keys, which follow `cursor`. `None` if there are no keys.
pub(crate) fn after(day: Day, cursor: Option<DayCursor>, keys: &[Item]) -> Option<DayCursor> {
    let first = || DayCursor::before_first_page(day, keys.first()?);
    let mut cursor = cursor.or_else(first)?;
    for key in keys {
        cursor.advance(day, key);
    }
    Some(cursor)
}

async fn keys_of_shard(
    session: &Session<'_>,
    day: Day,
    number: u32,
    cursor: Option<&DayCursor>,
    limit: i32,
) -> Result<Vec<Item>, Error> {
    let after = cursor.and_then(|cursor| cursor.key(day, number));
    let mut values = Item::from([(":shard".to_owned(), text(day.shard(number)))]);
    let condition = match cursor {
        None => "day_shard = :shard",
        Some(cursor) => {
            values.insert(":until".to_owned(), text(cursor.until()));
            "day_shard = :shard AND created_at <= :until"
        }
    };
    let page = Page {
        index: BY_DAY,
        condition,
        names: &[],
        values,
        forward: false,
        // One key more than requested shows whether there is a next page.
        limit: limit + 1,
        after: after.as_ref(),
    };
    query(session, &page).await
}
