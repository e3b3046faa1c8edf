//! Owns the message: an event as Discord takes it, within every limit, mentioning nobody by accident.

use std::fmt::Write as _;

use serde::Serialize;

use crate::event::{Event, Field, Rich, Severity, State};
use crate::fitting::{FittedFields, fields, rich};
use crate::text::{Fitted, Style, fit, units};
use crate::whole;

/// Limits of Discord's API, in UTF-16 code units where they are lengths.
/// Source: "Embed limits" and "Execute webhook", Discord developer documentation.
pub mod limits {
    #![expect(missing_docs, reason = "each limit is named for what it limits")]
    pub const CONTENT_UNITS_MAX: usize = 2_000;
    pub const TITLE_UNITS_MAX: usize = 256;
    pub const DESCRIPTION_UNITS_MAX: usize = 4_096;
    pub const FIELDS_MAX: usize = 25;
    pub const FIELD_NAME_UNITS_MAX: usize = 256;
    pub const FIELD_VALUE_UNITS_MAX: usize = 1_024;
    pub const FOOTER_UNITS_MAX: usize = 2_048;
    pub const EMBEDS_UNITS_MAX: usize = 6_000;
    pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;
}
use limits::{
    CONTENT_UNITS_MAX, DESCRIPTION_UNITS_MAX, EMBEDS_UNITS_MAX, FOOTER_UNITS_MAX, TITLE_UNITS_MAX,
};

/// What the description keeps when long fields compete with it for the sum.
const DESCRIPTION_UNITS_KEPT: usize = 1_500;
const FENCE_OPEN: &str = "```\n";
const FENCE_CLOSE: &str = "\n```";

/// The words that tell a reader that this may have come before.
pub const POSSIBLE_DUPLICATE: &str = "possible duplicate";

/// How much of a message is still sent after Discord refused more of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// Everything.
    Full,
    /// Without images; the same as [`Detail::Full`] for a message that has none.
    NoImage,
    /// Title and text; the fields are in the attachment.
    NoFields,
    /// Content only, no embed and no attachment.
    Plain,
}

impl Detail {
    /// The next try after a refusal, if there is less to send.
    pub const fn less(self, has_image: bool) -> Option<Self> {
        match self {
            Self::Full if has_image => Some(Self::NoImage),
            Self::Full | Self::NoImage => Some(Self::NoFields),
            Self::NoFields => Some(Self::Plain),
            Self::Plain => None,
        }
    }

    /// The step's name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::NoImage => "no-image",
            Self::NoFields => "no-fields",
            Self::Plain => "plain",
        }
    }
}

/// What a route and a delivery add to an event.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Roles to mention, as Discord's ids, if the event is bad enough.
    pub roles: Vec<String>,
    /// The least severity that mentions them; none: never.
    pub mention_from: Option<Severity>,
    /// Whether an earlier try may have been delivered.
    pub possible_duplicate: bool,
}

/// A message, ready to be sent or to replace one that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The JSON part.
    pub payload: Payload,
    /// The files, in the order of the payload's `attachments`.
    pub files: Vec<File>,
}

impl Message {
    /// Whether a file of it is an image.
    pub fn has_image(&self) -> bool {
        self.files
            .iter()
            .any(|file| file.content_type.starts_with("image/"))
    }
}

/// A file beside the message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its name, which is ours.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The body of "execute webhook" and of "edit webhook message".
///
/// `allowed_mentions` is no option: without it Discord obeys every mention in
/// the content, on an edit as well.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Payload {
    /// Mentions, or everything if all else was refused.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// At most one.
    pub embeds: Vec<Embed>,
    /// Whom the content may mention.
    pub allowed_mentions: AllowedMentions,
    /// Which files belong to it.
    pub attachments: Vec<Attachment>,
}

/// Discord's filter for mentions.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct AllowedMentions {
    /// Always empty: no class of mentions is obeyed.
    pub parse: [&'static str; 0],
    /// The roles that the content names on purpose.
    pub roles: Vec<String>,
}

/// A reference from the payload to a file of the same request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Attachment {
    /// The `n` of `files[n]`.
    pub id: usize,
    /// The file's name.
    pub filename: &'static str,
}

