//! What a handler sends to DynamoDB, and what comes back.

use super::record::{Intent, Record, Stamp, Standing};

/// A client request token. Each belongs to one body.
pub(super) type Token = u8;

/// A request under way.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Request {
    pub(super) client: u8,
    pub(super) token: Token,
    pub(super) call: Call,
}

/// A write. The transactions carry a token, [`Call::Refuse`] is a `PutItem`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Call {
    /// `[0] Put record IF absent, [i] effects`: `once/decide.rs`.
    Make {
        intent: Intent,
        by: Stamp,
    },
    /// `Put refusal IF absent`: `once/record.rs`.
    Refuse {
        intent: Intent,
        by: Stamp,
    },
    /// `confirm.rs`.
    Confirm {
        key: u8,
        version: u8,
        payment: u8,
    },
    /// `release.rs`: the order's new status and the stock it held.
    Release {
        key: u8,
        version: u8,
        to: Standing,
    },
    /// The claim of [`M::ClaimFirst`].
    ///
    /// [`M::ClaimFirst`]: super::mutation::Mutation::ClaimFirst
    Claim {
        intent: Intent,
        by: Stamp,
    },
    /// The two halves of [`Call::Release`] in [`M::ReleaseApart`].
    ///
    /// [`M::ReleaseApart`]: super::mutation::Mutation::ReleaseApart
    Close {
        key: u8,
        version: u8,
        to: Standing,
    },
    GiveBack {
        key: u8,
    },
}

/// The result of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Response {
    /// Applied, now or earlier under the same token.
    Done,
    /// Which conditions failed.
    Failed {
        /// The record, if its condition failed.
        record: Option<Record>,
        /// Whether an effect's condition failed.
        effect: bool,
    },
    /// The token was used for another body.
    Mismatch,
}

impl Response {
    /// A version condition on an item that does not exist.
    pub(super) const NOTHING_THERE: Self = Self::Failed {
        record: None,
        effect: false,
    };

    pub(super) fn failed_by(record: Record) -> Self {
        Self::Failed {
            record: Some(record),
            effect: false,
        }
    }
}

impl Call {
    /// Whether it carries a token.
    pub(super) fn is_transaction(self) -> bool {
        match self {
            Self::Make { .. } | Self::Confirm { .. } | Self::Release { .. } => true,
            Self::Close { .. } => true,
            Self::Refuse { .. } | Self::Claim { .. } | Self::GiveBack { .. } => false,
        }
    }
}
