//! The cursor of a day's orders: a position in each partition of the index.

use data_encoding::BASE64URL_NOPAD;
use once::{Item, text, text_of};
use serde::{Deserialize, Serialize};

use crate::day::{DAY_SHARDS, DAY_SHARDS_OF_ORDINARY, Day};
use crate::fault::Fault;
use crate::moment;
use crate::order_id::{OrderId, SORT_KEY};

/// The longest cursor, in bytes. The cursors of this API are far shorter.
const CURSOR_BYTES_MAX: usize = 4_096;

/// An order's place in a partition of the index: when it was placed, and its id.
type Position = (String, String);

/// Where the next page of a day's orders begins.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DayCursor {
    day: String,
    /// When the newest order of the first page was placed. Orders that are placed
    /// later are not in this list, so that it stays newest first.
    until: String,
    /// For each partition: the last order that was listed, if there was one.
    after: Vec<Option<Position>>,
}

impl DayCursor {
    /// The cursor of a list that begins with `newest`, an item of the index.
    pub(crate) fn before_first_page(day: Day, newest: &Item) -> Option<Self> {
        Some(Self {
            day: day.to_string(),
            until: text_of(newest, "created_at")?.to_owned(),
            after: (0..DAY_SHARDS).map(|_| None).collect(),
        })
    }

    /// Moves the position in the partition that an item of the index is in.
    pub(crate) fn advance(&mut self, day: Day, item: &Item) {
        let shard = text_of(item, "day_shard");
        let number = (0..DAY_SHARDS).find(|number| Some(day.shard(*number).as_str()) == shard);
        let place = number.and_then(|number| self.after.get_mut(usize::try_from(number).ok()?));
        let position = || {
            let id = text_of(item, "pk")?.strip_prefix("ORD#")?;
            Some((text_of(item, "created_at")?.to_owned(), id.to_owned()))
        };
        if let Some((place, position)) = place.zip(position()) {
            *place = Some(position);
        }
    }

    /// Reads a cursor of a day's list.
    ///
    /// It needs no signature: whoever may list one day may list every day.
    ///
    /// # Errors
    /// The text is not a cursor, or the cursor belongs to another list.
    pub(crate) fn read(cursor: &str, day: Day) -> Result<Self, Vec<Fault>> {
        let fault = |detail: &str| vec![Fault::of_parameter("cursor", detail)];
        let malformed = || fault("is not a cursor of this API");
        if CURSOR_BYTES_MAX < cursor.len() {
            return Err(malformed());
        }
        let json = BASE64URL_NOPAD
            .decode(cursor.as_bytes())
            .map_err(|_| malformed())?;
        let mut read: Self = serde_json::from_slice(&json).map_err(|_| malformed())?;
        let position = |(at, id): &Position| {
            moment::is_stored(at) && id.parse::<OrderId>().is_ok() && *at <= read.until
        };
        let possible = moment::is_stored(&read.until)
            && [DAY_SHARDS, DAY_SHARDS_OF_ORDINARY]
                .iter()
                .any(|shards| u32::try_from(read.after.len()) == Ok(*shards))
            && read.after.iter().flatten().all(position);
        // Another order of the members, or spaces between them, did not come from here.
        if !possible || read.write() != cursor {
            return Err(malformed());
        }
        if read.day != day.to_string() {
            return Err(fault("belongs to another list"));
        }
        // Nothing of the other partitions was listed by the release that made the cursor.
        let shards = usize::try_from(DAY_SHARDS).unwrap_or_default();
        read.after.resize(shards, None);
        Ok(read)
    }

    /// The cursor as the client gets it.
    pub(crate) fn write(&self) -> String {
        // Texts can always be written as JSON.
        let json = serde_json::to_vec(self).unwrap_or_default();
        BASE64URL_NOPAD.encode(&json)
    }

    /// When the newest order of the list was placed.
    pub(crate) fn until(&self) -> &str {
        &self.until
    }

    /// The index key after which the page begins in a partition.
    pub(crate) fn key(&self, day: Day, number: u32) -> Option<Item> {
        let place = usize::try_from(number).ok()?;
        let (at, id) = self.after.get(place)?.as_ref()?;
        Some(Item::from([
            ("day_shard".to_owned(), text(day.shard(number))),
            ("created_at".to_owned(), text(at)),
            ("pk".to_owned(), text(format!("ORD#{id}"))),
            ("sk".to_owned(), text(SORT_KEY)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Moment;

    fn day() -> Day {
        "2026-11-26".parse().unwrap()
    }

    fn item(shard: u32, at: i64) -> Item {
        Item::from([
            ("day_shard".to_owned(), text(day().shard(shard))),
            (
                "created_at".to_owned(),
                text(Moment::from_millis(at).stored()),
            ),
            ("pk".to_owned(), text("ORD#ord_abcdefghijklmnopqrstuvwxyz")),
            ("sk".to_owned(), text(SORT_KEY)),
        ])
    }

    fn cursor() -> DayCursor {
        let mut cursor = DayCursor::before_first_page(day(), &item(3, 9)).unwrap();
        cursor.advance(day(), &item(3, 9));
        cursor.advance(day(), &item(0, 7));
        cursor
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let read = DayCursor::read(&cursor().write(), day()).unwrap();
        assert_eq!(read, cursor());
        assert_eq!(read.key(day(), 3), Some(item(3, 9)));
        assert_eq!(read.key(day(), 0), Some(item(0, 7)));
        assert_eq!(read.key(day(), 1), None);
        assert_eq!(read.until(), Moment::from_millis(9).stored());
    }

    #[test]
    fn a_cursor_of_the_release_before_goes_on_where_it_was() {
        let mut before = cursor();
        before.after.truncate(8);
        assert_eq!(DayCursor::read(&before.write(), day()), Ok(cursor()));
        before.after.truncate(7);
        assert!(DayCursor::read(&before.write(), day()).is_err());
    }

    #[test]
    fn a_forged_or_foreign_cursor_is_a_fault() {
        let other = "2026-11-27".parse().unwrap();
        assert!(DayCursor::read(&cursor().write(), other).is_err());
        let forged = |change: fn(&mut DayCursor)| {
            let mut forged = cursor();
            change(&mut forged);
            forged.write()
        };
        let json = serde_json::to_string(&cursor()).unwrap();
        for bad in [
            String::new(),
            "!".to_owned(),
            BASE64URL_NOPAD.encode(b"{}"),
            BASE64URL_NOPAD.encode(json.replace(',', ", ").as_bytes()),
            forged(|cursor| cursor.until = "x".to_owned()),
            forged(|cursor| cursor.until.push('0')),
            forged(|cursor| cursor.until = "000000000000008".to_owned()),
            forged(|cursor| cursor.after.push(None)),
            forged(|cursor| cursor.after.clear()),
            forged(|cursor| {
                cursor.after[1] = Some(("000000000000001".to_owned(), "x".repeat(1_100)));
            }),
            forged(|cursor| cursor.after[1] = Some((String::new(), cursor.day.clone()))),
            "A".repeat(5_000),
        ] {
            assert!(DayCursor::read(&bad, day()).is_err(), "{bad}");
        }
    }
}
