//! What the auditor can find wrong, and about what.

use once::{Item, text};
use serde::Serialize;

use crate::product::shard_key;

/// What a finding is about: its version tells whether it moved.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Subject {
    /// A product's stock, by stock keeping unit.
    Product(String),
    /// An order, by id. There may be no such order.
    Order(String),
}

impl Subject {
    /// The primary keys of the items that have the version, if there are so many shards.
    pub(crate) fn keys(&self, shards: u32) -> Vec<Item> {
        match self {
            Self::Product(sku) => {
                let product = format!("SKU#{sku}");
                (0..shards)
                    .map(|shard| shard_key(&product, shard))
                    .collect()
            }
            Self::Order(id) => vec![Item::from([
                ("pk".to_owned(), text(format!("ORD#{id}"))),
                ("sk".to_owned(), text("ORDER")),
            ])],
        }
    }
}

/// A kind of finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A number of the stock is below 0.
    StockIsNegative,
    /// The numbers of one stock item do not add up.
    StockDoesNotAddUp,
    /// The stock is taken without an order, or an order is lost.
    TakenDiffers,
    /// Goods left without an order, or a fulfilled order is lost.
    ShippedDiffers,
    /// The ledger is not what came in: an adjustment was doubled or is lost.
    ReceivedDiffers,
    /// Stock was moved between shards, and came from nowhere or went to nowhere.
    LevelledDiffers,
    /// A product counts more shards than there are.
    ShardIsMissing,
    /// A product counts fewer shards than hold its stock.
    ShardIsNotCounted,
    /// A shard sells under other terms than its product.
    TermsDiffer,
    /// Orders or adjustments name a product that has no stock item.
    ProductIsMissing,
    /// A payment names an order that does not exist.
    PaymentWithoutOrder,
    /// A payment names an order that another payment confirmed, or none.
    PaymentNotOfOrder,
    /// An order says that it was paid, but the payment has no record.
    OrderWithoutPayment,
    /// Goods came back of an order that does not exist.
    ReturnWithoutOrder,
    /// Goods came back, and their order does not count them.
    ReturnNotCounted,
    /// An order counts goods that came back, but the return has no record.
    ReturnWithoutRecord,
}

impl Kind {
    /// Whether one read of one item proves it.
    pub(crate) const fn is_seen_in_one_read(self) -> bool {
        matches!(self, Self::StockIsNegative | Self::StockDoesNotAddUp)
    }

    /// The kind, once it is known whether the order exists.
    const fn of_an_order_that_exists(self) -> Self {
        match self {
            Self::PaymentWithoutOrder => Self::PaymentNotOfOrder,
            Self::ReturnWithoutOrder => Self::ReturnNotCounted,
            other => other,
        }
    }

