//! Parses an order that a client requests. Its lines are merged and sorted.

use std::ops::RangeInclusive;

use once::{Fingerprint, Fingerprints};

use crate::body::{self, Object};
use crate::fault::{Fault, Faults};
use crate::metadata::{self, Metadata, Reference};
use crate::product::{Currency, Sku, UNIT_PRICE_MAX};

/// How many lines an order may have, before lines of one product are merged.
pub(crate) const LINES: RangeInclusive<usize> = 1..=50;

/// How many of one product an order may have, also after merging.
pub(crate) const QUANTITY: RangeInclusive<i64> = 1..=1_000_000;

/// The version of the fingerprint and the answer of an order without reference and
/// metadata: what the first release writes, so that both releases can answer it.
const PLAIN: i64 = 1;

/// The version of the fingerprint and the answer of an order with either.
const EXTENDED: i64 = 2;

const UNIT_PRICE: RangeInclusive<i64> = 0..=UNIT_PRICE_MAX;

/// A valid order that is not decided yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    /// The currency of the prices that the customer saw.
    pub(crate) currency: Currency,
    /// One line for each product, sorted by product.
    pub(crate) lines: Vec<Line>,
    /// The sum, in the currency's smallest unit.
    pub(crate) total: i64,
    /// The shop's own name for the order.
    pub(crate) reference: Option<Reference>,
    /// The shop's texts.
    pub(crate) metadata: Metadata,
}

/// A quantity of one product, at the price that the customer saw.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    /// The product.
    pub(crate) sku: Sku,
    /// How many.
    pub(crate) quantity: i64,
    /// The price of one that the customer saw, in the currency's smallest unit.
    pub(crate) unit_price: i64,
}

impl Draft {
    /// Parses the body of `POST /orders`.
    ///
    /// # Errors
    /// Returns all faults, each with its JSON pointer.
    pub fn parse(body: &[u8]) -> Result<Self, Vec<Fault>> {
        body::read(body, Self::take)
    }

    /// The version of the fingerprint and of the answer of this order.
    pub(crate) fn version(&self) -> i64 {
        if self.reference.is_none() && self.metadata.is_empty() {
            PLAIN
        } else {
            EXTENDED
        }
    }

    /// The fingerprint under [`Draft::version`].
    pub(crate) fn fingerprint_now(&self) -> Fingerprint {
        if self.version() == PLAIN {
            self.plain_fingerprint()
        } else {
            self.extended_fingerprint()
        }
    }

    fn plain_fingerprint(&self) -> Fingerprint {
        let mut fields = vec![b"order".to_vec(), self.currency.as_str().into()];
        for line in &self.lines {
            fields.push(line.sku.as_str().into());
            fields.push(line.quantity.to_be_bytes().into());
            fields.push(line.unit_price.to_be_bytes().into());
        }
        Fingerprint::of(fields.iter().map(Vec::as_slice))
    }

    /// Lists have their lengths before them, so that no text of one can be taken for
    /// a text of the next.
    fn extended_fingerprint(&self) -> Fingerprint {
        let count = |length: usize| length.to_be_bytes().to_vec();
        let mut fields = vec![b"order with extras".to_vec(), self.currency.as_str().into()];
        fields.push(count(self.lines.len()));
        for line in &self.lines {
            fields.push(line.sku.as_str().into());
            fields.push(line.quantity.to_be_bytes().into());
            fields.push(line.unit_price.to_be_bytes().into());
        }
        fields.push(count(self.reference.iter().len()));
        fields.extend(self.reference.iter().map(|it| it.as_str().into()));
        fields.push(count(self.metadata.len()));
        for (name, value) in &self.metadata {
            fields.push(name.as_str().into());
            fields.push(value.as_str().into());
        }
        Fingerprint::of(fields.iter().map(Vec::as_slice))
    }

    fn take(mut object: Object<'_>, faults: &mut Faults) -> Option<Self> {
        let currency = object.text("currency", faults);
        let lines = object.objects("lines", &LINES, faults);
        let reference = object.optional_text("reference", faults);
        let metadata = metadata::take(&mut object, faults);
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
        let lines = merge(parsed, faults)?;
        let total = total(&lines);
        if total.is_none() {
            faults.add("/lines", "the total is too large");
        }
        Some(Self {
            currency: currency?,
            lines,
            total: total?,
            reference,
            metadata,
        })
    }
}

impl Fingerprints for Draft {
    /// Lines are merged and sorted first, so a client may reorder or split them in
    /// a repeat. Each version stays as it is for good.
    ///
    /// A record of the version that this order does not have is another request's.
    /// The fingerprint then differs from the record's, because the hash is of other
    /// fields.
    fn fingerprint(&self, version: i64) -> Option<Fingerprint> {
        match version {
            PLAIN | EXTENDED => Some(self.fingerprint_now()),
            _ => None,
        }
    }
}

