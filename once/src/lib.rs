#![doc = include_str!("../README.md")]
//!
//! # How it works
//!
//! An [`Intent`] is a record and the effects that go with it. They are written
//! in one transaction. Its first condition is that no record exists under the
//! key, which [`decision_name`] computes from who asks and the key they chose.
//! So the record *is* the memory of the decision. There is no "in progress"
//! state that a crash could leave behind:
//!
//! ```text
//! request ──► intent ──► [put record IF absent] + [effect IF its condition]…   one transaction
//!                             │
//!     committed ──────────────┤ the effects happened, once
//!     record was there ───────┤ decided before: the record is the answer
//!     an effect's condition ──┤ refused: recorded under the same key, then answered
//!     conflict, throttling ───┤ nothing happened: again, after a pause
//!     no answer ──────────────┘ unknown: the same request again, until it is known
//! ```
//!
//! Read `classify.rs` first: the order in which it reads the reasons is the
//! heart of the protocol. Then `settle.rs`, which is the whole of it, and
//! `retry.rs`, the only loop.

mod action;
mod classify;
mod decide;
mod derive;
mod failure;
mod intent;
mod item;
mod key;
mod outcome;
mod patience;
mod plan;
mod record;
mod retry;
mod scan;
mod session;
mod settle;
mod store;
mod tally;

pub use action::{Action, Effect};
pub use classify::{FailedEffect, decided_before};
pub use derive::{
    FINGERPRINT, FINGERPRINT_VERSION, Fingerprint, Fingerprints, NAME_CHARACTERS, decision_name,
    value_digest,
};
pub use failure::{Busy, Failure, Reason};
pub use intent::Intent;
pub use item::{Item, number, number_of, text, text_of};
pub use key::{IdempotencyKey, IdempotencyKeyError, KEY_BYTES_MAX};
pub use outcome::{Settled, Unsettled};
pub use patience::Patience;
pub use plan::{Plan, Planned, disagreement};
pub use record::record_refusal;
pub use retry::{Defect, GaveUp, Pace};
pub use scan::{SCAN_UNITS_MAX, Segment};
pub use session::{Page, Session, Written};
pub use settle::{settle, settle_by};
pub use shared::world::World;
pub use store::{RetriesAreOn, Store};
pub use tally::Tally;
