//! A recorded refusal: the "no" that a client got, kept for its repeats.

use http::StatusCode;
use once::Fingerprint;
use serde::{Deserialize, Serialize};
use shared::problem::{MEDIA_TYPE, Problem};

use crate::answer::{Answer, Outcome};
use crate::error::Error;

/// The status of a refusal. No order has it.
pub(crate) const REJECTED: &str = "rejected";

/// A refusal as the table holds it: the answer's status and its exact bytes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Refusal {
    /// The partition key that the order or the adjustment would have.
    pk: String,
    /// The sort key that it would have.
    sk: String,
    /// Always `rejected`.
    status: String,
    /// The answer's HTTP status.
    answer_status: u16,
    /// The answer's body, byte for byte.
    answer: String,
    /// The fingerprint of the request.
    fingerprint: String,
    /// The fingerprint's version.
    fingerprint_version: i64,
    /// When DynamoDB may delete it, in seconds since 1970. `None` means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
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

    /// The answer.
    ///
    /// # Errors
    /// The stored status is not the status of a refusal.
    pub(crate) fn answer(&self, outcome: Outcome) -> Result<Answer, Error> {
        let status = StatusCode::from_u16(self.answer_status)
            .ok()
            .filter(StatusCode::is_client_error)
            .ok_or_else(|| {
                Error::Internal(format!(
                    "a refusal is stored with the status {}",
                    self.answer_status
                ))
            })?;
        Ok(Answer::bytes(
            outcome,
            status,
            MEDIA_TYPE,
            self.answer.clone(),
        ))
    }
}
