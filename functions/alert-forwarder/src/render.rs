//! Renders an event as a message within Discord's limits, so that foreign text mentions nobody.

use std::fmt::Write as _;

use crate::button;
use crate::event::{Event, Severity, State};
use crate::fitting::{FittedFields, fields, rich};
use crate::headline::headline;
use crate::message::{
    AllowedMentions, Attachment, CONTENT_UNITS_MAX, DESCRIPTION_UNITS_MAX, Detail,
    EMBEDS_UNITS_MAX, Embed, FOOTER_UNITS_MAX, File, Footer, Image, Message, Payload,
    SUPPRESS_NOTIFICATIONS, THREAD_NAME_UNITS_MAX, TITLE_UNITS_MAX,
};
use crate::text::{Fitted, Style, fit, units};
use crate::whole;

/// The part of the description that long fields cannot displace.
const DESCRIPTION_UNITS_KEPT: usize = 1_500;
const FENCE_OPEN: &str = "```\n";
const FENCE_CLOSE: &str = "\n```";

/// The label of a message that may have been sent before.
const POSSIBLE_DUPLICATE: &str = "possible duplicate";

/// What the route and the delivery add to an event.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Ids of the Discord roles to mention.
    pub roles: Vec<String>,
    /// The lowest severity that mentions them; `None` for never.
    pub mention_from: Option<Severity>,
    /// Whether an earlier try may have reached Discord.
    pub possible_duplicate: bool,
    /// The name of the thread to begin in a forum. `{name}` becomes the event's title.
    pub thread_name: Option<String>,
    /// Ids of the tags of that thread.
    pub tags: Vec<String>,
}

/// Renders an event in a detail.
pub fn render(event: &Event, options: &Options, detail: Detail) -> Message {
    let roles = mentioned(event, options);
    let mut first_line = headline(event, &title(event, TITLE_UNITS_MAX).text);
    for role in &roles {
        // Writing to a String cannot fail.
        let _ = write!(first_line, " <@&{role}>");
    }
    let (content, embeds, files) = match detail {
        Detail::Full | Detail::NoButtons | Detail::NoImage | Detail::NoFields => {
            let (mut embed, cut) = embed(event, options, detail);
            let picture = picture(event, detail);
            embed.image = picture.as_ref().map(Image::attached);
            let attach = cut || event.attach_raw || detail == Detail::NoFields;
            let whole = attach.then(|| whole::file(event));
            let files: Vec<File> = picture.into_iter().chain(whole).collect();
            (first_line, vec![embed], files)
        }
        Detail::Plain => (plain(event, options, first_line), Vec::new(), Vec::new()),
    };
    let components = match detail {
        Detail::Full => button::rows(event),
        Detail::NoButtons | Detail::NoImage | Detail::NoFields | Detail::Plain => Vec::new(),
    };
    let flags = if roles.is_empty() && makes_no_sound(event) {
        SUPPRESS_NOTIFICATIONS
    } else {
        0
    };
    let attachments = files
        .iter()
        .enumerate()
        .map(|(id, file)| Attachment {
            id,
            filename: file.name,
        })
        .collect();
    Message {
        payload: Payload {
            content,
            embeds,
            allowed_mentions: AllowedMentions { parse: [], roles },
            attachments,
            components,
            flags,
            thread_name: options
                .thread_name
                .as_ref()
                .map(|name| thread_name(name, event)),
            applied_tags: options.tags.clone(),
        },
        files,
    }
}

/// The roles to mention: none unless the event is happening now and is severe enough.
fn mentioned(event: &Event, options: &Options) -> Vec<String> {
    let is_now = match event.state {
        State::Firing | State::Notice => !event.muted && !event.silent,
        State::Resolved | State::NoData => false,
    };
    match options.mention_from {
        Some(least) if is_now && least <= event.severity => options.roles.clone(),
        Some(_) | None => Vec::new(),
    }
}

/// Whether nobody needs to look up for an event: it is over, suppressed, or only information.
fn makes_no_sound(event: &Event) -> bool {
    let unimportant = match event.state {
        State::Firing | State::Notice => event.severity == Severity::Info,
        State::Resolved => true,
        State::NoData => false,
    };
    unimportant || event.muted || event.silent
}

/// The name of the thread that the message begins in a forum. It has no state: a webhook cannot rename a
/// thread when the alert is over.
fn thread_name(template: &str, event: &Event) -> String {
    let name = template.replace("{name}", &event.title);
    let name = fit(&name, Style::Plain, THREAD_NAME_UNITS_MAX).text;
    if name.trim().is_empty() {
        "alert".to_owned()
    } else {
        name
    }
}

