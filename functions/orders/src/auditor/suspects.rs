//! Decides when a difference is proven.
//!
//! A scan is no snapshot: it can see one half of a transaction. So a difference is first a
//! suspect:
//!
//! ```text
//! pass ──► versions ──► wait ──► pass ──► versions ──► wait ──► versions
//!             v                   the same difference     v        v      ──► proven
//! ```
//!
//! Each wait is longer than a transaction takes until all reads see it. The version is the
//! same before the second pass and one wait after it, so no transaction of the subject
//! was half seen in that pass. Two passes without the last wait are not enough: the first
//! may see one transaction's stock before its order, the second another's order before its
//! stock.

use std::collections::BTreeMap;

use super::evidence::Wrong;
use super::finding::{Finding, Kind, Subject};
use crate::books::Books;

/// A difference that is not proven.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Suspect {
    /// What differs.
    pub(crate) findings: Vec<Finding>,
    /// The version of the subject after the pass: of all its shards together, if it is a
    /// product. `None` if there is no such item.
    pub(crate) version: Option<i64>,
    /// How many shards it has: 1 unless it is a product with more.
    pub(crate) shards: u32,
    /// The numbers of a product of one shard.
    pub(crate) books: Option<Books>,
    /// Adjustments that are as large as what the ledger has too much.
    pub(crate) alike: Vec<String>,
}

/// All suspects of a pass.
pub(crate) type Suspects = BTreeMap<Subject, Suspect>;

impl Suspect {
    /// A suspect, at the version that its subject has after the pass.
    pub(crate) fn new(wrong: Wrong, version: Option<i64>) -> Self {
        let mut findings = wrong.findings;
        for finding in &mut findings {
            finding.given_the_order(version.is_some());
        }
        Self {
            findings,
            version,
            shards: wrong.shards,
            books: wrong.books,
            alike: wrong.alike,
        }
    }

    /// Whether it has a finding of the same kind about the same.
    pub(crate) fn has(&self, finding: &Finding) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|own| {
            let mut other = finding.clone();
            other.given_the_order(self.version.is_some());
            own.kind == other.kind && own.about == other.about
        })
    }

    /// Adds what another look proved about the same subject.
    pub(crate) fn add(&mut self, other: Self) {
        for finding in other.findings {
            if !self.has(&finding) {
                self.findings.push(finding);
            }
        }
        self.version = other.version.or(self.version);
        self.books = other.books.or(self.books);
        self.alike.extend(other.alike);
    }

    /// Whether a later pass found the same, at the same version.
    fn stands_as(&self, later: &Self) -> bool {
        self.findings == later.findings && self.version == later.version
    }
}

/// The suspects of the pass that stood as they are in the pass before.
pub(crate) fn standing(before: &Suspects, now: &Suspects) -> Suspects {
    let stands = |(subject, suspect): &(&Subject, &Suspect)| {
        let earlier = before.get(*subject);
        earlier.is_some_and(|earlier| earlier.stands_as(suspect))
    };
    let standing = now.iter().filter(stands);
    standing
        .map(|(subject, suspect)| (subject.clone(), suspect.clone()))
        .collect()
}

/// The standing suspects whose version is still the same after one more wait.
pub(crate) fn proven(
    mut standing: Suspects,
    versions: &BTreeMap<Subject, Option<i64>>,
) -> Suspects {
    standing.retain(|subject, suspect| versions.get(subject) == Some(&suspect.version));
    standing
}

