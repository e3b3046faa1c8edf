//! The cost report: from the answers of the services that know the costs to the message in Discord.

mod calls;
mod missing;
mod months;
mod sample;
mod sending;
mod stage;
mod unusual;
