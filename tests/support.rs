//! What tests of several groups need: a shop to test, and a server between two others.

pub(crate) mod between;
pub(crate) mod harness;
