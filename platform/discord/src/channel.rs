//! The channel: its messages, the calls that arrived, and the scripted faults.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use crate::fault::{Attempt, Fault, Script};
use crate::message::Message;
use crate::rate::Buckets;
use crate::thread::{Channel, Channels, Thread};

/// The `tracing` target of the lines that show new messages.
pub const TARGET: &str = "discord";

/// The number of messages that are kept; older ones are deleted.
const MESSAGES_MAX: usize = 5_000;
/// The bytes of files that are kept; the files of older messages are deleted.
const FILES_BYTES_MAX: usize = 128 * 1024 * 1024;

/// A Discord with one channel.
pub struct Discord {
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) messages: Vec<Message>,
    messages_max: Option<usize>,
    calls: Vec<Call>,
    ids: u64,
    pub(crate) script: Script,
    pub(crate) buckets: Buckets,
    /// The webhooks' ids and tokens; with `None` every webhook exists.
    pub(crate) webhooks: Option<BTreeMap<String, String>>,
    pub(crate) channels: Channels,
}

/// A call and the status of its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `POST`, `PATCH`, `GET` or `DELETE`.
    pub method: String,
    /// When it arrived.
    pub at: Timestamp,
    /// The answer's status; `None` if the call got no answer.
    pub status: Option<u16>,
    /// The JSON part of its body.
    pub payload: Value,
    /// The number of its files.
    pub files: usize,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The query string.
    pub query: String,
    /// The API's version in the path, such as `v10`.
    pub version: Option<String>,
}

impl fmt::Debug for Discord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Discord")
    }
}

impl Discord {
    /// A Discord in which every webhook exists and no call fails.
    #[expect(
        clippy::disallowed_methods,
        reason = "the stand-in is a server of its own, with the machine's clock"
    )]
    pub fn new() -> Arc<Self> {
        Self::with_clock(Timestamp::now)
    }

    /// A Discord with the clock of a test or a simulation.
    pub fn with_clock(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Arc<Self> {
        let state = Mutex::new(State::default());
        let now = Box::new(now);
        Arc::new(Self { now, state })
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Adds a webhook; from now on only added webhooks exist.
    pub fn add_webhook(&self, id: &str, token: &str) {
        let mut state = self.state();
        let webhooks = state.webhooks.get_or_insert_default();
        webhooks.insert(id.to_owned(), token.to_owned());
    }

    /// Deletes a webhook, as a user does in the channel's settings.
    pub fn remove_webhook(&self, id: &str) {
        let mut state = self.state();
        state.webhooks.get_or_insert_default().remove(id);
    }

    /// Makes a webhook's channel a forum; with `tagged` each of its threads must have a tag.
    pub fn make_forum(&self, webhook_id: &str, tagged: bool) {
        let channel = Channel::Forum { tagged };
        let mut state = self.state();
        state
            .channels
            .channels
            .insert(webhook_id.to_owned(), channel);
    }

    /// Changes a thread, as a moderator does.
    pub fn set_thread(&self, thread_id: &str, thread: Thread) {
        let mut state = self.state();
        state.channels.threads.insert(thread_id.to_owned(), thread);
    }

    /// The threads whose state was changed.
    pub(crate) fn threads(&self) -> BTreeMap<String, Thread> {
        self.state().channels.threads.clone()
    }

    /// Makes the next calls fail, one fault for each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().script.queue(faults);
    }

    /// Lets a function choose the fault of each call. Faults queued by [`Discord::fail`] come
    /// first.
    pub fn script(&self, decide: impl FnMut(&Attempt<'_>) -> Option<Fault> + Send + 'static) {
        self.state().script.decide_by(decide);
    }

    /// Adds a reaction to a message, as a reader does, or removes it.
    pub fn react(&self, message_id: &str, emoji: &str) {
        let mut state = self.state();
        let found = state.messages.iter_mut();
        for message in found.filter(|message| message.id == message_id) {
            match message.reactions.iter().position(|one| one == emoji) {
                Some(at) => drop(message.reactions.remove(at)),
                None => message.reactions.push(emoji.to_owned()),
            }
        }
    }

    /// Keeps more or fewer messages than usual.
    pub fn keep_messages(&self, most: usize) {
        self.state().messages_max = Some(most);
    }

    /// Deletes a message, as a moderator does.
    pub fn remove_message(&self, message_id: &str) {
        let mut state = self.state();
        state.messages.retain(|message| message.id != message_id);
    }

    /// The messages, the oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.state().messages.clone()
    }

    /// The calls, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A new id in Discord's form: the time, and a counter.
    pub(crate) fn snowflake(&mut self, now: Timestamp) -> String {
        /// The first second of 2015, in milliseconds.
        const DISCORD_EPOCH: i64 = 1_420_070_400_000;
        self.ids += 1;
        let milliseconds = now.as_millisecond().saturating_sub(DISCORD_EPOCH).max(1);
        let high = milliseconds.unsigned_abs() << 22;
        (high | (self.ids & 0x003F_FFFF)).to_string()
    }

    pub(crate) fn keep(&mut self, message: Message) {
        let has_files = !message.files.is_empty();
        self.messages.push(message);
        let most = self.messages_max.unwrap_or(MESSAGES_MAX);
        let excess = self.messages.len().saturating_sub(most);
        self.messages.drain(..excess);
        if !has_files {
            return;
        }
        let mut bytes: usize = 0;
        for file in self
            .messages
            .iter_mut()
            .rev()
            .flat_map(|message| &mut message.files)
        {
            bytes += file.bytes.len();
            if FILES_BYTES_MAX < bytes {
                file.bytes.clear();
            }
        }
    }

    pub(crate) fn note(&mut self, call: Call) {
        self.calls.push(call);
        let excess = self.calls.len().saturating_sub(2 * MESSAGES_MAX);
        self.calls.drain(..excess);
    }
}
