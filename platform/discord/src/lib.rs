//! A stand-in for Discord's webhooks: it accepts what Discord accepts, refuses what Discord refuses,
//! and shows the messages in the terminal and on a page.
//!
//! [`limits`] holds what is refused, [`fault`] what can be made to go wrong, `webhook` how calls are
//! answered, and `page` how the channel looks.

mod channel;
pub mod fault;
mod incoming;
pub mod limits;
pub mod markdown;
pub mod message;
mod page;
mod rate;
mod router;
mod webhook;

pub use channel::{Call, Discord, TARGET};
pub use router::router;
