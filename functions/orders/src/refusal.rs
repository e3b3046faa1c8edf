//! Owns a recorded refusal: the "no" that a client was told, kept to be told again.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::problem::{MEDIA_TYPE, Problem};

use crate::answer::{Answer, Outcome};
use crate::error::Error;
use once::derive::Fingerprint;
use once::{Item, text_of};

/// The status that tells a refusal from what stands in the same place otherwise.
pub const REJECTED: &str = "rejected";

/// A refusal as the table holds it: the answer's status and its exact bytes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Refusal {
    /// Where the decision stands: the key of what would have been made.
    pub pk: String,
    /// Likewise.
    pub sk: String,
    /// Always `rejected`.
    pub status: String,
    /// The answer's HTTP status.
    pub answer_status: u16,
    /// The answer's body, byte for byte.
    pub answer: String,
    /// What was asked for.
    pub fingerprint: String,
    /// How that was computed.
    pub fingerprint_version: i64,
    /// When DynamoDB may delete it, in seconds since 1970, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl Refusal {
    /// The refusal that answers with a problem.
    pub fn new(
        (pk, sk): (String, String),
        problem: &Problem,
        fingerprint: &Fingerprint,
        fingerprint_version: i64,
        expires_at: Option<i64>,
    ) -> Self {
        Self {
            pk,
            sk,
            status: REJECTED.to_owned(),
            answer_status: problem.status().as_u16(),
            answer: problem.body(),
            fingerprint: fingerprint.as_str().to_owned(),
            fingerprint_version,
            expires_at,
        }
    }

    /// Reads a refusal, or `None` if the item is something else.
    ///
    /// # Errors
    /// It says that it is a refusal, but is none that this release can read.
    pub fn read(item: &Item) -> Result<Option<Self>, Error> {
        if text_of(item, "status") != Some(REJECTED) {
            return Ok(None);
        }
        serde_dynamo::from_item(item.clone())
            .map(Some)
            .map_err(|error| Error::Internal(format!("a refusal cannot be read: {error}")))
    }

    /// The answer.
    ///
    /// # Errors
    /// The stored status is none of a refusal.
    pub fn into_answer(self, outcome: Outcome) -> Result<Answer, Error> {
        let status = StatusCode::from_u16(self.answer_status)
            .ok()
            .filter(StatusCode::is_client_error)
            .ok_or_else(|| Error::Internal(format!("a refusal by {}", self.answer_status)))?;
        Ok(Answer::bytes(outcome, status, MEDIA_TYPE, self.answer))
    }
}
