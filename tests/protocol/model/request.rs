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
    /// `Put refusal IF absent`: `once/record.rs`, and `returns.rs` for a return.
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
    /// `fulfil.rs`: the order's new status, and its stock from taken to shipped.
    Fulfil {
        key: u8,
        version: u8,
        parcel: u8,
    },
    /// `[0] Put record IF absent, [1] the order IF version, [i] stock`: `returns.rs`.
    Return {
        intent: Intent,
        by: Stamp,
        version: u8,
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
    Failed(Failed),
    /// The token was used for another body.
    Mismatch,
}

/// Which conditions failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Failed {
    /// The record that must be absent, if it is there.
    pub(super) record: Option<Record>,
    /// The order that must be as it was read, if it has changed.
    pub(super) order: Option<Record>,
    /// Whether an effect's condition failed.
    pub(super) effect: bool,
}

impl Failed {
    /// Whether any condition failed.
    pub(super) fn any(self) -> bool {
        self != Self::default()
    }
}

impl Call {
    /// Whether it carries a token.
    pub(super) fn is_transaction(self) -> bool {
        match self {
            Self::Make { .. } | Self::Confirm { .. } | Self::Release { .. } => true,
            Self::Fulfil { .. } | Self::Return { .. } | Self::Close { .. } => true,
            Self::Refuse { .. } | Self::Claim { .. } | Self::GiveBack { .. } => false,
        }
    }
}
