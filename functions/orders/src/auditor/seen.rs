//! What one pass saw of a product and its shards, and what of it does not fit together.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use once::{Item, number_of, text_of};

use super::finding::{Finding, Kind};
use crate::books::Books;
use crate::product::SHARD;
use crate::roll::ROLLING;
use crate::shard::{SHARDS_MAX, shards_of};

/// The attributes that a placement's condition reads. All shards of a product have the same.
const TERMS: [&str; 4] = ["unit_price", "currency", "sellable", "quantity_max"];

/// What was seen of one product.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What its stock items say, and what its records add.
    books: Books,
    shards: BTreeMap<u32, SeenShard>,
}

/// What was seen of one shard.
#[derive(Debug, Default)]
struct SeenShard {
    /// Its stock item, if it has one.
    stock: Option<Stock>,
    /// What the orders that took from it hold and sent.
    ordered: Books,
}

/// What a stock item says.
#[derive(Debug)]
struct Stock {
    books: Books,
    version: i64,
    details_version: i64,
    terms: [Option<AttributeValue>; TERMS.len()],
    /// How many shards there are. Only shard 0 says it.
    shards: u32,
    /// Whether a description is on its way to all shards. Only shard 0 says it. The sweeper
    /// finishes it.
    is_rolling: bool,
}

impl Seen {
    /// What all items and records add up to.
    pub(crate) const fn books(&self) -> Books {
        self.books
    }

    /// The sum of the versions of all its shards. It is the same only if no stock moved. `None`
    /// if there is no such product.
    pub(crate) fn version(&self) -> Option<i64> {
        self.product()?;
        Some(self.stocks().map(|(_, stock)| stock.version).sum())
    }

    /// How many shards have a stock item, or should have one.
    pub(crate) fn shard_count(&self) -> u32 {
        let last = self.shards.keys().next_back().copied().unwrap_or_default();
        let counted = self.product().map_or(1, |product| product.shards);
        last.saturating_add(1).max(counted).min(SHARDS_MAX)
    }

    /// Adds what a record says.
    pub(crate) fn add(&mut self, books: Books) {
        self.books = self.books + books;
    }

    /// Adds a line of an order, which took it from a shard.
    pub(crate) fn add_line(&mut self, shard: u32, books: Books) {
        self.add(books);
        let seen = self.shards.entry(shard).or_default();
        seen.ordered = seen.ordered + books;
    }

    /// Adds the stock item of a shard. `books` is what it says.
    pub(crate) fn add_stock(&mut self, shard: u32, item: &Item, books: Books) -> Option<()> {
        self.add(books);
        let stock = Stock {
            books,
            version: number_of(item, "version")?,
            details_version: number_of(item, "details_version")?,
            terms: TERMS.map(|name| item.get(name).cloned()),
            shards: shards_of(item),
            is_rolling: text_of(item, "expiry_shard") == Some(ROLLING),
        };
        self.shards.entry(shard).or_default().stock = Some(stock);
        Some(())
    }

    /// Everything that does not fit together.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let Some(product) = self.product() else {
            // The shards of a new product are made before it.
            let is_new = self.books == Books::default();
            let missing = finding(Kind::ProductIsMissing, None, 1, 0);
            return if is_new { Vec::new() } else { vec![missing] };
        };
        let mut findings = self.of_numbers(product);
        findings.extend(self.of_shards(product));
        findings
    }

    /// Where the numbers of the shards and of the product's records differ.
    fn of_numbers(&self, product: &Stock) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (number, shard) in &self.shards {
            let about = (1 < product.shards).then(|| number.to_string());
            let mut differs = |kind, expected, found| {
                findings.push(finding(kind, about.clone(), expected, found));
            };
            let stock = shard.stock.as_ref().map(|stock| stock.books);
            let stock = stock.unwrap_or_default();
            let lowest = stock.available.min(stock.taken).min(stock.shipped);
            let numbers = [
                (Kind::StockIsNegative, 0, lowest),
                (
                    Kind::StockDoesNotAddUp,
                    stock.received + stock.levelled,
                    stock.available + stock.taken + stock.shipped,
                ),
            ];
            for ((holds, _), (kind, expected, found)) in
                stock.laws_of_shard().into_iter().zip(numbers)
            {
                if !holds {
                    differs(kind, expected, found);
                }
            }
            let ordered = shard.ordered;
            if stock.taken != ordered.held {
                differs(Kind::TakenDiffers, ordered.held, stock.taken);
            }
            if stock.shipped != ordered.sent {
                differs(Kind::ShippedDiffers, ordered.sent, stock.shipped);
            }
        }
        let books = self.books;
        let ledger = books.adjusted - books.written_off;
        if books.received != ledger {
            let kind = Kind::ReceivedDiffers;
            findings.push(finding(kind, None, ledger, books.received));
        }
        if books.levelled != 0 {
            findings.push(finding(Kind::LevelledDiffers, None, 0, books.levelled));
        }
        findings
    }

    /// Where a shard is missing, is not counted, or sells under other terms.
    fn of_shards(&self, product: &Stock) -> Vec<Finding> {
        let mut findings = Vec::new();
        let stock_of = |number| self.shards.get(&number).and_then(|it| it.stock.as_ref());
        let missing: Vec<u32> = (SHARD..product.shards)
            .filter(|number| stock_of(*number).is_none())
            .collect();
        if !missing.is_empty() {
            let there = i64::from(product.shards) - i64::try_from(missing.len()).unwrap_or(0);
            let expected = i64::from(product.shards);
            let about = Some(list(&missing));
            findings.push(finding(Kind::ShardIsMissing, about, expected, there));
        }
        // Half a description makes shards without stock that no product counts yet.
        let uncounted: Vec<u32> = self
            .stocks()
            .filter(|(number, stock)| product.shards <= *number && !stock.is_new())
            .map(|(number, _)| number)
            .collect();
        if let Some(last) = uncounted.last() {
            let kind = Kind::ShardIsNotCounted;
            let (expected, found) = (i64::from(*last) + 1, i64::from(product.shards));
            findings.push(finding(kind, Some(list(&uncounted)), expected, found));
        }
        if !product.is_rolling {
            let behind: Vec<(u32, &Stock)> = self
                .stocks()
                .filter(|(number, _)| *number < product.shards)
                .filter(|(_, stock)| !stock.has_terms_of(product))
                .collect();
            if let Some((_, first)) = behind.first() {
                let numbers: Vec<u32> = behind.iter().map(|(number, _)| *number).collect();
                let (expected, found) = (product.details_version, first.details_version);
                let kind = Kind::TermsDiffer;
                findings.push(finding(kind, Some(list(&numbers)), expected, found));
            }
        }
        findings
    }

    /// The stock item that is the product.
    fn product(&self) -> Option<&Stock> {
        self.shards.get(&SHARD)?.stock.as_ref()
    }

    fn stocks(&self) -> impl Iterator<Item = (u32, &Stock)> {
        let shards = self.shards.iter();
        shards.filter_map(|(number, shard)| Some((*number, shard.stock.as_ref()?)))
    }
}

impl Stock {
    /// Whether nothing has happened to this shard since it was made.
    fn is_new(&self) -> bool {
        self.details_version == 0 && self.books == Books::default()
    }

    fn has_terms_of(&self, product: &Self) -> bool {
        self.details_version == product.details_version && self.terms == product.terms
    }
}

/// Numbers of shards, for people.
fn list(numbers: &[u32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    numbers.join(", ")
}

const fn finding(kind: Kind, about: Option<String>, expected: i64, found: i64) -> Finding {
    Finding {
        kind,
        about,
        expected,
        found,
    }
}
