//! The protocol against an embedded database, with requests that get lost, fail or are late.
#![cfg(test)]

mod requests;
mod retrying;
mod settling;
mod stage;
