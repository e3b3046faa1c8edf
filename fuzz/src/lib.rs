//! Feeds arbitrary bytes to every parser of input from outside, and checks what must hold for any input.
//!
//! Each target is an ordinary function. `./check fuzz` searches for inputs with libFuzzer, which
//! keeps those that reach new code. `fuzz/corpus/TARGET/` holds the smallest set of them, and
//! `./check` replays it with the compiler of the project. Where random bytes would only ever meet
//! the first check, a target reads its bytes as decisions: which sample to take, and what to change
//! in it.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a target reports what it found"
)]

mod alerts;
mod authorizing;
mod costs;
mod document;
mod ordering;
mod preflight;
mod redis;
#[cfg(test)]
mod replay;
mod stage;
mod templates;
mod tokens;

/// A target: its name, and the function that gets the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 13] = [
    ("alert", alerts::alert),
    ("authorizer-event", authorizing::event),
    ("cost-answers", costs::answers),
    ("cursor", ordering::cursor),
    ("envelope", alerts::envelope),
    ("json", document::json),
    ("jwk-set", tokens::jwk_set),
    ("order-body", ordering::body),
    ("order-request", ordering::request),
    ("preflight", preflight::headers),
    ("redis-entry", redis::entry),
    ("template", templates::template),
    ("token", tokens::token),
];

/// The target of this name.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.map(|(_, run)| *run)
}
