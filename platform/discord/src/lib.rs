//! A stand-in for Discord's webhooks: it accepts what Discord accepts, refuses what Discord
//! refuses, and shows the messages in the terminal and on a page.
//!
//! [`limits`] refuses messages, [`fault`] has the faults that a test can script, `webhook` answers
//! the calls, and `page` draws the channel.

mod answers;
mod channel;
mod component;
pub mod fault;
mod incoming;
pub mod limits;
pub mod markdown;
pub mod message;
mod page;
mod rate;
mod router;
mod thread;
mod webhook;

pub use channel::{Call, Discord, TARGET};
pub use router::router;
pub use thread::Thread;
