//! Adds up the items of one pass over the table, and says what does not fit together.
//!
//! An order and its payment say the same thing in two items, and so do an order and its
//! returns. Each side enters a claim, the order's with the other sign. Claims that meet
//! cancel out, so only what does not fit stays in memory at the end.

use std::collections::{BTreeMap, HashMap};

use once::{Item, number_of, text_of, value_digest};

use super::finding::{Finding, Kind, Subject};
use super::seen::Seen;
use crate::books::Books;
use crate::order::{Order, OrderLine};
use crate::product::{Product, SHARD};
use crate::record::Record;
use crate::return_record::Return;
use crate::shard::number_in;

/// The largest number of a sound stock item: a million adjustments of the largest size. Sums of
/// such numbers cannot overflow.
const NUMBER_MAX: i64 = 1_000_000_000_000_000;

/// How many unreadable items are named.
const UNREADABLE_NAMED_MAX: usize = 20;

/// How many adjustments of one size are named.
const ALIKE_NAMED_MAX: usize = 5;

/// What a pass found.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    products: BTreeMap<String, Seen>,
    claims: HashMap<Claim, i64>,
    /// For each product whose ledger differed in the last pass: by how much.
    differences: BTreeMap<String, i64>,
    /// The adjustments of these products that are as large as the difference.
    alike: BTreeMap<String, Vec<String>>,
    /// How many items were read.
    pub(crate) items: u64,
    /// How many orders were among them.
    pub(crate) orders: u64,
    /// The keys of items that this release cannot read.
    pub(crate) unreadable: Vec<String>,
    /// How many these are, named or not.
    pub(crate) unreadable_count: u64,
}

/// What an order and a record beside it must agree on.
#[derive(Debug, Eq, Hash, PartialEq)]
struct Claim {
    order: Box<str>,
    about: About,
}

#[derive(Debug, Eq, Hash, PartialEq)]
enum About {
    /// The digest of a payment.
    Payment(Box<str>),
    /// Units of a product that came back.
    Returned(Box<str>),
}

/// The item is not one that this release writes.
struct Unreadable;

/// What is wrong with one subject, and a product's numbers.
pub(crate) struct Wrong {
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
    /// The version of the product's stock as the pass saw it.
    pub(crate) version: Option<i64>,
    /// How many shards the subject has: 1 unless it is a product with more.
    pub(crate) shards: u32,
    /// The books of a product of one shard.
    pub(crate) books: Option<Books>,
    /// Adjustments that are as large as what the ledger has too much.
    pub(crate) alike: Vec<String>,
}

impl Evidence {
    /// No evidence yet. It will name the adjustments of these products that have this size.
    pub(crate) fn looking_for(differences: BTreeMap<String, i64>) -> Self {
        Self {
            differences,
            ..Self::default()
        }
    }

    /// How many products were seen.
    pub(crate) fn products(&self) -> usize {
        self.products.len()
    }

    /// Adds an item.
    pub(crate) fn add(&mut self, item: Item) {
        self.items += 1;
        let of = |name| text_of(&item, name).unwrap_or_default().to_owned();
        let (pk, sk) = (of("pk"), of("sk"));
        if self.read(&pk, &sk, item).is_err() {
            self.unreadable_count += 1;
            if self.unreadable.len() < UNREADABLE_NAMED_MAX {
                self.unreadable.push(format!("{pk} {sk}"));
            }
        }
    }

    fn read(&mut self, pk: &str, sk: &str, item: Item) -> Result<(), Unreadable> {
        let (kind, name) = pk.split_once('#').ok_or(Unreadable)?;
        match kind {
            "SKU" if sk.starts_with("STOCK#") => self.stock(name, item),
            "PAY" => {
                let order = text_of(&item, "order_id").ok_or(Unreadable)?;
                self.claim(order, About::Payment(name.into()), 1);
                Ok(())
            }
            "SKU" | "ORD" => self.record(name, item),
            _ => Err(Unreadable),
        }
    }

    fn stock(&mut self, name: &str, item: Item) -> Result<(), Unreadable> {
        let (sku, in_partition) = match name.split_once('#') {
            Some((sku, number)) => (sku, number.parse().map_err(|_| Unreadable)?),
            None => (name, SHARD),
        };
        let shard = number_in(&item).filter(|shard| *shard == in_partition);
        let shard = shard.ok_or(Unreadable)?;
        let number = |name: &str| number_of(&item, name).filter(|it| sane(*it).is_ok());
        let books = Books::of_stock(number).ok_or(Unreadable)?;
        let added = self.product(sku).add_stock(shard, &item, books);
        added.ok_or(Unreadable)?;
        if shard == SHARD {
            serde_dynamo::from_item::<_, Product>(item).map_err(|_| Unreadable)?;
        }
        Ok(())
    }