    /// The kind in words.
    pub(crate) const fn says(self) -> &'static str {
        match self {
            Self::StockIsNegative => "available, taken or shipped is negative",
            Self::StockDoesNotAddUp => {
                "available + taken + shipped is not received + levelled (0 if the product has one \
                 shard)"
            }
            Self::TakenDiffers => {
                "taken is not what pending and confirmed orders hold: an order is lost, or stock \
                 was taken without one"
            }
            Self::ShippedDiffers => {
                "shipped is not what fulfilled orders sent, less what came back: an order or a \
                 return is lost or doubled"
            }
            Self::ReceivedDiffers => {
                "received is not the sum of the adjustments, less what was written off: an \
                 adjustment is lost or doubled"
            }
            Self::LevelledDiffers => {
                "levelled of all shards together is not 0: stock that moved between shards came \
                 from nowhere or went to nowhere"
            }
            Self::ShardIsMissing => "the product counts a shard that does not exist",
            Self::ShardIsNotCounted => {
                "a shard has stock, and the product does not count it: nobody can order this stock"
            }
            Self::TermsDiffer => {
                "a shard sells under other terms than its product, and nothing will change that"
            }
            Self::ProductIsMissing => "orders or adjustments name a product that does not exist",
            Self::PaymentWithoutOrder => "a payment is for an order that does not exist",
            Self::PaymentNotOfOrder => "a payment is for an order that it did not confirm",
            Self::OrderWithoutPayment => "an order was confirmed by a payment that has no record",
            Self::ReturnWithoutOrder => "goods came back of an order that does not exist",
            Self::ReturnNotCounted => "goods came back, and their order does not count them",
            Self::ReturnWithoutRecord => "an order counts goods that came back without a record",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    /// What is wrong.
    pub(crate) kind: Kind,
    /// The payment's digest, the product that came back, or shards of a product of several.
    pub(crate) about: Option<String>,
    /// The number that the records ask for.
    pub(crate) expected: i64,
    /// The number that is there.
    pub(crate) found: i64,
}

impl Finding {
    /// The finding, once it is known whether its order exists.
    pub(crate) fn given_the_order(&mut self, exists: bool) {
        if exists {
            self.kind = self.kind.of_an_order_that_exists();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 12] = [
        Kind::StockIsNegative,
        Kind::StockDoesNotAddUp,
        Kind::TakenDiffers,
        Kind::ShippedDiffers,
        Kind::ReceivedDiffers,
        Kind::ProductIsMissing,
        Kind::PaymentWithoutOrder,
        Kind::PaymentNotOfOrder,
        Kind::OrderWithoutPayment,
        Kind::ReturnWithoutOrder,
        Kind::ReturnNotCounted,
        Kind::ReturnWithoutRecord,
    ];

    #[test]
    fn only_what_one_item_says_of_itself_is_seen_in_one_read() {
        let seen: Vec<Kind> = ALL
            .into_iter()
            .filter(|it| it.is_seen_in_one_read())
            .collect();
        assert_eq!(seen, [Kind::StockIsNegative, Kind::StockDoesNotAddUp]);
    }

    #[test]
    fn each_kind_is_said_in_words_of_its_own() {
        let words: std::collections::BTreeSet<&str> = ALL.into_iter().map(Kind::says).collect();
        assert_eq!(words.len(), ALL.len());
        assert!(words.iter().all(|words| words.contains(' ')));
    }

    #[test]
    fn an_order_that_exists_changes_what_is_found_about_it() {
        let given = |kind, exists| {
            let mut finding = Finding {
                kind,
                about: None,
                expected: 0,
                found: 1,
            };
            finding.given_the_order(exists);
            finding.kind
        };
        assert_eq!(
            given(Kind::PaymentWithoutOrder, true),
            Kind::PaymentNotOfOrder
        );
        assert_eq!(
            given(Kind::ReturnWithoutOrder, true),
            Kind::ReturnNotCounted
        );
        assert_eq!(
            given(Kind::PaymentWithoutOrder, false),
            Kind::PaymentWithoutOrder
        );
        assert_eq!(given(Kind::TakenDiffers, true), Kind::TakenDiffers);
    }

    #[test]
    fn a_subject_is_looked_up_by_the_items_that_have_its_version() {
        let keys = |subject: &Subject, shards| {
            let keys = subject.keys(shards);
            let pair = |key: &Item| {
                let of = |name| once::text_of(key, name).unwrap().to_owned();
                (of("pk"), of("sk"))
            };
            keys.iter().map(pair).collect::<Vec<_>>()
        };
        let pair = |pk: &str, sk: &str| (pk.to_owned(), sk.to_owned());
        assert_eq!(
            keys(&Subject::Product("TEA".to_owned()), 2),
            [pair("SKU#TEA", "STOCK#0"), pair("SKU#TEA#1", "STOCK#1")]
        );
        assert_eq!(
            keys(&Subject::Order("ord_1".to_owned()), 2),
            [pair("ORD#ord_1", "ORDER")]
        );
    }
}