/// The embed, and whether something was cut.
fn embed(event: &Event, options: &Options, detail: Detail) -> (Embed, bool) {
    let title = title(event, TITLE_UNITS_MAX);
    let footer = footer(event, options);
    let room = EMBEDS_UNITS_MAX - units(&title.text) - units(&footer.text);

    let mut fitted = match detail {
        Detail::Full => fields(event, |link| !button::is_button(event, link), room),
        Detail::NoButtons | Detail::NoImage => fields(event, |_| true, room),
        Detail::NoFields | Detail::Plain => FittedFields::default(),
    };
    let mut description = describe(event, DESCRIPTION_UNITS_MAX);
    if room < units(&description.text) + fitted.units {
        let kept = units(&description.text).min(DESCRIPTION_UNITS_KEPT);
        fitted.shrink(room - kept);
        description = describe(event, DESCRIPTION_UNITS_MAX.min(room - fitted.units));
    }
    let cut = title.cut || footer.cut || description.cut || fitted.cut;
    let embed = Embed {
        title: title.text,
        url: event.links.first().map(|link| link.url.as_str().to_owned()),
        description: description.text,
        color: color(event),
        timestamp: event.occurred_at.timestamp().map(|at| format!("{at:.3}")),
        fields: fitted.into_fields(),
        image: None,
        footer: Footer { text: footer.text },
    };
    (embed, cut)
}

/// The event's picture, in the details that show one.
fn picture(event: &Event, detail: Detail) -> Option<File> {
    match detail {
        Detail::Full | Detail::NoButtons => event.picture.as_deref().map(File::picture),
        Detail::NoImage | Detail::NoFields | Detail::Plain => None,
    }
}

/// `🔴 ALARM · name`.
pub(crate) fn title(event: &Event, units_max: usize) -> Fitted {
    let head = format!("{} {} · ", symbol(event), event.headline());
    let name = fit(&event.title, Style::Line, units_max - units(&head));
    Fitted {
        text: head + &name.text,
        cut: name.cut,
    }
}

fn symbol(event: &Event) -> char {
    match (event.state, event.severity) {
        (State::Resolved, _) => '🟢',
        (State::NoData, _) => '⚪',
        (State::Firing | State::Notice, Severity::Info) => '🔵',
        (State::Firing | State::Notice, Severity::Warning) => '🟠',
        (State::Firing | State::Notice, Severity::Error | Severity::Critical) => '🔴',
    }
}

/// The colour of the bar: green if resolved, grey without data, else by severity.
fn color(event: &Event) -> u32 {
    match (event.state, event.severity) {
        (State::Resolved, _) => 0x002E_CC71,
        (State::NoData, _) => 0x0095_A5A6,
        (State::Firing | State::Notice, Severity::Info) => 0x0034_98DB,
        (State::Firing | State::Notice, Severity::Warning) => 0x00F3_9C12,
        (State::Firing | State::Notice, Severity::Error) => 0x00E7_4C3C,
        (State::Firing | State::Notice, Severity::Critical) => 0x00B0_0020,
    }
}

fn footer(event: &Event, options: &Options) -> Fitted {
    let mut text = String::new();
    if options.possible_duplicate {
        text = format!("{POSSIBLE_DUPLICATE} · ");
    }
    text.push_str(event.severity.name());
    text.push_str(" · ");
    text.push_str(&event.source);
    fit(&text, Style::Plain, FOOTER_UNITS_MAX)
}

/// The description: the reason, and the code block under it.
fn describe(event: &Event, units_max: usize) -> Fitted {
    let mut described = rich(&event.reason, units_max);
    let Some(code) = event.code.as_deref() else {
        return described;
    };
    let gap = if described.text.is_empty() { "" } else { "\n" };
    let around = units(&described.text) + units(gap) + units(FENCE_OPEN) + units(FENCE_CLOSE);
    let Some(room) = units_max.checked_sub(around).filter(|room| 0 < *room) else {
        described.cut = true;
        return described;
    };
    let inside = fit(code, Style::Code, room);
    described.text = format!(
        "{}{gap}{FENCE_OPEN}{}{FENCE_CLOSE}",
        described.text, inside.text
    );
    described.cut |= inside.cut;
    described
}

/// The content of a message without an embed.
fn plain(event: &Event, options: &Options, first_line: String) -> String {
    let mut text = first_line;
    if options.possible_duplicate {
        text.push_str(" (");
        text.push_str(POSSIBLE_DUPLICATE);
        text.push(')');
    }
    text.push('\n');
    let link = event
        .links
        .first()
        .map(|link| format!("\n<{}>", link.url.as_str()))
        .unwrap_or_default();
    let room = CONTENT_UNITS_MAX.saturating_sub(units(&text) + units(&link));
    text.push_str(&describe(event, room).text);
    if units(&text) + units(&link) <= CONTENT_UNITS_MAX {
        text.push_str(&link);
    }
    text.trim_end().to_owned()
}
