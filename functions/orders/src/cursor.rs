//! The cursor of a list: where the next page begins. To clients it is an opaque
//! text.

use data_encoding::BASE64URL_NOPAD;
use once::{Item, text, text_of};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// The longest cursor, in bytes. The cursors of this API are far shorter.
const CURSOR_BYTES_MAX: usize = 4_096;

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

    /// Reads a cursor of `owner`'s list.
    ///
    /// It needs no signature. The partition is always the caller's own, so even a
    /// forged cursor points only at what the caller may read.
    ///
    /// # Errors
    /// The text is not a cursor, or the cursor belongs to another list.
    pub(crate) fn read(cursor: &str, owner: &str) -> Result<Self, Vec<Fault>> {
        let fault = |detail: &str| vec![Fault::of_parameter("cursor", detail)];
        let malformed = || fault("is not a cursor of this API");
        if CURSOR_BYTES_MAX < cursor.len() {
            return Err(malformed());
        }
        let json = BASE64URL_NOPAD
            .decode(cursor.as_bytes())
            .map_err(|_| malformed())?;
        let read: Self = serde_json::from_slice(&json).map_err(|_| malformed())?;
        let digits = read.created_at.bytes().all(|byte| byte.is_ascii_digit());
        let parts = [&read.created_at, &read.pk, &read.sk];
        if !digits || parts.iter().any(|part| part.is_empty()) {
            return Err(malformed());
        }
        if read.owner != owner {
            return Err(fault("belongs to another list"));
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
            pk: "ORD#ord_x".to_owned(),
            sk: "ORDER".to_owned(),
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        assert_eq!(Cursor::read(&cursor().write(), "local#demo"), Ok(cursor()));
        assert_eq!(Cursor::after(&cursor().key()), Some(cursor()));
    }

    #[test]
    fn a_forged_or_foreign_cursor_is_a_fault() {
        assert!(Cursor::read(&cursor().write(), "local#eve").is_err());
        let encode = |json: &str| BASE64URL_NOPAD.encode(json.as_bytes());
        let forged = |change: fn(&mut Cursor)| {
            let mut forged = cursor();
            change(&mut forged);
            forged.write()
        };
        for bad in [
            String::new(),
            "!".to_owned(),
            "AAAA".to_owned(),
            encode("{}"),
            encode("[1]"),
            format!("{}=", cursor().write()),
            forged(|cursor| cursor.created_at = "now".to_owned()),
            forged(|cursor| cursor.pk.clear()),
            "A".repeat(5_000),
        ] {
            assert!(Cursor::read(&bad, "local#demo").is_err(), "{bad}");
        }
    }
}
