//! Checks what must hold after every commit, and remembers everything that the table ever held.
//!
//! It reads the items themselves, and shares no code with the functions that write them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orders::Books;
use serde_json::Value;

pub(crate) use super::commit::Change;
use super::ledger::{entries, out, recorded};
use super::request::{Key, number, text};
use super::returned;
use super::stock::Stock;

/// What was decided under one key, for as long as its record existed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    /// When it was committed.
    pub(crate) from: Duration,
    /// When its record was deleted, if it was.
    pub(crate) until: Option<Duration>,
    /// The fingerprint of the request.
    pub(crate) fingerprint: String,
    /// The refusal's status and body, if it is a refusal.
    pub(crate) refusal: Option<(u16, String)>,
}

/// An order as one commit left it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OrderState {
    /// When it was committed.
    pub(crate) from: Duration,
    /// Its status.
    pub(crate) status: String,
    /// Its version.
    pub(crate) version: i64,
    /// The customer whose order it is.
    pub(crate) owner: String,
    /// The payment that confirmed it.
    pub(crate) reference: Option<String>,
    /// The name under which it was fulfilled.
    pub(crate) parcel: Option<String>,
    /// By SKU: what left with it and did not come back.
    pub(crate) out: BTreeMap<String, i64>,
    /// How many returns it had.
    pub(crate) returns: i64,
}

/// What the table held, commit by commit.
#[derive(Debug, Default)]
pub struct Journal {
    /// By primary key: the decisions to place, to adjust, or to refuse either.
    pub(crate) decisions: BTreeMap<Key, Vec<Decision>>,
    /// Every state of each order, by its id.
    pub(crate) orders: BTreeMap<String, Vec<OrderState>>,
    /// The stock of every product.
    pub(crate) stock: Stock,
    /// Which order each payment confirmed.
    pub(crate) payments: BTreeMap<String, String>,
    /// What was found wrong.
    pub violations: Vec<String>,
    /// How many checks were made.
    pub(crate) checks: u64,
    /// By SKU: what its orders, adjustments and returns add up to.
    recorded: BTreeMap<String, Books>,
}

impl Journal {
    /// Records a commit, and checks everything that must hold after it.
    pub(crate) fn commit(&mut self, at: Duration, changes: &[Change]) {
        let mut touched = BTreeSet::new();
        for change in changes {
            let (pk, sk) = (change.key.0.as_str(), change.key.1.as_str());
            touched.extend(Books::product_of(pk).map(str::to_owned));
            let (old, new) = (entries(change.old.as_ref()), entries(change.new.as_ref()));
            for (sku, books) in old {
                let sum = self.recorded.entry(sku.clone()).or_default();
                *sum = *sum - books;
                touched.insert(sku);
            }
            for (sku, books) in new {
                let sum = self.recorded.entry(sku.clone()).or_default();
                *sum = *sum + books;
                touched.insert(sku);
            }
            match (pk.split_once('#'), sk.split_once('#')) {
                (Some(("ORD", id)), None) => self.order(at, id, change, changes),
                (Some(("ORD", id)), Some(("RET", _))) => self.returned(at, id, change, changes),
                (Some(("SKU", _)), Some(("STOCK", _))) => {
                    let judged = Stock::judge(change);
                    self.hold(judged);
                    self.stock.commit(at, change);
                }
                (Some(("SKU", sku)), Some(("ADJ", _))) => self.adjustment(at, sku, change),
                (Some(("PAY", _)), None) => self.payment(pk, change),
                _ => self.wrong(format!("an item of an unknown kind was written: {pk}/{sk}")),
            }
        }
        for sku in touched {
            self.conserved(&sku, changes);
        }
    }

    /// Adds a violation.
    pub(crate) fn wrong(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Checks one condition.
    pub(crate) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds {
            self.violations.push(what());
        }
    }

    /// Checks what was judged.
    fn hold(&mut self, judged: Result<(), String>) {
        self.checks += 1;
        self.violations.extend(judged.err());
    }

