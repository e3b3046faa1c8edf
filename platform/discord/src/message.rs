//! Messages of the channel, and the users and roles that they notify.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::markdown::{self, Node};

/// The server that every channel belongs to.
pub const GUILD_ID: &str = "2";
/// The channel that every webhook posts to.
pub(crate) const CHANNEL_ID: &str = "1";

/// A message in the channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// The webhook that posted it.
    pub webhook_id: String,
    /// The thread it was posted to.
    pub thread_id: Option<String>,
    /// The name of the thread that it began in a forum.
    pub thread_name: Option<String>,
    /// The text.
    pub content: String,
    /// The embeds, as they arrived.
    pub embeds: Vec<Value>,
    /// The files.
    pub files: Vec<File>,
    /// The rows of buttons, as they arrived.
    pub components: Vec<Value>,
    /// The flags; 4096 is a message without a sound.
    pub flags: u64,
    /// The mentions that notify: `@everyone`, `@here`, `<@1>`, `<@&1>`.
    pub pings: Vec<String>,
    /// The mentions that notified somebody when it was posted. An edit notifies nobody.
    pub pinged: Vec<String>,
    /// The latest filter of its mentions.
    pub allowed_mentions: Option<Value>,
    /// The sender's name, if it is not the webhook's.
    pub username: Option<String>,
    /// When it was posted.
    pub at: Timestamp,
    /// When it was edited.
    pub edited_at: Option<Timestamp>,
    /// When it was edited in the last hour.
    pub(crate) edits: Vec<Timestamp>,
    /// The emoji that people have reacted with.
    pub reactions: Vec<String>,
}

/// A file of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// How many edits in an hour a message takes that is older than an hour. Discord documents the limit, but
/// not its number.
const EDITS_MAX: usize = 5;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl Message {
    /// Counts an edit. Returns whether the message may be edited.
    pub(crate) fn take_edit(&mut self, now: Timestamp) -> bool {
        self.edits.retain(|edit| now.duration_since(*edit) < HOUR);
        let is_old = HOUR <= now.duration_since(self.at);
        if is_old && EDITS_MAX <= self.edits.len() {
            return false;
        }
        self.edits.push(now);
        true
    }

    /// The message object of Discord's API, with the members that a webhook's client may read.
    pub(crate) fn to_json(&self) -> Value {
        let files: Vec<Value> = self.files.iter().map(File::to_json).collect();
        let roles: Vec<&str> = self
            .pings
            .iter()
            .filter_map(|ping| ping.strip_prefix("<@&")?.strip_suffix('>'))
            .collect();
        let everyone = self.pings.iter().any(|ping| ping.starts_with('@'));
        let name = self.username.as_deref().unwrap_or("Surefire");
        let reactions: Vec<Value> = self
            .reactions
            .iter()
            .map(|emoji| json!({"count": 1, "me": false, "emoji": {"id": null, "name": emoji}}))
            .collect();
        json!({
            "id": self.id,
            "type": 0,
            "content": self.content,
            "channel_id": self.thread_id.as_deref().unwrap_or(CHANNEL_ID),
            "author": {"id": self.webhook_id, "username": name, "avatar": null, "bot": true},
            "embeds": self.embeds,
            "attachments": files,
            "mentions": [],
            "mention_roles": roles,
            "mention_everyone": everyone,
            "pinned": false,
            "tts": false,
            "timestamp": self.at.to_string(),
            "edited_timestamp": self.edited_at.map(|at| at.to_string()),
            "flags": self.flags,
            "components": self.components,
            "webhook_id": self.webhook_id,
            "reactions": reactions,
        })
    }

    /// One line for a terminal: the text, the embeds' titles and descriptions, and the files'
    /// names.
    pub fn line(&self) -> String {
        let mut parts = vec![markdown::plain(&self.content)];
        for embed in &self.embeds {
            for member in ["title", "description"] {
                let text = embed
                    .get(member)
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                parts.push(markdown::plain(text));
            }
        }
        parts.extend(self.files.iter().map(|file| format!("[{}]", file.name)));
        let words: Vec<String> = parts
            .iter()
            .filter(|part| !part.trim().is_empty())
            .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        // A terminal obeys control characters, so none from outside may reach it.
        words
            .join(" — ")
            .chars()
            .filter(|character| !character.is_control())
            .collect()
    }
}

impl File {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "filename": self.name,
            "size": self.bytes.len(),
            "content_type": self.content_type,
            "url": format!("attachment://{}", self.name),
            "proxy_url": format!("attachment://{}", self.name),
        })
    }
}

/// The mentions of a content that notify, given its filter. Without a filter all of them do.
///
/// Source: "Allowed Mentions Object", Discord developer documentation.
pub(crate) fn pings(content: &str, allowed: Option<&Value>) -> Vec<String> {
    let lists = |member: &str, id: &str| {
        allowed
            .and_then(|allowed| allowed.get(member)?.as_array())
            .is_some_and(|ids| ids.iter().any(|listed| listed.as_str() == Some(id)))
    };
    let may = |class: &str, id: &str| match allowed {
        None => true,
        Some(_) => lists("parse", class) || lists(class, id),
    };
    let mut pings = Vec::new();
    markdown::walk(&markdown::parse(content), &mut |node| match node {
        Node::Everyone(name) if may("everyone", "") => pings.push(name.clone()),
        Node::User(id) if may("users", id) => pings.push(format!("<@{id}>")),
        Node::Role(id) if may("roles", id) => pings.push(format!("<@&{id}>")),
        _ => {}
    });
    pings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(allowed: Option<&Value>, expected: &[&str]) {
        let found = pings("@everyone <@1> <@&2> <@&3>", allowed);
        assert_eq!(found, expected);
    }

    #[test]
    fn the_filter_decides_which_mentions_notify() {
        check(None, &["@everyone", "<@1>", "<@&2>", "<@&3>"]);
        check(Some(&json!({"parse": []})), &[]);
        check(Some(&json!({"parse": [], "roles": ["3"]})), &["<@&3>"]);
        check(
            Some(&json!({"parse": ["everyone", "users"]})),
            &["@everyone", "<@1>"],
        );
    }
}
