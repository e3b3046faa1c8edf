//! Compares all answers of a run: a repeat gets the same bytes as before, and only one answer says
//! that it was the first.

use std::collections::BTreeMap;

use super::decided::place_of;
use crate::functions::Answer;
use crate::history::{Call, Wish};
use crate::journal::Journal;
use crate::request::Key;

/// What answers had before. Every later answer must have the same bytes: under one key for ever,
/// and for one order as long as its ETag is the same.
#[derive(Default)]
pub(crate) struct First {
    /// By a key's record, or by an order and its ETag: the call and its bytes.
    bodies: BTreeMap<Key, (usize, String)>,
    /// By what was done and to what: the call that did it.
    made: BTreeMap<(&'static str, Key), usize>,
    /// By an order's id: the customer and the key that placed it.
    owners: BTreeMap<String, (String, String)>,
}

impl First {
    /// Compares an answer with the answers before it.
    pub(crate) fn compare(&mut self, call: &Call, answer: &Answer, journal: &mut Journal) {
        let order = |id: &String| (id.clone(), String::new());
        let (deed, what) = match (&call.wish, answer.status) {
            (Wish::Place { .. }, 201) => (Some("placed"), place_of(call)),
            (Wish::Adjust { .. }, 201) => (Some("adjusted"), place_of(call)),
            (Wish::Return { .. }, 201) => (Some("returned"), place_of(call)),
            (Wish::Confirm { id, .. }, 200) => (Some("confirmed"), Some(order(id))),
            (Wish::Fulfil { id, .. }, 200) => (Some("fulfilled"), Some(order(id))),
            (Wish::Cancel { id, .. }, 200) => (Some("cancelled"), Some(order(id))),
            (Wish::ReadOrder { id }, 200) => (None, Some(order(id))),
            _ => return,
        };
        let Some(what) = what else { return };
        self.compare_owner(call, answer, journal);
        let number = call.number;
        if let Some(deed) = deed.filter(|_| !answer.replayed()) {
            let before = self.made.insert((deed, what.clone()), number);
            journal.check(before.is_none(), || {
                format!("call#{number} and call#{before:?} both say that they were the first")
            });
        }
        let place = if call.wish.keyed() {
            what
        } else {
            // The answer is the order as it is now, which its ETag names.
            let etag = answer.headers.get("etag");
            journal.check(etag.is_some(), || {
                format!("call#{number} got an order without an ETag")
            });
            (what.0, etag.cloned().unwrap_or_default())
        };
        let before = self.bodies.entry(place);
        let (earlier, body) = before.or_insert_with(|| (number, answer.body.clone()));
        let same = *body == answer.body;
        journal.check(same, || {
            format!(
                "call#{number} and call#{earlier} got different bytes: {} and {body}",
                answer.body
            )
        });
    }

    /// Checks that one customer and key have placed an order.
    fn compare_owner(&mut self, call: &Call, answer: &Answer, journal: &mut Journal) {
        let (Wish::Place { key, .. }, Some(id)) = (&call.wish, answer.member("id")) else {
            return;
        };
        let name = (
            format!("{}#{}", call.caller.issuer, call.caller.sub),
            key.clone(),
        );
        let owner = self.owners.entry(id.to_string());
        let same = *owner.or_insert_with(|| name.clone()) == name;
        journal.check(same, || {
            format!("the order {id} was returned for two different keys")
        });
    }
}
