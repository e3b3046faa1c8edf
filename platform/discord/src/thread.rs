//! The channels of webhooks: which are forums, and the state of their threads.
//!
//! Source: "Execute Webhook", "Threads" and "JSON Error Codes", Discord developer documentation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::limits::Refusal;

/// The longest name of a thread, in UTF-16 code units.
const NAME_UNITS_MAX: usize = 100;
/// The most tags of a forum's thread.
const TAGS_MAX: usize = 5;

/// The state of a thread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Thread {
    /// It takes messages and edits.
    Open,
    /// It takes messages, which open it, but no edits.
    Archived,
    /// It takes nothing.
    Locked,
    /// It was deleted.
    Gone,
}

/// What a webhook's channel is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Channel {
    /// A channel of messages.
    #[default]
    Text,
    /// A forum, whose every message is in a thread.
    Forum {
        /// Whether each new thread must have a tag.
        tagged: bool,
    },
}

/// All channels and threads. Those that no test mentions are text channels and open threads.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    /// By the webhook's id.
    pub(crate) channels: BTreeMap<String, Channel>,
    /// By the thread's id.
    pub(crate) threads: BTreeMap<String, Thread>,
}

/// Where a new message goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// Into the channel itself.
    Channel,
    /// Into this thread.
    Thread(String),
    /// Into a new thread of this name.
    NewThread(String),
}

impl Channels {
    fn thread(&self, id: &str) -> Thread {
        self.threads.get(id).copied().unwrap_or(Thread::Open)
    }

    /// Decides where a new message goes. An archived thread is opened by it.
    pub(crate) fn place(
        &mut self,
        webhook_id: &str,
        thread_id: Option<String>,
        payload: &Value,
    ) -> Result<Place, Refusal> {
        let channel = self.channels.get(webhook_id).copied().unwrap_or_default();
        let name = payload.get("thread_name").and_then(Value::as_str);
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        match (channel, thread_id, name) {
            (_, Some(_), Some(_)) => Err(error(
                400,
                220_002,
                "Webhooks posted to forum channels cannot have both a thread_name and thread_id",
            )),
            (_, Some(id), None) => {
                match self.thread(&id) {
                    Thread::Open => {}
                    Thread::Archived => drop(self.threads.insert(id.clone(), Thread::Open)),
                    Thread::Locked => return Err(locked()),
                    Thread::Gone => return Err(unknown_channel()),
                }
                Ok(Place::Thread(id))
            }
            (Channel::Text, None, None) => Ok(Place::Channel),
            (Channel::Text, None, Some(_)) => Err(error(
                400,
                220_003,
                "Webhooks can only create threads in forum channels",
            )),
            (Channel::Forum { .. }, None, None) => Err(error(
                400,
                220_001,
                "Webhooks posted to forum channels must have a thread_name or thread_id",
            )),
            (Channel::Forum { tagged }, None, Some(name)) => {
                check_tags(payload, tagged)?;
                if NAME_UNITS_MAX < name.encode_utf16().count() {
                    return Err(invalid(
                        "thread_name",
                        "BASE_TYPE_BAD_LENGTH",
                        "Must be between 1 and 100 in length.",
                    ));
                }
                Ok(Place::NewThread(name.to_owned()))
            }
        }
    }

    /// Whether a message of a thread may be edited or deleted.
    pub(crate) fn may_edit(&self, thread_id: Option<&str>) -> Result<(), Refusal> {
        match thread_id.map(|id| self.thread(id)) {
            None | Some(Thread::Open) => Ok(()),
            Some(Thread::Archived) => Err(error(400, 50_083, "Thread is archived")),
            Some(Thread::Locked) => Err(locked()),
            Some(Thread::Gone) => Err(unknown_channel()),
        }
    }
}

fn check_tags(payload: &Value, tagged: bool) -> Result<(), Refusal> {
    let tags = payload.get("applied_tags").and_then(Value::as_array);
    let tags = tags.map(Vec::as_slice).unwrap_or_default();
    if tagged && tags.is_empty() {
        let message = "A tag is required to create a forum post in this channel";
        return Err(error(400, 40_067, message));
    }
    if TAGS_MAX < tags.len() {
        return Err(invalid(
            "applied_tags",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 5 or fewer in length.",
        ));
    }
    Ok(())
}

fn locked() -> Refusal {
    error(400, 160_005, "Thread is locked")
}

fn unknown_channel() -> Refusal {
    error(404, 10_003, "Unknown Channel")
}

fn error(status: u16, code: u32, message: &str) -> Refusal {
    Refusal {
        status,
        body: json!({"message": message, "code": code}),
    }
}

fn invalid(member: &str, code: &str, message: &str) -> Refusal {
    let errors = json!({member: {"_errors": [{"code": code, "message": message}]}});
    Refusal {
        status: 400,
        body: json!({"message": "Invalid Form Body", "code": 50035, "errors": errors}),
    }
}