/// Discord's embed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Embed {
    /// What broke.
    pub title: String,
    /// The console's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The bar at the left.
    pub color: u32,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Facts.
    pub fields: Vec<EmbedField>,
    /// Small print.
    pub footer: Footer,
}

/// A fact as Discord takes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EmbedField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it may stand beside others.
    pub inline: bool,
}

/// The embed's small print.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Footer {
    /// Its text.
    pub text: String,
}

/// Renders an event.
pub fn render(event: &Event, options: &Options, detail: Detail) -> Message {
    let roles = mentioned(event, options);
    let mut mentions = String::new();
    for role in &roles {
        // Writing to a String cannot fail.
        let _ = write!(mentions, "<@&{role}> ");
    }
    let (content, embeds, files) = match detail {
        Detail::Full | Detail::NoImage | Detail::NoFields => {
            let (embed, cut) = embed(event, options, detail);
            let attach = cut || event.attach_raw || detail == Detail::NoFields;
            let files: Vec<File> = attach.then(|| whole::file(event)).into_iter().collect();
            (mentions.trim_end().to_owned(), vec![embed], files)
        }
        Detail::Plain => (plain(event, options, &mentions), Vec::new(), Vec::new()),
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
        },
        files,
    }
}

/// The roles that this event mentions: only one that is wrong now, and only if it is bad enough.
fn mentioned(event: &Event, options: &Options) -> Vec<String> {
    let wrong_now = match event.state {
        State::Firing | State::Notice => !event.muted,
        State::Resolved | State::NoData => false,
    };
    match options.mention_from {
        Some(least) if wrong_now && least <= event.severity => options.roles.clone(),
        Some(_) | None => Vec::new(),
    }
}

/// The embed, and whether something had to be cut.
fn embed(event: &Event, options: &Options, detail: Detail) -> (Embed, bool) {
    let title = title(event, TITLE_UNITS_MAX);
    let footer = footer(event, options);
    let room = EMBEDS_UNITS_MAX - units(&title.text) - units(&footer.text);

    let mut fitted = match detail {
        Detail::Full | Detail::NoImage => fields(event, room),
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
        footer: Footer { text: footer.text },
    };
    (embed, cut)
}

/// `🔴 ALARM · name`.
fn title(event: &Event, units_max: usize) -> Fitted {
    let head = format!("{} {} · ", symbol(event), headline(event));
    let name = fit(&event.title, Style::Line, units_max - units(&head));
    Fitted {
        text: head + &name.text,
        cut: name.cut,
    }
}

/// What state it is in, in the words that the console uses.
pub(crate) fn headline(event: &Event) -> &'static str {
    match event.state {
        State::Firing if event.muted => "ALARM (suppressed)",
        State::Firing => "ALARM",
        State::Resolved => "OK",
        State::NoData => "NO DATA",
        State::Notice => match event.severity {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
            Severity::Critical => "CRITICAL",
        },
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

/// The colour of the bar: green when it is over, else by severity.
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

/// The reason, and the code block under it.
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

pub(crate) fn common_fields(event: &Event) -> Vec<Field> {
    let when = match event.state {
        State::Firing | State::Resolved | State::NoData => "Since",
        State::Notice => "At",
    };
    let mut fields = Vec::new();
    let moment = Rich::from(&event.occurred_at);
    if !moment.is_blank() {
        fields.push(Field::short(when, moment));
    }
    if let Some(region) = &event.region {
        fields.push(Field::short("Region", region.as_str()));
    }
    if let Some(account) = &event.account {
        fields.push(Field::short("Account", account.as_str()));
    }
    if !event.links.is_empty() {
        let mut links = Rich::default();
        for link in &event.links {
            let gap = if links.0.is_empty() { "" } else { " · " };
            links = links
                .text(gap)
                .link(link.label.as_str(), Some(link.url.clone()));
        }
        fields.push(Field::long("Where to look", links));
    }
    fields
}

/// All that is left when Discord refuses an embed.
fn plain(event: &Event, options: &Options, mentions: &str) -> String {
    let mut text = mentions.to_owned();
    text.push_str(&title(event, TITLE_UNITS_MAX).text);
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