fn parse_line(mut object: Object<'_>, faults: &mut Faults) -> Option<Line> {
    let sku = object.text("sku", faults);
    let quantity = object.integer("quantity", &QUANTITY, faults);
    let unit_price = object.integer("unit_price", &UNIT_PRICE, faults);
    object.end(faults);
    Some(Line {
        sku: sku?,
        quantity: quantity?,
        unit_price: unit_price?,
    })
}

/// Merges lines of one product and sorts by product: a transaction may touch
/// an item only once.
fn merge(lines: Vec<Line>, faults: &mut Faults) -> Option<Vec<Line>> {
    let mut merged: Vec<Line> = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        let Some(same) = merged.iter_mut().find(|earlier| earlier.sku == line.sku) else {
            merged.push(line);
            continue;
        };
        if same.unit_price != line.unit_price {
            let pointer = format!("/lines/{index}/unit_price");
            faults.add(&pointer, "one product has two prices in this order");
            return None;
        }
        // At most 50 lines of at most a million: this cannot overflow.
        same.quantity += line.quantity;
        if !QUANTITY.contains(&same.quantity) {
            let pointer = format!("/lines/{index}/quantity");
            let most = QUANTITY.end();
            faults.add(
                &pointer,
                format!("the quantities of this product must add up to at most {most}"),
            );
            return None;
        }
    }
    merged.sort_by(|one, other| one.sku.cmp(&other.sku));
    Some(merged)
}

