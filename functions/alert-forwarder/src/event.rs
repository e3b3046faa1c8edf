//! The event: what every parser produces.
//!
//! Nothing in an [`Event`] is escaped or cut. [`mod@crate::render`] does both in one place, so that no parser
//! can forget it.

use jiff::Timestamp;

use crate::link::SafeUrl;

/// One thing that happened, from any source.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The service that reported it: `aws.cloudwatch`, `aws.budgets`, `unknown`.
    pub source: String,
    /// The kind of the message.
    pub kind: Kind,
    /// How bad it is while it lasts. A resolved alarm keeps its severity.
    pub severity: Severity,
    /// Whether it is still happening.
    pub state: State,
    /// Its name for people.
    pub title: String,
    /// What happened, in sentences. Shown under the title.
    pub reason: Rich,
    /// A value or text that is shown unchanged, in a code block under the reason.
    pub code: Option<String>,
    /// Facts, the most important first.
    pub fields: Vec<Field>,
    /// Pages to look at. The first is also the link of the title.
    pub links: Vec<Link>,
    /// The AWS account, if known.
    pub account: Option<String>,
    /// The configured name of that account.
    pub account_name: Option<String>,
    /// The code of the AWS region, if known.
    pub region: Option<String>,
    /// When the state changed.
    pub occurred_at: Moment,
    /// Identifies the incident: the same in every message about it.
    pub fingerprint: String,
    /// Whether it mentions nobody, as for a suppressed composite alarm.
    pub muted: bool,
    /// The end of the mute window, if a mute rule mutes the alarm.
    pub muted_until: Option<Moment>,
    /// Whether its message makes no sound, as for a changed configuration.
    pub silent: bool,
    /// Whether the raw message is attached even if all of it fits.
    pub attach_raw: bool,
    /// A picture, as PNG. Shown under the fields.
    pub picture: Option<Vec<u8>>,
    /// The unchanged message.
    pub raw: String,
    /// What it says about the state of an alarm. Only such an event has an incident.
    pub transition: Option<Transition>,
    /// The graph that CloudWatch can draw of it.
    pub(crate) graph: Option<String>,
    /// The ARNs of the alarms that made a composite alarm fire. It has no graph of its own.
    pub(crate) causes: Vec<String>,
    /// The log groups of the functions concerned.
    pub(crate) log_groups: Vec<String>,
    /// Replaces the word for the state: `FLAPPING`.
    pub(crate) word: Option<&'static str>,
}

/// A change of an alarm's state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transition {
    /// The alarm: its ARN, or else its name.
    pub alarm: String,
    /// The contributor whose state changed, if it is not the state of the whole alarm.
    pub contributor: Option<String>,
    /// The new state.
    pub state: Watched,
    /// The state before, if the message says so.
    pub from: Option<Watched>,
}

/// The state of an alarm.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum Watched {
    /// `ALARM`.
    Alarm,
    /// `INSUFFICIENT_DATA`.
    NoData,
    /// A contributor is OK, but the alarm itself may not be.
    Calm,
    /// `OK`.
    Ok,
    /// The alarm was deleted.
    Gone,
}

impl Watched {
    /// Which of two states counts when both began at the same time: the higher one.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Calm => 1,
            Self::NoData => 2,
            Self::Alarm => 3,
            Self::Gone => 4,
        }
    }

    /// Whether nothing is wrong any more.
    pub(crate) const fn is_over(self) -> bool {
        match self {
            Self::Ok | Self::Gone => true,
            Self::Alarm | Self::NoData | Self::Calm => false,
        }
    }

    /// Reads CloudWatch's word. An unknown state counts as firing, to be safe.
    pub(crate) fn parse(state: &str) -> Self {
        match state {
            "OK" => Self::Ok,
            "INSUFFICIENT_DATA" => Self::NoData,
            _ => Self::Alarm,
        }
    }
}

