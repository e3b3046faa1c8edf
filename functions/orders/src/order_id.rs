//! An order's id, from which the primary key of the order or its refusal is made.

use std::fmt;
use std::str::FromStr;

use once::{IdempotencyKey, Item, NAME_CHARACTERS, text};
use shared::caller::Caller;

/// The sort key of an order, or of the refusal in its place.
pub(crate) const SORT_KEY: &str = "ORDER";

/// The route whose decisions are orders. It is part of what an id is derived from.
const ROUTE: &str = "POST /orders";

const PARTITION_PREFIX: &str = "ORD#";

const ID_PREFIX: &str = "ord_";

/// An order's id: `ord_` and 26 characters of lower-case base32.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct OrderId(String);

/// The text is not an order id.
#[derive(Clone, Copy, Debug, thiserror::Error, Eq, PartialEq)]
#[error("is not an order id")]
pub struct OrderIdError;

impl OrderId {
    /// The id of the one order that a caller can place under a key.
    pub fn derive(caller: &Caller, key: &IdempotencyKey) -> Self {
        let name = once::decision_name(&caller.issuer, &caller.sub, ROUTE, key);
        Self(format!("{ID_PREFIX}{name}"))
    }

    /// The id whose partition this is. `None` if no order can have it.
    pub(crate) fn of_partition(pk: &str) -> Option<Self> {
        pk.strip_prefix(PARTITION_PREFIX)?.parse().ok()
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The primary key of the order, or of the refusal in its place.
    pub(crate) fn key(&self) -> Item {
        Item::from([
            ("pk".to_owned(), text(self.partition())),
            ("sk".to_owned(), text(SORT_KEY)),
        ])
    }

    /// The partition of the order.
    pub fn partition(&self) -> String {
        format!("{PARTITION_PREFIX}{}", self.0)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for OrderId {
    type Err = OrderIdError;

    fn from_str(text: &str) -> Result<Self, OrderIdError> {
        let name = text.strip_prefix(ID_PREFIX).ok_or(OrderIdError)?;
        let base32 = |byte: u8| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte);
        if name.len() != NAME_CHARACTERS || !name.bytes().all(base32) {
            return Err(OrderIdError);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_prefix_and_26_characters() {
        assert!("ord_abcdefghijklmnopqrstuvwxyz".parse::<OrderId>().is_ok());
        assert!("ord_234567abcdefghijklmnopqrst".parse::<OrderId>().is_ok());
        for bad in [
            "",
            "ord_",
            "abcdefghijklmnopqrstuvwxyz",
            "ord_abcdefghijklmnopqrstuvwxy",
            "ord_abcdefghijklmnopqrstuvwxyzz",
            "ord_ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "ord_abcdefghijklmnopqrstuvwxy1",
        ] {
            assert!(bad.parse::<OrderId>().is_err(), "{bad}");
        }
    }
}
