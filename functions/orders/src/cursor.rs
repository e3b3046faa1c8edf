//! The cursor of a list: where the next page begins. To clients it is an opaque
//! text.
//!
//! A cursor comes back from a client, and goes into a request to the database. So
//! it is accepted only in the exact shape in which [`Cursor::write`] writes it:
//! [`List::holds`] says which keys the items of each list can have.

use data_encoding::BASE64URL_NOPAD;
use once::{Item, text, text_of};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::moment;
use crate::order_id::{OrderId, SORT_KEY};
use crate::product::{SHARD, Sku, stock_sort_key};

/// The longest cursor, in bytes. The cursors of this API are far shorter.
const CURSOR_BYTES_MAX: usize = 4_096;

/// What a list consists of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum List {
    /// A customer's orders.
    Orders,
    /// The products.
    Products,
}

impl List {
    /// Whether it is in the order of the index: customers see their newest order first.
    pub(crate) const fn is_forward(self) -> bool {
        match self {
            Self::Orders => false,
            Self::Products => true,
        }
    }

    /// Whether an item of this list can have this primary key.
    fn holds(self, pk: &str, sk: &str) -> bool {
        match self {
            Self::Orders => sk == SORT_KEY && OrderId::of_partition(pk).is_some(),
            Self::Products => sk == stock_sort_key(SHARD) && Sku::of_partition(pk).is_some(),
        }
    }
}

/// The index key of the last item of a page.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    owner: String,
    created_at: String,
    pk: String,
    sk: String,
}

impl Cursor {
    /// The cursor after an item of the index.
    pub(crate) fn after(item: &Item) -> Option<Self> {
        let part = |name| text_of(item, name).map(str::to_owned);
        Some(Self {
            owner: part("owner")?,
            created_at: part("created_at")?,
            pk: part("pk")?,
            sk: part("sk")?,
        })
    }

    /// Reads a cursor of this list of `owner`'s.
    ///
    /// It needs no signature. The partition is always the caller's own, so even a
    /// forged cursor points only at what the caller may read.
    ///
    /// # Errors
    /// The text is not a cursor, or the cursor belongs to another list.
    pub(crate) fn read(cursor: &str, list: List, owner: &str) -> Result<Self, Vec<Fault>> {
        let fault = |detail: &str| vec![Fault::of_parameter("cursor", detail)];
        let malformed = || fault("is not a cursor of this API");
        if CURSOR_BYTES_MAX < cursor.len() {
            return Err(malformed());
        }
        let json = BASE64URL_NOPAD
            .decode(cursor.as_bytes())
            .map_err(|_| malformed())?;
        let read: Self = serde_json::from_slice(&json).map_err(|_| malformed())?;
        if read.owner != owner {
            return Err(fault("belongs to another list"));
        }
        let possible = moment::is_stored(&read.created_at) && list.holds(&read.pk, &read.sk);
        // Another order of the members, or spaces between them, did not come from here.
        if !possible || read.write() != cursor {
            return Err(malformed());
        }
        Ok(read)
    }

    /// The cursor as the client gets it.
    pub(crate) fn write(&self) -> String {
        // Four strings can always be written as JSON.
        let json = serde_json::to_vec(self).unwrap_or_default();
        BASE64URL_NOPAD.encode(&json)
    }

    /// The index key after which the page begins.
    pub(crate) fn key(&self) -> Item {
        Item::from([
            ("owner".to_owned(), text(&self.owner)),
            ("created_at".to_owned(), text(&self.created_at)),
            ("pk".to_owned(), text(&self.pk)),
            ("sk".to_owned(), text(&self.sk)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        Cursor {
            owner: "local#demo".to_owned(),
            created_at: "001795320306789".to_owned(),
            pk: "ORD#ord_abcdefghijklmnopqrstuvwxyz".to_owned(),
            sk: "ORDER".to_owned(),
        }
    }

    fn read(cursor: &str, owner: &str) -> Result<Cursor, Vec<Fault>> {
        Cursor::read(cursor, List::Orders, owner)
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        assert_eq!(read(&cursor().write(), "local#demo"), Ok(cursor()));
        assert_eq!(Cursor::after(&cursor().key()), Some(cursor()));
    }

    #[test]
    fn a_forged_or_foreign_cursor_is_a_fault() {
        assert!(read(&cursor().write(), "local#eve").is_err());
        let encode = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
        let forged = |change: fn(&mut Cursor)| {
            let mut forged = cursor();
            change(&mut forged);
            forged.write()
        };
        let json = serde_json::to_vec(&cursor()).unwrap();
        for bad in [
            String::new(),
            "!".to_owned(),
            "AAAA".to_owned(),
            encode("{}"),
            encode("[1]"),
            format!("{}=", cursor().write()),
            forged(|cursor| cursor.created_at = "now".to_owned()),
            forged(|cursor| cursor.created_at.push('0')),
            forged(|cursor| cursor.pk.clear()),
            forged(|cursor| cursor.pk.push('a')),
            forged(|cursor| cursor.pk = "SKU#A".to_owned()),
            forged(|cursor| cursor.sk.push('X')),
            encode(&String::from_utf8(json).unwrap().replace(':', ": ")),
            "A".repeat(5_000),
        ] {
            assert!(read(&bad, "local#demo").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_of_products_names_the_stock_of_a_product() {
        let product = |pk: &str, sk: &str| Cursor {
            owner: "products".to_owned(),
            pk: pk.to_owned(),
            sk: sk.to_owned(),
            ..cursor()
        };
        let read = |cursor: Cursor| Cursor::read(&cursor.write(), List::Products, "products");
        assert!(read(product("SKU#TEA-01", "STOCK#0")).is_ok());
        for (pk, sk) in [
            ("SKU#TEA-01", "STOCK#00"),
            ("SKU#TEA-01", "ADJ#x"),
            ("SKU#", "STOCK#0"),
            ("SKU#a b", "STOCK#0"),
            ("TEA-01", "STOCK#0"),
        ] {
            assert!(read(product(pk, sk)).is_err(), "{pk} {sk}");
        }
    }
}
