//! Calls Discord's webhook API.
//!
//! Source: "Webhook Resource", Discord developer documentation.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::answer::{Answer, Answered, read};
use crate::config::Timeouts;
use crate::error::Error;
use crate::message::Message;
use crate::webhook::WebhookUrl;

/// The form that Discord requires; it blocks clients without one. The address is `repository` in the
/// workspace's `Cargo.toml`.
/// Source: "User Agent", Discord developer documentation.
const USER_AGENT: &str = concat!(
    "DiscordBot (",
    env!("CARGO_PKG_REPOSITORY"),
    ", ",
    env!("CARGO_PKG_VERSION"),
    ")"
);

/// How long an idle connection is kept. After a Lambda freeze, older ones are closed on Discord's side.
const CONNECTION_IDLE: Duration = Duration::from_secs(15);

/// How many redirects of one call are followed.
const REDIRECTS_MAX: u32 = 2;

/// A client of Discord.
#[derive(Debug)]
pub struct Discord {
    http: reqwest::Client,
}

/// Whether a message is new.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Call<'a> {
    /// Posts a new message.
    Post,
    /// Replaces the message with this id.
    Edit(&'a str),
}

impl Discord {
    /// Builds the HTTP client.
    pub fn new(timeouts: Timeouts) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .pool_idle_timeout(CONNECTION_IDLE)
            // `send` follows redirects itself: the token must not go to another host, and a POST must stay one.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| Error::HttpClient)?;
        Ok(Self { http })
    }

    /// Sends a message, and waits no longer than `patience` for the answer.
    pub async fn send(
        &self,
        webhook: &WebhookUrl,
        thread_id: Option<&str>,
        call: Call<'_>,
        message: &Message,
        patience: Duration,
    ) -> Answered {
        let (method, mut url) = match call {
            Call::Post => (Method::POST, webhook.post(thread_id)),
            Call::Edit(id) => (Method::PATCH, webhook.edit(id, thread_id)),
        };
        let edit;
        let message = match call {
            Call::Post => message,
            Call::Edit(_) => {
                edit = message.clone().into_edit();
                &edit
            }
        };
        let mut redirects = 0;
        loop {
            let request = self.http.request(method.clone(), url.clone());
            let request = request.timeout(patience);
            let request = match form(message) {
                None => request.json(&message.payload),
                Some(form) => request.multipart(form),
            };
            let answered = match request.send().await {
                Ok(response) => read(response, webhook).await,
                Err(error) => Answered::without_pause(lost(&error.without_url())),
            };
            let Answer::Moved { status, location } = answered.answer else {
                return answered;
            };
            let target = location.and_then(|location| webhook.redirected(&url, &location));
            redirects += 1;
            match target {
                Some(target) if redirects <= REDIRECTS_MAX => url = target,
                Some(_) => return Answered::without_pause(astray(status, "too many redirects")),
                None => {
                    let why = "redirected to a place outside Discord, where the token must not go";
                    return Answered::without_pause(astray(status, why));
                }
            }
        }
    }
}

/// The longest answer to a reading call that is read.
const READ_BYTES_MAX: usize = 256 * 1024;

impl Discord {
    /// Reads something: a webhook, or one of its messages. `None` without a readable answer.
    pub(crate) async fn get(&self, url: reqwest::Url, patience: Duration) -> Option<Value> {
        let request = self.http.get(url).timeout(patience);
        let mut response = match request.send().await {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::warn!(status, "Discord does not let the webhook read");
                return None;
            }
            Err(error) => {
                let error = error.without_url().to_string();
                tracing::warn!(error, "Discord could not be read");
                return None;
            }
        };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            body.extend_from_slice(&chunk);
            if READ_BYTES_MAX < body.len() {
                return None;
            }
        }
        serde_json::from_slice(&body).ok()
    }
}

/// The failure of a call that was redirected too often or elsewhere. It did nothing.
fn astray(status: u16, why: &'static str) -> Answer {
    Answer::Failed {
        status: Some(status),
        why,
        in_doubt: false,
    }
}

/// The body of a message with files; `None` for a message without.
fn form(message: &Message) -> Option<Form> {
    if message.files.is_empty() {
        return None;
    }
    let json = serde_json::to_string(&message.payload).ok()?;
    let payload = Part::text(json).mime_str("application/json").ok()?;
    let mut form = Form::new().part("payload_json", payload);
    for (index, file) in message.files.iter().enumerate() {
        let part = Part::bytes(file.bytes.clone())
            .file_name(file.name)
            .mime_str(file.content_type)
            .ok()?;
        form = form.part(format!("files[{index}]"), part);
    }
    Some(form)
}

/// Reads the error of a call without an answer. Discord may have the message unless there was no
/// connection.
fn lost(error: &reqwest::Error) -> Answer {
    let (why, in_doubt) = if error.is_builder() {
        ("the request could not be built", false)
    } else if error.is_connect() && error.is_timeout() {
        ("connecting took too long", false)
    } else if error.is_connect() {
        ("no connection", false)
    } else if error.is_timeout() {
        ("no answer in time", true)
    } else {
        ("the connection broke before the answer", true)
    };
    Answer::Failed {
        status: None,
        why,
        in_doubt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_agent_has_the_form_that_discord_requires() {
        let inside = USER_AGENT.strip_prefix("DiscordBot (").unwrap();
        let inside = inside.strip_suffix(')').unwrap();
        let (address, version) = inside.split_once(", ").unwrap();
        let address = reqwest::Url::parse(address).unwrap();
        assert_eq!(address.scheme(), "https");
        assert!(address.host_str().is_some());
        assert!(version.starts_with(|first: char| first.is_ascii_digit()));
    }
}
