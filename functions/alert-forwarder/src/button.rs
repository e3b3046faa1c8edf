//! Makes buttons of an event's links.
//!
//! A webhook that belongs to no application may have buttons if they only open pages, and if the call says
//! `with_components=true`. Source: "Execute Webhook", Discord developer documentation.

use crate::event::{Event, Link};
use crate::message::{
    ActionRow, BUTTON_LABEL_UNITS_MAX, BUTTON_URL_UNITS_MAX, BUTTONS_MAX, Button,
};
use crate::text::{Style, fit, units};

/// One row with a button for each link that can be one.
pub(crate) fn rows(event: &Event) -> Vec<ActionRow> {
    let buttons: Vec<Button> = event
        .links
        .iter()
        .filter(|link| is_button(event, link))
        .map(|link| Button::link(label(link), link.url.as_str().to_owned()))
        .collect();
    if buttons.is_empty() {
        return Vec::new();
    }
    vec![ActionRow::new(buttons)]
}

/// Whether a link of the event is a button. A longer or a sixth one is shown in the embed.
pub(crate) fn is_button(event: &Event, link: &Link) -> bool {
    let fits = |link: &&Link| units(link.url.as_str()) <= BUTTON_URL_UNITS_MAX;
    let mut first = event.links.iter().filter(fits).take(BUTTONS_MAX);
    first.any(|button| button == link)
}

fn label(link: &Link) -> String {
    let label = fit(&link.label, Style::Plain, BUTTON_LABEL_UNITS_MAX).text;
    if label.trim().is_empty() {
        "Open".to_owned()
    } else {
        label
    }
}
