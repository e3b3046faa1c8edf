//! Parses a return that a service reports. Its lines are merged and sorted.

use once::{Fingerprint, Fingerprints};

use crate::body::{self, Object};
use crate::draft::{LINES, QUANTITY};
use crate::fault::{Fault, Faults};
use crate::goods::{self, Goods};

/// The version of the fingerprints of new records.
pub(crate) const FINGERPRINT_VERSION_NOW: i64 = 1;

/// A valid request to take goods back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReturnRequest {
    /// What came back: each product once, sorted by product.
    pub(crate) lines: Vec<Goods>,
    /// Whether the goods can be sold again. If not, they are written off.
    pub(crate) restock: bool,
}

impl ReturnRequest {
    /// Parses the body of `POST /orders/{id}/returns`.
    ///
    /// # Errors
    /// Returns all faults, each with its JSON pointer.
    pub fn parse(body: &[u8]) -> Result<Self, Vec<Fault>> {
        body::read(body, Self::take)
    }

    /// The fingerprint under [`FINGERPRINT_VERSION_NOW`].
    pub(crate) fn fingerprint_now(&self) -> Fingerprint {
        let mut fields = vec![b"return".to_vec(), vec![u8::from(self.restock)]];
        for goods in &self.lines {
            fields.push(goods.sku.as_str().into());
            fields.push(goods.quantity.to_be_bytes().into());
        }
        Fingerprint::of(fields.iter().map(Vec::as_slice))
    }

    fn take(mut object: Object<'_>, faults: &mut Faults) -> Option<Self> {
        let lines = object.objects("lines", &LINES, faults);
        let restock = object.truth("restock", faults);
        object.end(faults);
        let lines = lines?;
        let count = lines.len();
        let parsed: Vec<_> = lines
            .into_iter()
            .filter_map(|line| parse_line(line, faults))
            .collect();
        if parsed.len() < count {
            return None;
        }
        let lines = goods::sum(&[], &parsed);
        if lines
            .iter()
            .any(|goods| !QUANTITY.contains(&goods.quantity))
        {
            let most = QUANTITY.end();
            let detail = format!("the quantities of one product must add up to at most {most}");
            faults.add("/lines", detail);
        }
        Some(Self {
            lines,
            restock: restock?,
        })
    }
}

impl Fingerprints for ReturnRequest {
    /// Lines are merged and sorted first, so a client may reorder or split them in a
    /// repeat. Each version stays as it is for good.
    fn fingerprint(&self, version: i64) -> Option<Fingerprint> {
        match version {
            FINGERPRINT_VERSION_NOW => Some(self.fingerprint_now()),
            _ => None,
        }
    }
}

fn parse_line(mut object: Object<'_>, faults: &mut Faults) -> Option<Goods> {
    let sku = object.text("sku", faults);
    let quantity = object.integer("quantity", &QUANTITY, faults);
    object.end(faults);
    Some(Goods {
        sku: sku?,
        quantity: quantity?,
    })
}
