//! The ledger: the adjustments of stock, as the table and the client see them.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Outcome};
use crate::error::Error;
use crate::moment::Moment;
use crate::text::Text;

/// The version of the answer that an adjustment gets from this release.
pub(crate) const ANSWER_VERSION_NOW: i64 = 1;

/// What an adjustment's id begins with.
pub(crate) const ID_PREFIX: &str = "adj_";

/// What an adjustment's sort key begins with.
pub(crate) const SORT_KEY_PREFIX: &str = "ADJ#";

/// Why stock was added or removed.
pub(crate) type Reason = Text<200>;

/// An adjustment of stock as the table holds it. It is never edited or deleted.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Entry {
    pub(crate) pk: String,
    pub(crate) sk: String,
    pub(crate) delta: i64,
    pub(crate) reason: Reason,
    pub(crate) by: String,
    pub(crate) at: Moment,
    pub(crate) answer_version: i64,
    pub(crate) fingerprint: String,
    pub(crate) fingerprint_version: i64,
}

/// An adjustment as the client sees it. It never shows the new stock, so that a
/// repeat can get the same bytes.
#[derive(Serialize)]
struct EntryView<'entry> {
    id: String,
    sku: &'entry str,
    delta: i64,
    reason: &'entry str,
    at: String,
}

impl Entry {
    /// The answer to the adjustment: the same bytes each time.
    ///
    /// # Errors
    /// A newer release gave the answer, in a form that this one does not know.
    pub(crate) fn answer(&self, outcome: Outcome) -> Result<Answer, Error> {
        let view = match self.answer_version {
            1 => EntryView {
                id: format!("{ID_PREFIX}{}", self.sk.trim_start_matches(SORT_KEY_PREFIX)),
                sku: self.pk.trim_start_matches("SKU#"),
                delta: self.delta,
                reason: self.reason.as_str(),
                at: self.at.to_string(),
            },
            _ => return Err(Error::unreadable()),
        };
        Answer::json(outcome, StatusCode::CREATED, &view)
    }
}