fn total(lines: &[Line]) -> Option<i64> {
    lines.iter().try_fold(0_i64, |sum, line| {
        sum.checked_add(line.quantity.checked_mul(line.unit_price)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Place;

    fn line(sku: &str, quantity: &str, unit_price: &str) -> String {
        format!(r#"{{"sku": "{sku}", "quantity": {quantity}, "unit_price": {unit_price}}}"#)
    }

    fn body(lines: &[String]) -> String {
        format!(r#"{{"currency": "KRW", "lines": [{}]}}"#, lines.join(","))
    }

    fn draft(lines: &[String]) -> Draft {
        Draft::parse(body(lines).as_bytes()).unwrap()
    }

    #[track_caller]
    fn check_fault(body: &str, pointer: &str) {
        let faults = Draft::parse(body.as_bytes()).unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| fault.place.clone()).collect();
        assert_eq!(places, [Place::Body(pointer.to_owned())], "{faults:?}");
    }

    #[test]
    fn an_order_is_read_with_its_total() {
        let draft = draft(&[line("TEA-01", "2", "19900"), line("CUP", "1", "0")]);
        assert_eq!(draft.total, 39_800);
        let skus: Vec<_> = draft.lines.iter().map(|line| line.sku.as_str()).collect();
        assert_eq!(skus, ["CUP", "TEA-01"]);
    }

    #[test]
    fn the_order_and_the_splitting_of_lines_do_not_change_the_fingerprint() {
        let one = draft(&[line("A", "3", "5"), line("B", "1", "7")]);
        let other = draft(&[
            line("B", "1", "7"),
            line("A", "1", "5"),
            line("A", "2", "5"),
        ]);
        assert_eq!(one, other);
        let reordered = r#"{"lines": [{"unit_price": 7, "quantity": 1, "sku": "B"},
            {"sku": "A", "unit_price": 5, "quantity": 3}], "currency": "KRW"}"#;
        let reordered = Draft::parse(reordered.as_bytes()).unwrap();
        assert_eq!(one.fingerprint_now(), reordered.fingerprint_now());
    }

    #[test]
    fn a_fraction_or_a_second_price_is_a_fault() {
        check_fault(&body(&[line("A", "1.0", "5")]), "/lines/0/quantity");
        check_fault(
            &body(&[line("A", "1", "5"), line("A", "1", "6")]),
            "/lines/1/unit_price",
        );
    }

    #[test]
    fn lines_are_compared_only_if_each_is_right() {
        // The third line would have another place among those that are right.
        let lines = [
            line("A", "0", "5"),
            line("A", "1", "5"),
            line("A", "1", "6"),
        ];
        check_fault(&body(&lines), "/lines/0/quantity");
    }

    #[test]
    fn every_difference_in_meaning_changes_the_fingerprint() {
        let base = draft(&[line("A", "1", "5")]);
        let others = [
            draft(&[line("A", "2", "5")]),
            draft(&[line("A", "1", "0")]),
            draft(&[line("A", "1", "5"), line("B", "1", "0")]),
            draft(&[line("A1", "1", "5")]),
            Draft {
                currency: "USD".parse().unwrap(),
                ..base.clone()
            },
        ];
        for other in &others {
            assert_ne!(base.fingerprint_now(), other.fingerprint_now(), "{other:?}");
        }
    }

    #[test]
    fn null_and_false_are_not_values() {
        check_fault(&body(&[line("A", "null", "5")]), "/lines/0/quantity");
        check_fault(&body(&[line("A", "1", "false")]), "/lines/0/unit_price");
        check_fault(&body(&[line("", "1", "5")]), "/lines/0/sku");
        check_fault(
            r#"{"currency": "", "lines": [{"sku": "A", "quantity": 1, "unit_price": 5}]}"#,
            "/currency",
        );
        check_fault(r#"{"currency": "KRW", "lines": null}"#, "/lines");
    }

    #[test]
    fn a_quantity_is_an_integer_from_1_to_a_million() {
        for bad in ["0", "-1", "9223372036854775808", "1.5", "\"1\"", "1000001"] {
            check_fault(&body(&[line("A", bad, "5")]), "/lines/0/quantity");
        }
        assert_eq!(draft(&[line("A", "1000000", "5")]).total, 5_000_000);
    }

    #[test]
    fn lines_are_counted_before_they_are_merged() {
        check_fault(&body(&vec![line("A", "1", "5"); 51]), "/lines");
        check_fault(&body(&[]), "/lines");
        assert_eq!(draft(&vec![line("A", "1", "5"); 50]).lines.len(), 1);
    }

    #[test]
    fn limits_hold_again_after_merging() {
        let half = line("A", "500001", "5");
        check_fault(&body(&[half.clone(), half]), "/lines/1/quantity");
    }

    #[test]
    fn a_total_beyond_64_bits_is_a_fault() {
        let dear = |sku: &str| line(sku, "1000000", "1000000000000");
        let lines: Vec<_> = (0..10).map(|n| dear(&format!("S{n}"))).collect();
        check_fault(&body(&lines), "/lines");
    }

    #[test]
    fn all_faults_of_an_order_are_reported_at_once() {
        let text = r#"{"currency": "won", "lines": [{"sku": "A b", "quantity": 0}], "note": ""}"#;
        let faults = Draft::parse(text.as_bytes()).unwrap_err();
        let places: Vec<_> = faults.into_iter().map(|fault| fault.place).collect();
        let expected = [
            "/currency",
            "/note",
            "/lines/0/sku",
            "/lines/0/quantity",
            "/lines/0/unit_price",
        ];
        assert_eq!(
            places,
            expected.map(|pointer| Place::Body(pointer.to_owned()))
        );
    }

    #[test]
    fn fingerprints_are_the_same_in_every_release() {
        // If this text changed, every repeat would count as another request.
        let draft = draft(&[line("TEA-01", "2", "19900")]);
        let print = |draft: &Draft| draft.fingerprint_now().as_str().to_owned();
        let plain = "c_2aU1LkRzy1gsXAkH2O4BXScrDurHQwdbdTX6yKdeI";
        assert_eq!((draft.version(), print(&draft).as_str()), (1, plain));
        assert_eq!((draft.fingerprint(0), draft.fingerprint(3)), (None, None));
        let extended = with(&draft, Some("basket 7"), &[("gift", "yes")]);
        let print = print(&extended);
        assert_eq!(
            (extended.version(), print.as_str()),
            (2, "FSjqRNgg__VYgMqZLYe1ysOetKQAVbtf6gKeAS5XL1Q")
        );
    }

    /// The draft with a reference and metadata.
    fn with(draft: &Draft, reference: Option<&str>, metadata: &[(&str, &str)]) -> Draft {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Draft {
            reference: reference.map(|text| text.parse().unwrap()),
            metadata: metadata.iter().map(pair).collect(),
            ..draft.clone()
        }
    }

    #[test]
    fn a_reference_or_metadata_make_another_request_under_both_versions() {
        let plain = draft(&[line("A", "1", "5")]);
        let drafts = [
            plain.clone(),
            with(&plain, Some("a"), &[]),
            with(&plain, Some("b"), &[]),
            with(&plain, None, &[("a", "")]),
            with(&plain, None, &[("", "a")]),
            with(&plain, None, &[("a", "b")]),
            with(&plain, Some("a"), &[("a", "b")]),
            with(&plain, None, &[("a", "b"), ("c", "d")]),
        ];
        for (place, one) in drafts.iter().enumerate() {
            for (other_place, other) in drafts.iter().enumerate() {
                let record = (other.version(), other.fingerprint_now());
                let same = one.fingerprint(record.0) == Some(record.1);
                assert_eq!(same, place == other_place, "{one:?} {other:?}");
            }
        }
        let none = with(&plain, None, &[]);
        assert_eq!((none.version(), none), (1, plain));
    }
}