/// How much more each ledger has than came in, for the products where they differ.
pub(crate) fn ledger_differences(suspects: &Suspects) -> BTreeMap<String, i64> {
    let mut differences = BTreeMap::new();
    for (subject, suspect) in suspects {
        let Subject::Product(sku) = subject else {
            continue;
        };
        let mut findings = suspect.findings.iter();
        if let Some(ledger) = findings.find(|it| it.kind == Kind::ReceivedDiffers) {
            differences.insert(sku.clone(), ledger.expected - ledger.found);
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tea() -> Subject {
        Subject::Product("TEA-01".to_owned())
    }

    /// A pass that found this much taken where 5 was expected, at this version.
    fn pass(found: i64, version: i64) -> Suspects {
        let finding = Finding {
            kind: Kind::TakenDiffers,
            about: None,
            expected: 5,
            found,
        };
        let suspect = Suspect {
            findings: vec![finding],
            version: Some(version),
            shards: 1,
            books: None,
            alike: Vec::new(),
        };
        BTreeMap::from([(tea(), suspect)])
    }

    #[track_caller]
    fn check(first: &Suspects, second: &Suspects, last_version: i64, is_proven: bool) {
        let versions = BTreeMap::from([(tea(), Some(last_version))]);
        let proven = proven(standing(first, second), &versions);
        assert_eq!(!proven.is_empty(), is_proven);
    }

    #[test]
    fn a_difference_is_proven_when_it_stands_twice_and_nothing_moved_until_one_wait_later() {
        check(&pass(6, 7), &pass(6, 7), 7, true);
        // It moved during the last wait, so the second pass may have seen half of that move.
        check(&pass(6, 7), &pass(6, 7), 8, false);
        check(&pass(6, 7), &pass(6, 8), 8, false);
        check(&pass(6, 7), &pass(4, 7), 7, false);
        check(&Suspects::new(), &pass(6, 7), 7, false);
    }

    #[test]
    fn an_order_that_is_gone_has_no_version_and_stays_gone() {
        let mut lost = pass(6, 7);
        let mut suspect = lost.remove(&tea()).unwrap();
        suspect.version = None;
        let order = Subject::Order("ord_1".to_owned());
        let lost = Suspects::from([(order.clone(), suspect)]);
        let stands = standing(&lost, &lost);
        let gone = BTreeMap::from([(order.clone(), None)]);
        assert_eq!(proven(stands.clone(), &gone).len(), 1);
        let back = BTreeMap::from([(order, Some(1))]);
        assert_eq!(proven(stands, &back).len(), 0);
    }

    #[test]
    fn another_look_adds_what_is_new_and_nothing_twice() {
        let look = |about: Option<&str>, kind, version| Suspect {
            findings: vec![Finding {
                kind,
                about: about.map(str::to_owned),
                expected: 5,
                found: 6,
            }],
            version,
            shards: 1,
            books: None,
            alike: vec!["ADJ#1".to_owned()],
        };
        let mut suspect = look(Some("a"), Kind::TakenDiffers, Some(7));
        suspect.add(look(Some("a"), Kind::TakenDiffers, None));
        assert_eq!((suspect.findings.len(), suspect.version), (1, Some(7)));
        suspect.add(look(Some("b"), Kind::TakenDiffers, Some(8)));
        suspect.add(look(Some("a"), Kind::ShippedDiffers, None));
        let about = |it: &Finding| (it.kind, it.about.clone());
        assert_eq!(
            suspect.findings.iter().map(about).collect::<Vec<_>>(),
            [
                (Kind::TakenDiffers, Some("a".to_owned())),
                (Kind::TakenDiffers, Some("b".to_owned())),
                (Kind::ShippedDiffers, Some("a".to_owned())),
            ]
        );
        assert_eq!((suspect.version, suspect.alike.len()), (Some(8), 4));
    }

    #[test]
    fn a_ledger_that_has_too_much_says_by_how_much() {
        assert!(ledger_differences(&pass(6, 7)).is_empty());
        let mut ledger = pass(6, 7);
        for suspect in ledger.values_mut() {
            for finding in &mut suspect.findings {
                finding.kind = Kind::ReceivedDiffers;
                (finding.expected, finding.found) = (25, 20);
            }
        }
        let expected = BTreeMap::from([("TEA-01".to_owned(), 5)]);
        assert_eq!(ledger_differences(&ledger), expected);
    }
}
