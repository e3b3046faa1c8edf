//! Sequences of an alarm's changes, and what the channel shows after them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use discord::message::Message;
use jiff::Timestamp;
use serde_json::Value;

use super::stage::{Setting, Stage, alarm_message, record};

/// The flag of a message that makes no sound.
const SILENT: u64 = 1 << 12;

/// An alarm on a stage. Each change gets a message of its own, and time passes as it says.
pub(super) struct Episode {
    pub(super) stage: Stage,
    name: &'static str,
    begin: Timestamp,
    messages: AtomicUsize,
}

/// A change of the alarm's state: the new state, and when it changed, in seconds since the beginning.
#[derive(Clone, Copy)]
pub(super) struct To {
    pub(super) state: &'static str,
    pub(super) from: Option<&'static str>,
    pub(super) at: i64,
}

pub(super) const fn alarm(at: i64) -> To {
    To {
        state: "ALARM",
        from: Some("OK"),
        at,
    }
}

pub(super) const fn ok(at: i64) -> To {
    To {
        state: "OK",
        from: Some("ALARM"),
        at,
    }
}

pub(super) const fn no_data(at: i64) -> To {
    To {
        state: "INSUFFICIENT_DATA",
        from: Some("OK"),
        at,
    }
}

impl Episode {
    pub(super) async fn usual() -> Self {
        Self::set(Setting::default()).await
    }

    pub(super) async fn set(setting: Setting) -> Self {
        let stage = Stage::set(setting).await;
        Self {
            begin: stage.world.now(),
            stage,
            name: "orders-5xx",
            messages: AtomicUsize::new(0),
        }
    }

    /// An episode with a critical alarm and a role to mention.
    pub(super) async fn critical() -> Self {
        let routes = r#"[{"name": "all", "roles": ["111111111111111111"]}]"#;
        let episode = Self::set(Setting {
            routes: Some(routes),
            ..Setting::default()
        })
        .await;
        episode.named("critical-orders-5xx")
    }

    /// The same with another alarm.
    pub(super) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The text of an alert.
    pub(super) fn message(&self, to: To) -> Value {
        let mut message = alarm_message(self.name);
        let at = self.begin + Duration::from_secs(to.at.unsigned_abs());
        message["NewStateValue"] = to.state.into();
        message["StateChangeTime"] = at.strftime("%FT%T.000+0000").to_string().into();
        if let Some(from) = to.from {
            message["OldStateValue"] = from.into();
        }
        if self.name.starts_with("critical") {
            message["AlarmDescription"] = "severity: critical".into();
        }
        message
    }

    /// A record of a queue with this alert, and an id of its own.
    pub(super) fn record(&self, message: &Value) -> Value {
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        record(&format!("m{number}"), message)
    }

    /// Delivers a change when it happens, or now if it is late. It must be accepted.
    pub(super) async fn get(&self, to: To) {
        let at = self.begin + Duration::from_secs(to.at.unsigned_abs());
        let wait = at.duration_since(self.stage.world.now());
        self.stage
            .clock
            .advance(Duration::try_from(wait).unwrap_or_default());
        self.deliver(&self.message(to)).await;
    }

    pub(super) async fn deliver(&self, message: &Value) {
        let record = self.record(message);
        let back = self.stage.handed_back(&[record]).await;
        assert_eq!(back, Vec::<String>::new());
    }

    /// What the channel shows, in order: `🔴 ALARM`, with `🔕` for no sound and `@` for a mention. A short
    /// message of one line ends with `…`.
    pub(super) fn shown(&self) -> Vec<String> {
        self.stage.discord.messages().iter().map(shown).collect()
    }

    /// The methods of the calls so far, without those that only read.
    pub(super) fn calls(&self) -> Vec<String> {
        let calls = self.stage.discord.calls().into_iter();
        calls
            .map(|call| call.method)
            .filter(|method| method != "GET")
            .collect()
    }

    pub(super) fn first(&self) -> Message {
        self.stage.discord.messages().remove(0)
    }

    pub(super) fn last(&self) -> Message {
        self.stage.discord.messages().pop().unwrap()
    }
}

pub(super) fn shown(message: &Message) -> String {
    let head = message.content.split(" · ").next().unwrap_or_default();
    let silent = if message.flags & SILENT == 0 {
        ""
    } else {
        " 🔕"
    };
    let mention = if message.pings.is_empty() { "" } else { " @" };
    let line = if message.embeds.is_empty() {
        " …"
    } else {
        ""
    };
    format!("{head}{mention}{silent}{line}")
}

/// The value of a field of a message's embed.
pub(super) fn field(message: &Message, name: &str) -> Option<String> {
    let fields = message.embeds.first()?["fields"].as_array()?.clone();
    let found = fields.into_iter().find(|field| field["name"] == name)?;
    Some(found["value"].as_str()?.to_owned())
}
