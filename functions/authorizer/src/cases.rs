//! The numbered cases of the specification, one test each, and what keeps them honest.
//!
//! Before a case that common libraries get wrong, its test shows that the
//! library alone accepts the token (`harness::library_accepts`).

mod audit;
mod claims;
mod configuration;
mod corpus;
mod dependencies;
mod events;
mod failing_sources;
mod form;
mod harness;
mod key_sets;
mod mutations;
mod rotation;
mod servers;
mod signatures;
mod signers;
mod sources;
mod test_keys;
