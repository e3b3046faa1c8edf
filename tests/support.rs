//! What several groups of tests share: a shop to test, the description of its answers, a server that sits
//! between two others, a reader of metrics, and the laws that a table must keep.

pub(crate) mod answer;
pub(crate) mod between;
pub(crate) mod books;
pub(crate) mod cases;
pub(crate) mod description;
pub(crate) mod harness;
pub(crate) mod host;
pub(crate) mod meter;