    fn order(&mut self, at: Duration, id: &str, change: &Change, changes: &[Change]) {
        let status = |item: &Option<Value>| {
            let status = item.as_ref().and_then(|item| text(item, "status"));
            status.unwrap_or("none").to_owned()
        };
        let (before, after) = (status(&change.old), status(&change.new));
        let allowed = matches!(
            (before.as_str(), after.as_str()),
            ("none", "pending" | "rejected")
                | ("pending", "confirmed" | "cancelled" | "expired")
                | ("confirmed", "cancelled" | "fulfilled")
                | ("fulfilled", "fulfilled")
        ) || (before == "rejected" && after == "none" && change.expired);
        self.check(allowed, || {
            format!("the order {id} went from {before} to {after}")
        });
        self.decided(at, change);
        let Some(new) = &change.new else { return };
        if after == "rejected" {
            return;
        }
        if let Some(old) = &change.old {
            self.unchanged(id, old, new);
            if before == after {
                self.hold(returned::counted(id, (old, new), changes));
            }
        } else {
            let sold = self.stock.sell(at, id, new, changes);
            self.hold(sold);
        }
        let version = number(new, "version").unwrap_or_default();
        let version_before = change.old.as_ref().and_then(|old| number(old, "version"));
        self.check(version == version_before.unwrap_or(0) + 1, || {
            format!("the order {id} went from version {version_before:?} to {version}")
        });
        let waits = text(new, "expiry_shard").is_some();
        self.check(waits == (after == "pending"), || {
            format!("the order {id} is {after}, which does not agree with its place in the index")
        });
        let state = OrderState {
            from: at,
            status: after,
            version,
            owner: text(new, "owner").unwrap_or_default().to_owned(),
            reference: text(new, "payment_reference").map(str::to_owned),
            parcel: text(new, "fulfilment_reference").map(str::to_owned),
            out: out(change.new.as_ref()),
            returns: number(new, "return_count").unwrap_or_default(),
        };
        self.orders.entry(id.to_owned()).or_default().push(state);
    }

    /// Checks that what the first answer was made of has not changed.
    fn unchanged(&mut self, id: &str, old: &Value, new: &Value) {
        for name in [
            "owner",
            "currency",
            "total",
            "lines",
            "created_at",
            "hold_expires_at",
            "fingerprint",
            "fingerprint_version",
            "answer_version",
            "day_shard",
            "reference",
            "metadata",
        ] {
            self.check(old.get(name) == new.get(name), || {
                format!("{name} of the order {id} has changed")
            });
        }
        for name in [
            "payment_reference",
            "confirmed_at",
            "fulfilment_reference",
            "fulfilled_at",
        ] {
            let kept = old.get(name).is_none_or(|it| new.get(name) == Some(it));
            self.check(kept, || {
                format!("{name} of the order {id} was there and has changed")
            });
        }
    }

    fn adjustment(&mut self, at: Duration, sku: &str, change: &Change) {
        self.check(change.old.is_none() && change.new.is_some(), || {
            format!("an entry of the ledger of {sku} was changed")
        });
        self.decided(at, change);
    }

    fn returned(&mut self, at: Duration, id: &str, change: &Change, changes: &[Change]) {
        self.hold(returned::recorded(id, change, changes));
        self.decided(at, change);
    }

    fn payment(&mut self, pk: &str, change: &Change) {
        let order = |item: &Option<Value>| {
            let order = item.as_ref().and_then(|item| text(item, "order_id"));
            order.map(str::to_owned)
        };
        let (before, after) = (order(&change.old), order(&change.new));
        self.check(
            after.is_some() && (before.is_none() || before == after),
            || format!("the payment {pk} confirmed {before:?} and then {after:?}"),
        );
        if let Some(order) = after {
            self.payments.insert(pk.to_owned(), order);
        }
    }

    /// Records the decision under a key, or that its record was deleted.
    fn decided(&mut self, at: Duration, change: &Change) {
        let decisions = self.decisions.entry(change.key.clone()).or_default();
        let Some(new) = &change.new else {
            if let Some(last) = decisions.last_mut() {
                last.until = Some(at);
            }
            return;
        };
        if change.old.is_some() {
            return;
        }
        let status = number(new, "answer_status").and_then(|status| u16::try_from(status).ok());
        let bytes = text(new, "answer").map(str::to_owned);
        decisions.push(Decision {
            from: at,
            until: None,
            fingerprint: text(new, "fingerprint").unwrap_or_default().to_owned(),
            refusal: status.zip(bytes),
        });
    }

    /// Checks that the stock of a product agrees with its orders and its ledger.
    fn conserved(&mut self, sku: &str, changes: &[Change]) {
        let is_stock = |change: &Change| {
            let (pk, sk) = &change.key;
            sk.starts_with("STOCK#") && Books::product_of(pk) == Some(sku)
        };
        if !changes.iter().any(is_stock) {
            // A refusal moves no stock. Any other commit without the stock is wrong.
            let before = recorded(changes, |change| change.old.as_ref(), sku);
            let after = recorded(changes, |change| change.new.as_ref(), sku);
            self.check(before == after, || {
                format!("a record about {sku} was written without its stock")
            });
            return;
        }
        let recorded = self.recorded.get(sku).copied().unwrap_or_default();
        let books = self.stock.books(sku) + recorded;
        for (holds, what) in books.laws() {
            self.check(holds, || format!("{sku}: {what}: {books:?}"));
        }
    }
}
