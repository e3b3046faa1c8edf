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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Place;

    fn body(lines: &str) -> String {
        format!(r#"{{"lines": [{lines}], "restock": true}}"#)
    }

    fn parse(lines: &str) -> Result<Vec<(String, i64)>, Vec<Place>> {
        let parsed = ReturnRequest::parse(body(lines).as_bytes());
        let pair = |goods: Goods| (goods.sku.as_str().to_owned(), goods.quantity);
        match parsed {
            Ok(request) => Ok(request.lines.into_iter().map(pair).collect()),
            Err(faults) => Err(faults.into_iter().map(|fault| fault.place).collect()),
        }
    }

    fn line(sku: &str, quantity: i64) -> String {
        format!(r#"{{"sku": "{sku}", "quantity": {quantity}}}"#)
    }

    #[test]
    fn lines_of_one_product_are_added_and_sorted() {
        let lines = [line("TEA", 1), line("CUP", 2), line("TEA", 3)].join(",");
        let expected = vec![("CUP".to_owned(), 2), ("TEA".to_owned(), 4)];
        assert_eq!(parse(&lines), Ok(expected));
    }

    #[test]
    fn a_wrong_line_is_named_and_so_is_a_sum_beyond_the_limit() {
        let place = |pointer: &str| Err(vec![Place::Body(pointer.to_owned())]);
        assert_eq!(
            parse(&[line("A", 1), line("B", 0)].join(",")),
            place("/lines/1/quantity")
        );
        assert_eq!(parse(&line("", 1)), place("/lines/0/sku"));
        // What is wrong with one line is enough to say.
        let both = [line("A", 0), line("B", 1_000_000), line("B", 1)].join(",");
        assert_eq!(parse(&both), place("/lines/0/quantity"));
        let half = line("A", 500_000);
        let whole = vec![("A".to_owned(), 1_000_000)];
        assert_eq!(parse(&[half.clone(), half.clone()].join(",")), Ok(whole));
        assert_eq!(
            parse(&[half, line("A", 500_001)].join(",")),
            place("/lines")
        );
    }

    #[test]
    fn fingerprints_are_the_same_in_every_release() {
        let parsed = |text: &str| ReturnRequest::parse(text.as_bytes()).unwrap();
        let request = parsed(&body(&line("TEA-01", 2)));
        let print = request.fingerprint(FINGERPRINT_VERSION_NOW).unwrap();
        // If this text changed, every repeat would count as another request.
        assert_eq!(
            print.as_str(),
            "DY0KcXTHlBWdvA9NydCzWJ0npZ6cFmYBRPKmTfsW1lA"
        );
        assert_eq!(request.fingerprint(FINGERPRINT_VERSION_NOW + 1), None);
        let written_off = parsed(&body(&line("TEA-01", 2)).replace("true", "false"));
        assert_ne!(written_off.fingerprint_now(), print);
        assert_ne!(parsed(&body(&line("TEA-01", 3))).fingerprint_now(), print);
    }
}
