//! The status of an order, and which can follow which.
//!
//! ```text
//! pending ──► confirmed ──► fulfilled
//!    │            │
//!    ├──► cancelled ◄─┘
//!    └──► expired
//! ```

use serde::{Deserialize, Serialize};

/// The status of an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// It holds its stock until it is confirmed, cancelled or expired.
    Pending,
    /// It was paid.
    Confirmed,
    /// Its goods left. They are no longer in stock, and may come back as returns.
    Fulfilled,
    /// It was cancelled, and its stock was given back.
    Cancelled,
    /// Its hold ran out, and its stock was given back.
    Expired,
}

impl Status {
    /// Every status.
    pub(crate) const ALL: [Self; 5] = [
        Self::Pending,
        Self::Confirmed,
        Self::Fulfilled,
        Self::Cancelled,
        Self::Expired,
    ];

    /// Whether the order can never change again. A fulfilled order can have returns.
    pub(crate) const fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Confirmed | Self::Fulfilled => false,
            Self::Cancelled | Self::Expired => true,
        }
    }

    /// The word in the table and in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Fulfilled => "fulfilled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}
