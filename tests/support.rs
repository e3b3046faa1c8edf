//! What several groups of tests share: a shop to test, and a server that sits between two others.

pub(crate) mod between;
pub(crate) mod harness;
