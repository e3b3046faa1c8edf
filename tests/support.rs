//! What several groups of tests share: a shop to test, a server that sits between two others, and a reader
//! of metrics.

pub(crate) mod between;
pub(crate) mod harness;
pub(crate) mod meter;