    fn record(&mut self, name: &str, item: Item) -> Result<(), Unreadable> {
        match Record::read(item).map_err(|_| Unreadable)? {
            Record::Order(order) => self.order(&order),
            Record::Return(entry) => self.returned(name, &entry),
            Record::Adjustment(entry) => {
                let delta = sane(entry.delta)?;
                self.product(name).add(Books::of_adjustment(delta));
                if self.differences.get(name) == Some(&delta) {
                    let alike = self.alike.entry(name.to_owned()).or_default();
                    if alike.len() < ALIKE_NAMED_MAX {
                        alike.push(entry.sk);
                    }
                }
                Ok(())
            }
            Record::Refusal(_) => Ok(()),
        }
    }

    fn order(&mut self, order: &Order) -> Result<(), Unreadable> {
        self.orders += 1;
        for line in &order.lines {
            self.line(order, line)?;
        }
        for goods in &order.returned {
            let about = About::Returned(goods.sku.as_str().into());
            self.claim(order.id(), about, -sane(goods.quantity)?);
        }
        if let Some(reference) = &order.payment_reference {
            let digest = value_digest(reference).into();
            self.claim(order.id(), About::Payment(digest), -1);
        }
        Ok(())
    }

    /// Books a line in the shards that it was taken from. What came back went to the first ones.
    fn line(&mut self, order: &Order, line: &OrderLine) -> Result<(), Unreadable> {
        let (mut returned, mut taken) = (order.returned_of(&line.sku), 0);
        for allocation in &line.allocations {
            let quantity = sane(allocation.quantity)?;
            taken += quantity;
            let back = returned.min(quantity);
            returned -= back;
            let books = Books::of_line(order.status.as_str(), quantity, back);
            let books = books.ok_or(Unreadable)?;
            self.product(line.sku.as_str())
                .add_line(allocation.shard, books);
        }
        if taken == line.quantity {
            Ok(())
        } else {
            Err(Unreadable)
        }
    }

    fn returned(&mut self, order: &str, entry: &Return) -> Result<(), Unreadable> {
        for goods in &entry.lines {
            let quantity = sane(goods.quantity)?;
            let sku = goods.sku.as_str();
            self.product(sku)
                .add(Books::of_return(quantity, entry.restock));
            self.claim(order, About::Returned(sku.into()), quantity);
        }
        Ok(())
    }

    fn product(&mut self, sku: &str) -> &mut Seen {
        if !self.products.contains_key(sku) {
            self.products.insert(sku.to_owned(), Seen::default());
        }
        self.products.entry(sku.to_owned()).or_default()
    }

    fn claim(&mut self, order: &str, about: About, units: i64) {
        let claim = Claim {
            order: order.into(),
            about,
        };
        let open = self.claims.remove(&claim).unwrap_or_default() + units;
        if open != 0 {
            self.claims.insert(claim, open);
        }
    }

    /// Everything that does not fit together. It proves nothing yet: the items were read one
    /// after the other.
    pub(crate) fn wrong(&self) -> BTreeMap<Subject, Wrong> {
        let mut wrong = BTreeMap::new();
        for (sku, seen) in &self.products {
            let findings = seen.findings();
            if !findings.is_empty() {
                let alike = self.alike.get(sku).cloned().unwrap_or_default();
                let (version, shards) = (seen.version(), seen.shard_count());
                let found = Wrong {
                    findings,
                    version,
                    shards,
                    books: version.filter(|_| shards == 1).map(|_| seen.books()),
                    alike,
                };
                wrong.insert(Subject::Product(sku.clone()), found);
            }
        }
        for (claim, units) in &self.claims {
            let subject = Subject::Order(claim.order.to_string());
            let found = wrong.entry(subject).or_insert_with(|| Wrong {
                findings: Vec::new(),
                version: None,
                shards: 1,
                books: None,
                alike: Vec::new(),
            });
            found.findings.push(of_claim(&claim.about, *units));
        }
        for found in wrong.values_mut() {
            // A hash map has no order of its own. The next pass must find the same.
            found
                .findings
                .sort_by_key(|it| (it.kind as u8, it.about.clone()));
        }
        wrong
    }
}

fn of_claim(about: &About, units: i64) -> Finding {
    let (kind, about) = match (about, 0 < units) {
        (About::Payment(digest), true) => (Kind::PaymentWithoutOrder, digest),
        (About::Payment(digest), false) => (Kind::OrderWithoutPayment, digest),
        (About::Returned(sku), true) => (Kind::ReturnWithoutOrder, sku),
        (About::Returned(sku), false) => (Kind::ReturnWithoutRecord, sku),
    };
    Finding {
        kind,
        about: Some(about.to_string()),
        expected: 0,
        found: units.abs(),
    }
}

fn sane(number: i64) -> Result<i64, Unreadable> {
    let range = -NUMBER_MAX..=NUMBER_MAX;
    range.contains(&number).then_some(number).ok_or(Unreadable)
}

#[cfg(test)]
mod tests;
