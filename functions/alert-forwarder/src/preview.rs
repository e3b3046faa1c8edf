//! Shows the messages of an event without sending them.

use serde_json::Value;

use crate::config::Config;
use crate::envelope::unwrap;
use crate::message::{Detail, Message};
use crate::parse::parse;
use crate::render::render;

/// The messages that the function would post for an event, as its first try and on their own routes.
pub fn preview(config: &Config, event: &Value) -> Vec<Message> {
    unwrap(event, "preview")
        .notifications
        .iter()
        .filter_map(|notification| {
            let event = config.accounts.named(parse(notification));
            let options = config.routes.pick(&event)?.options();
            Some(render(&event, &options, Detail::Full))
        })
        .collect()
}
