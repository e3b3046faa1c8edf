//! Owns CORS and the security headers: what every answer carries, through the gateway and the edge.
//!
//! Read [`expected`] first: the headers that are promised, written out. The case numbers are
//! those of the capability's cases: 1 to 5 judge preflights, 6 to 10 every other answer, 11 the
//! start, and 12 a real browser ([`crate::browser`]).

pub(crate) mod api;
mod calls;
mod expected;
mod preflights;
mod starting;
mod table;
pub(crate) mod template;
