//! CORS and the security headers of every answer, through the gateway and through the edge.
//!
//! Read [`expected`] first: it lists the promised headers. [`preflights`] tests preflights,
//! [`table`] all other answers. Tests in a real browser are in [`crate::browser`].

pub(crate) mod api;
mod calls;
mod expected;
mod preflights;
mod starting;
mod table;
pub(crate) mod template;
mod throttle;
