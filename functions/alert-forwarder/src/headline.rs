//! Writes the headline: the line that a phone shows of a message before anybody opens it.
//!
//! A phone's notification shows the content and no embed, and some readers have embeds switched off. So
//! the content says what broke, where and since when. Its time is text, because a notification may show
//! Discord's own time stamps as they are written.

use std::fmt::Write as _;

use crate::event::{Event, Moment, State};
use crate::text::{Style, fit};

const ACCOUNT_UNITS_MAX: usize = 64;
const TIME_UNITS_MAX: usize = 64;

/// `🔴 ALARM · name · account · since 2026-07-19 10:00 UTC`, at most 450 units. The title is the embed's.
pub(crate) fn headline(event: &Event, title: &str) -> String {
    let mut line = title.to_owned();
    if let Some(name) = &event.account_name {
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            line,
            " · {}",
            fit(name, Style::Line, ACCOUNT_UNITS_MAX).text
        );
    }
    let when = match event.state {
        State::Firing | State::Resolved | State::NoData => "since",
        State::Notice => "at",
    };
    let _ = match &event.occurred_at {
        Moment::At(at) => write!(line, " · {when} {}", at.strftime("%F %H:%M UTC")),
        Moment::Unreadable(text) => {
            let text = fit(text, Style::Line, TIME_UNITS_MAX).text;
            write!(line, " · {when} {text}")
        }
        Moment::Unknown => Ok(()),
    };
    line
}