impl Event {
    /// Its state, in the words of the CloudWatch console.
    pub(crate) fn headline(&self) -> &'static str {
        if let Some(word) = self.word {
            return word;
        }
        match self.state {
            State::Firing if self.muted_until.is_some() => "ALARM (muted)",
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

    /// The fields that every event has: when and where it happened.
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
        if let Some(until) = &self.muted_until {
            let until = Rich::from(until);
            if !until.is_blank() {
                fields.push(Field::short("Muted until", until));
            }
        }
        if let Some(region) = &self.region {
            fields.push(Field::short("Region", region.as_str()));
        }
        if let Some(account) = &self.account {
            let account = match &self.account_name {
                Some(name) => format!("{name} ({account})"),
                None => account.clone(),
            };
            fields.push(Field::short("Account", account));
        }
        fields
    }

    /// The field with the links that are wanted, if there are any.
    pub(crate) fn links_field(&self, wanted: impl Fn(&Link) -> bool) -> Option<Field> {
        let mut links = Rich::default();
        for link in self.links.iter().filter(|link| wanted(link)) {
            let gap = if links.0.is_empty() { "" } else { " · " };
            links = links
                .text(gap)
                .link(link.label.as_str(), Some(link.url.clone()));
        }
        (!links.is_blank()).then(|| Field::long("Where to look", links))
    }
}

/// The kind of a message: the name of its parser's file in `parse/`, with hyphens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kind(pub(crate) &'static str);

impl Kind {
    /// The kind's name in logs and metrics.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// How bad an event is, from the least to the most severe.
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize,
)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each variant is named for what it is")]
pub enum Severity {
    Info,
    Warning,
    Error,
    Critical,
}

impl Severity {
    /// The name of the severity in descriptions, routes and logs.
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
            "info" | "information" | "informational" | "low" | "notice" | "debug" | "minor" => {
                Some(Self::Info)
            }
            "warn" | "warning" | "medium" | "moderate" => Some(Self::Warning),
            "error" | "err" | "high" | "major" | "severe" => Some(Self::Error),
            "critical" | "crit" | "page" | "fatal" | "emergency" | "disaster" => {
                Some(Self::Critical)
            }
            _ => None,
        }
    }
}

/// Whether an event is still happening.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Something is wrong now.
    Firing,
    /// It is over.
    Resolved,
    /// Unknown: the alarm has no data.
    NoData,
    /// It happened once, and has no end.
    Notice,
}

/// When something happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Moment {
    /// A time.
    At(Timestamp),
    /// A text that cannot be read as a time. Shown unchanged.
    Unreadable(String),
    /// The message has no time.
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
    /// Whether it may share a row with other fields.
    pub inline: bool,
}

impl Field {
    /// A short fact, which may share a row.
    pub fn short(name: impl Into<String>, value: impl Into<Rich>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            inline: true,
        }
    }

    /// A fact with a row of its own.
    pub fn long(name: impl Into<String>, value: impl Into<Rich>) -> Self {
        Self {
            inline: false,
            ..Self::short(name, value)
        }
    }
}

/// A page to look at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// The text of the link.
    pub label: String,
    /// The address.
    pub url: SafeUrl,
}

/// Text with links and times in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rich(pub Vec<Span>);

/// A piece of [`Rich`] text.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    /// Foreign text. Escaped when it is rendered.
    Text(String),
    /// A link. Its label is foreign text.
    Link(Link),
    /// A time. Discord shows it in the reader's time zone and relative to now.
    Time(Timestamp),
}

impl Rich {
    /// Whether only white-space would be shown.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.iter().all(|span| match span {
            Span::Text(text) => text.trim().is_empty(),
            Span::Link(_) | Span::Time(_) => false,
        })
    }

    /// Appends text.
    #[must_use]
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Text(text.into()));
        self
    }

    /// Appends a link, or its label alone without a URL.
    #[must_use]
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
