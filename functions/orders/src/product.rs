//! A product: its name, its price and its stock.

use std::fmt;
use std::str::FromStr;

use once::{Item, text};
use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::text::Text;

/// The longest stock keeping unit, in characters.
const SKU_CHARACTERS_MAX: usize = 64;

/// The highest price of one unit, in the currency's smallest unit.
pub(crate) const UNIT_PRICE_MAX: i64 = 1_000_000_000_000;

/// The shard that every product has. It holds the product's description.
pub(crate) const SHARD: u32 = 0;

/// The `owner` under which the index lists all products. No customer has this name:
/// a customer's contains a `#`.
pub(crate) const OWNER: &str = "products";

const PARTITION_PREFIX: &str = "SKU#";

/// A product's name.
pub(crate) type ProductName = Text<200>;

/// A stock keeping unit: 1 to 64 of `A–Z a–z 0–9 - _ .`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub(crate) struct Sku(String);

/// The text is not a stock keeping unit.
#[derive(Clone, Copy, Debug, thiserror::Error, Eq, PartialEq)]
#[error("must be 1 to {SKU_CHARACTERS_MAX} characters of A-Z a-z 0-9 - _ .")]
pub(crate) struct SkuError;

impl Sku {
    /// The product whose partition this is. `None` if no product can have it.
    pub(crate) fn of_partition(pk: &str) -> Option<Self> {
        pk.strip_prefix(PARTITION_PREFIX)?.parse().ok()
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Sku {
    type Err = SkuError;

    fn from_str(text: &str) -> Result<Self, SkuError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if text.is_empty() || SKU_CHARACTERS_MAX < text.len() || !text.bytes().all(allowed) {
            return Err(SkuError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A currency's code: three capital letters (ISO 4217).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Currency(String);

/// The text is not a currency code.
#[derive(Clone, Copy, Debug, thiserror::Error, Eq, PartialEq)]
#[error("must be a currency code of three capital letters (ISO 4217)")]
pub(crate) struct CurrencyError;

impl Currency {
    /// The code.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(CurrencyError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A product as the table holds it.
///
/// This is shard 0 of its stock. Of each shard, always `available + taken + shipped =
/// received + levelled`: every write that moves stock changes two of the five, and
/// `version`, in one update.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Product {
    /// `SKU#` and the stock keeping unit.
    pub(crate) pk: String,
    /// Its name.
    pub(crate) name: String,
    /// The price of one, in the currency's smallest unit.
    pub(crate) unit_price: i64,
    /// The currency of the price.
    pub(crate) currency: Currency,
    /// Whether it may be ordered.
    pub(crate) sellable: bool,
    /// The most that one order can have, if there is such a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quantity_max: Option<i64>,
    /// Over how many shards its stock is spread. A product of one shard does not store it.
    #[serde(default = "one_shard", skip_serializing_if = "is_one_shard")]
    pub(crate) shards: u32,
    /// The mark that the other shards may not have these terms yet: the partition of the
    /// index in which the sweeper looks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expiry_shard: Option<String>,
    /// Changes with the description only, never with the stock: the ETag.
    pub(crate) details_version: i64,
    /// How many can be taken.
    pub(crate) available: i64,
    /// How many pending and confirmed orders hold.
    pub(crate) taken: i64,
    /// How many left with fulfilled orders and did not come back. Items of the first
    /// release lack it.
    #[serde(default)]
    pub(crate) shipped: i64,
    /// How many adjustments added, less how many they removed or returns wrote off.
    pub(crate) received: i64,
    /// Changes with every movement of stock.
    pub(crate) version: i64,
    /// When it was first described: its place in lists.
    pub(crate) created_at: Moment,
}

impl Product {
    /// The stock keeping unit.
    pub(crate) fn sku(&self) -> &str {
        self.pk.strip_prefix("SKU#").unwrap_or(&self.pk)
    }

    /// The product as a client sees it, with what all its shards have.
    pub(crate) fn view(&self, available: i64) -> ProductView<'_> {
        ProductView {
            sku: self.sku(),
            name: &self.name,
            unit_price: self.unit_price,
            currency: self.currency.as_str(),
            sellable: self.sellable,
            available,
            quantity_max: self.quantity_max,
            shards: self.shards,
        }
    }
}

const fn one_shard() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_one_shard(shards: &u32) -> bool {
    *shards == 1
}

/// A product as a client sees it.
#[derive(Debug, Serialize)]
pub(crate) struct ProductView<'product> {
    sku: &'product str,
    name: &'product str,
    unit_price: i64,
    currency: &'product str,
    sellable: bool,
    available: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity_max: Option<i64>,
    #[serde(skip_serializing_if = "is_one_shard")]
    shards: u32,
}

/// The primary key of one shard of a product's stock. Each has a partition key of its own:
/// a partition takes only so many writes a second.
pub(crate) fn stock_key(sku: &Sku, shard: u32) -> Item {
    shard_key(&partition(sku), shard)
}

/// The same, by the partition of shard 0.
pub(crate) fn shard_key(product: &str, shard: u32) -> Item {
    let partition = match shard {
        SHARD => product.to_owned(),
        other => format!("{product}#{other}"),
    };
    Item::from([
        ("pk".to_owned(), text(partition)),
        ("sk".to_owned(), text(stock_sort_key(shard))),
    ])
}

/// The sort key of one shard of a product's stock.
pub(crate) fn stock_sort_key(shard: u32) -> String {
    format!("STOCK#{shard}")
}

/// The partition of a product: its stock and its adjustments.
pub(crate) fn partition(sku: &Sku) -> String {
    format!("{PARTITION_PREFIX}{sku}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_1_to_64_characters_that_need_no_escaping() {
        for good in ["A", "TEA-01", "a_b.c", &"x".repeat(64)] {
            assert!(good.parse::<Sku>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "a#b", "é", "a%20", &"x".repeat(65)] {
            assert!(bad.parse::<Sku>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert!("KRW".parse::<Currency>().is_ok());
        for bad in ["", "krw", "KR", "KRWW", "K1W", "ÄÖ"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }
}
