//! Owns what every parser produces: one thing that happened, in foreign words.
//!
//! Nothing in an [`Event`] is escaped or cut; [`crate::message`] does both, in
//! one place, so that no parser can forget it.

use jiff::Timestamp;

use crate::link::SafeUrl;

/// One thing that happened, whoever reported it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The service that reported it: `aws.cloudwatch`, `aws.budgets`, `unknown`.
    pub source: String,
    /// Which parser understood it.
    pub kind: Kind,
    /// How bad it is while it lasts, whatever its state now.
    pub severity: Severity,
    /// Whether it goes on.
    pub state: State,
    /// The name a person knows it by.
    pub title: String,
    /// What happened, in sentences; shown under the title.
    pub reason: Rich,
    /// A value or a text shown as it is, in a code block under the reason.
    pub code: Option<String>,
    /// Facts, the most important first.
    pub fields: Vec<Field>,
    /// Where to look; the first is also the title's link.
    pub links: Vec<Link>,
    /// The AWS account, where known.
    pub account: Option<String>,
    /// The AWS region's code, where known.
    pub region: Option<String>,
    /// When the state changed.
    pub occurred_at: Moment,
    /// Names the incident: the same for every message about the same thing.
    pub fingerprint: String,
    /// Whether nobody may be mentioned, as for a suppressed composite alarm.
    pub muted: bool,
    /// Whether the raw message is attached even if all of it fits.
    pub attach_raw: bool,
    /// The message as it came.
    pub raw: String,
}

impl Event {
    /// What state it is in, in the words that the console uses.
    pub(crate) fn headline(&self) -> &'static str {
        match self.state {
            State::Firing if self.muted => "ALARM (suppressed)",
            State::Firing => "ALARM",
            State::Resolved => "OK",
            State::NoData => "NO DATA",
            State::Notice => match self.severity {
                Severity::Info => "INFO",
                Severity::Warning => "WARNING",
                Severity::Error => "ERROR",
                Severity::Critical => "CRITICAL",
            },
        }
    }

    /// When and where it happened, and where to look: fields that every event has.
    pub(crate) fn common_fields(&self) -> Vec<Field> {
        let when = match self.state {
            State::Firing | State::Resolved | State::NoData => "Since",
            State::Notice => "At",
        };
        let mut fields = Vec::new();
        let moment = Rich::from(&self.occurred_at);
        if !moment.is_blank() {
            fields.push(Field::short(when, moment));
        }
        if let Some(region) = &self.region {
            fields.push(Field::short("Region", region.as_str()));
        }
        if let Some(account) = &self.account {
            fields.push(Field::short("Account", account.as_str()));
        }
        if !self.links.is_empty() {
            let mut links = Rich::default();
            for link in &self.links {
                let gap = if links.0.is_empty() { "" } else { " · " };
                links = links
                    .text(gap)
                    .link(link.label.as_str(), Some(link.url.clone()));
            }
            fields.push(Field::long("Where to look", links));
        }
        fields
    }
}

/// The kind of a message: the name of its file in `parse/`, with hyphens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kind(pub(crate) &'static str);

impl Kind {
    /// The kind's name in logs and metrics.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// How bad it is; ordered.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each variant is named for what it is")]
pub enum Severity {
    Info,
    Warning,
    Error,
    Critical,
}

impl Severity {
    /// The severity's name in descriptions, routes and logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// Reads a severity as people write it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "info" | "informational" | "low" | "notice" => Some(Self::Info),
            "warn" | "warning" | "medium" => Some(Self::Warning),
            "error" | "high" => Some(Self::Error),
            "critical" | "page" | "fatal" => Some(Self::Critical),
            _ => None,
        }
    }
}

/// Whether the thing goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It is wrong now.
    Firing,
    /// It is right again.
    Resolved,
    /// Nobody knows.
    NoData,
    /// It happened once; it has no end to wait for.
    Notice,
}

/// When something happened, as far as that can be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Moment {
    /// A time.
    At(Timestamp),
    /// A text that is no time we know; shown as it is.
    Unreadable(String),
    /// Nothing was said.
    Unknown,
}

impl Moment {
    /// The time, if it could be read.
    pub(crate) const fn timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(*at),
            Self::Unreadable(_) | Self::Unknown => None,
        }
    }
}

/// A fact with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The fact's name.
    pub name: String,
    /// The fact.
    pub value: Rich,
    /// Whether it may stand beside others in one row.
    pub inline: bool,
}

impl Field {
    /// A short fact.
    pub fn short(name: impl Into<String>, value: impl Into<Rich>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            inline: true,
        }
    }

    /// A fact that needs a row for itself.
    pub fn long(name: impl Into<String>, value: impl Into<Rich>) -> Self {
        Self {
            inline: false,
            ..Self::short(name, value)
        }
    }
}

/// Somewhere to look.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// What is there.
    pub label: String,
    /// Where it is.
    pub url: SafeUrl,
}

/// Text with the few things in it that may be more than text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rich(pub Vec<Span>);

/// A piece of [`Rich`] text.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    /// Foreign words: escaped when rendered.
    Text(String),
    /// A link; the label is foreign.
    Link(Link),
    /// A time, shown in the reader's own time zone and relative to now.
    Time(Timestamp),
}

impl Rich {
    /// Whether there is nothing to see.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.iter().all(|span| match span {
            Span::Text(text) => text.trim().is_empty(),
            Span::Link(_) | Span::Time(_) => false,
        })
    }

    /// Appends words.
    #[must_use]
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Text(text.into()));
        self
    }

    #[must_use]
    /// Appends words that link somewhere, or plain ones if there is nowhere.
    pub(crate) fn link(mut self, label: impl Into<String>, url: Option<SafeUrl>) -> Self {
        let label = label.into();
        self.0.push(match url {
            Some(url) => Span::Link(Link { label, url }),
            None => Span::Text(label),
        });
        self
    }
}

impl From<String> for Rich {
    fn from(text: String) -> Self {
        Self(vec![Span::Text(text)])
    }
}

impl From<&str> for Rich {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<&Moment> for Rich {
    fn from(moment: &Moment) -> Self {
        match moment {
            Moment::At(at) => Self(vec![Span::Time(*at)]),
            Moment::Unreadable(text) => Self::from(text.clone()),
            Moment::Unknown => Self::default(),
        }
    }
}
