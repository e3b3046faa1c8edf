//! A return of goods: as the table holds it, and as the client sees it.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Outcome};
use crate::error::Error;
use crate::goods::Goods;
use crate::moment::Moment;

/// The version of the answer that a return gets from this release.
pub(crate) const ANSWER_VERSION_NOW: i64 = 1;

/// What a return's id begins with.
const ID_PREFIX: &str = "ret_";

/// What a return's sort key begins with.
pub(crate) const SORT_KEY_PREFIX: &str = "RET#";

/// A return as the table holds it, in its order's partition. It is never edited or
/// deleted. It has no `owner` and no `created_at`: with these it would be in lists
/// of orders.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Return {
    pub(crate) pk: String,
    pub(crate) sk: String,
    pub(crate) lines: Vec<Goods>,
    pub(crate) restock: bool,
    pub(crate) by: String,
    pub(crate) at: Moment,
    pub(crate) answer_version: i64,
    pub(crate) fingerprint: String,
    pub(crate) fingerprint_version: i64,
}

#[derive(Serialize)]
struct ReturnView<'entry> {
    id: String,
    order_id: &'entry str,
    lines: &'entry [Goods],
    restock: bool,
    at: String,
}

impl Return {
    /// The answer to the return: the same bytes each time.
    ///
    /// # Errors
    /// A newer release gave the answer, in a form that this one does not know.
    pub(crate) fn answer(&self, outcome: Outcome) -> Result<Answer, Error> {
        let view = match self.answer_version {
            1 => ReturnView {
                id: format!("{ID_PREFIX}{}", self.sk.trim_start_matches(SORT_KEY_PREFIX)),
                order_id: self.pk.trim_start_matches("ORD#"),
                lines: &self.lines,
                restock: self.restock,
                at: self.at.to_string(),
            },
            _ => return Err(Error::unreadable()),
        };
        Answer::json(outcome, StatusCode::CREATED, &view)
    }
}
