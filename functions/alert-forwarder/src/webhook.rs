//! Checks webhook URLs. Each is a credential and is never printed.

use reqwest::Url;
use shared::secret::Secret;

/// The version of Discord's API that this program speaks.
const API_VERSION: &str = "v10";

/// Without it, Discord ignores the buttons of a webhook that belongs to no application.
const WITH_COMPONENTS: (&str, &str) = ("with_components", "true");

/// Words in the placeholders of templates. They are too long to be in a token by chance. The first is
/// from this project's template.
const PLACEHOLDERS: [&str; 7] = [
    "put-the-real-one",
    "replace",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "your-webhook",
];

/// The URL of a Discord webhook. Its last part is the token, so it cannot be printed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookUrl {
    id: String,
    url: Secret<Url>,
}

/// Why a webhook is not usable. No message contains the text that was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WebhookError {
    /// The secret does not have the route's key.
    #[error("is not in the secret under the route's key")]
    Missing,
    /// The secret still has the template's placeholder.
    #[error("is still a placeholder: put your channel's webhook URL into the secret")]
    Placeholder,
    /// The text is not a URL.
    #[error("is not a URL")]
    NotUrl,
    /// The token would be sent in clear text.
    #[error("is not https (http is allowed for loopback addresses only)")]
    NotHttps,
    /// The URL is not that of a webhook.
    #[error("is not of the form https://discord.com/api/webhooks/ID/TOKEN")]
    NotWebhook,
    /// The secret could not be read from Secrets Manager.
    #[error("cannot be read from Secrets Manager")]
    Unreadable,
}

impl WebhookUrl {
    /// Accepts `https://HOST/api/webhooks/ID/TOKEN`, with or without an API version, and sets the version.
    pub fn parse(text: &str) -> Result<Self, WebhookError> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        if text.is_empty() || PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
            return Err(WebhookError::Placeholder);
        }
        let mut url = Url::parse(text).map_err(|_| WebhookError::NotUrl)?;
        let loopback = match url.host_str() {
            Some("localhost" | "[::1]") => true,
            Some(host) => host
                .parse::<std::net::Ipv4Addr>()
                .is_ok_and(|address| address.is_loopback()),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(WebhookError::NotHttps);
        }
        let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        let filled = |part: &&str| !part.is_empty();
        let (id, token) = match segments.as_slice() {
            ["api", "webhooks", id, token] => (id, token),
            ["api", version, "webhooks", id, token] if version.starts_with('v') => (id, token),
            _ => return Err(WebhookError::NotWebhook),
        };
        if !filled(id) || !filled(token) {
            return Err(WebhookError::NotWebhook);
        }
        // A URL without a version is answered by an old version, which counts waits in milliseconds.
        let path = format!("/api/{API_VERSION}/webhooks/{id}/{token}");
        let id = (*id).to_owned();
        // The forwarder writes the query itself, but keeps the thread that the URL names.
        let thread = url
            .query_pairs()
            .find(|(name, _)| name == "thread_id")
            .map(|(_, id)| id.into_owned());
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        if let Some(thread) = thread {
            url.query_pairs_mut().append_pair("thread_id", &thread);
        }
        Ok(Self {
            id,
            url: Secret::new(url),
        })
    }

    /// The id of the webhook, which is not secret.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The URL for posting a message. Without `wait=true`, Discord would answer 204 before it has checked
    /// the message.
    pub(crate) fn post(&self, thread_id: Option<&str>) -> Url {
        let mut url = self.threaded(thread_id);
        url.query_pairs_mut()
            .append_pair("wait", "true")
            .append_pair(WITH_COMPONENTS.0, WITH_COMPONENTS.1);
        url
    }

    /// The URL for editing a message.
    pub(crate) fn edit(&self, message_id: &str, thread_id: Option<&str>) -> Url {
        let mut url = self.threaded(thread_id);
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(["messages", message_id]);
        }
        url.query_pairs_mut()
            .append_pair(WITH_COMPONENTS.0, WITH_COMPONENTS.1);
        url
    }

    /// The URL of the webhook itself, for reading which server it belongs to.
    pub(crate) fn itself(&self) -> Url {
        let mut url = self.url.expose().clone();
        url.set_query(None);
        url
    }

    /// The URL of a message, for reading its reactions.
    pub(crate) fn message(&self, message_id: &str, thread_id: Option<&str>) -> Url {
        let mut url = self.threaded(thread_id);
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(["messages", message_id]);
        }
        url
    }

    /// The thread that the URL in the secret names.
    pub(crate) fn own_thread(&self) -> Option<String> {
        let url = self.url.expose();
        let mut pairs = url.query_pairs();
        pairs
            .find(|(name, _)| name == "thread_id")
            .map(|(_, id)| id.into_owned())
    }

    fn threaded(&self, thread_id: Option<&str>) -> Url {
        let mut url = self.url.expose().clone();
        if let Some(thread_id) = thread_id {
            url.query_pairs_mut()
                .clear()
                .append_pair("thread_id", thread_id);
        }
        url
    }

    /// The address to which a redirect leads, if the token may be sent there: to the same origin, or from
    /// one of Discord's hosts to another.
    pub(crate) fn redirected(&self, called: &Url, location: &str) -> Option<Url> {
        let target = called.join(location).ok()?;
        let same_origin = target.origin() == called.origin();
        let to_discord = target.scheme() == "https"
            && is_of_discord(self.url.expose())
            && is_of_discord(&target)
            && target.port().is_none();
        (same_origin || to_discord).then_some(target)
    }

    /// Removes the token from a foreign text that will be logged.
    pub(crate) fn redact(&self, text: &str) -> String {
        let token = self.url.expose().path_segments().and_then(Iterator::last);
        match token {
            Some(token) if !token.is_empty() => text.replace(token, "[redacted]"),
            Some(_) | None => text.to_owned(),
        }
    }
}

/// Whether a host is `discord.com` or below it, or Discord's old name, which redirects there.
fn is_of_discord(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let below = |name: &str| {
        host.strip_suffix(name)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    below("discord.com") || below("discordapp.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: WebhookError) {
        assert_eq!(WebhookUrl::parse(text).unwrap_err(), expected, "{text}");
    }

    #[test]
    fn only_the_url_of_a_webhook_is_accepted() {
        refused("", WebhookError::Placeholder);
        refused("REPLACE_ME", WebhookError::Placeholder);
        refused(
            "https://discord.com/api/webhooks/1/PLACEHOLDER",
            WebhookError::Placeholder,
        );
        refused("hunter2", WebhookError::NotUrl);
        refused(
            "http://discord.com/api/webhooks/1/t",
            WebhookError::NotHttps,
        );
        refused(
            "http://127.0.0.1.evil.example/api/webhooks/1/t",
            WebhookError::NotHttps,
        );
        refused("file:///api/webhooks/1/t", WebhookError::NotHttps);
        refused(
            "https://discord.com/api/webhooks/1/",
            WebhookError::NotWebhook,
        );
        refused(
            "https://discord.com/api/webhooks/1/t/slack",
            WebhookError::NotWebhook,
        );
        refused("https://discord.com/channels/1/2", WebhookError::NotWebhook);
        WebhookUrl::parse("https://discord.com/api/v10/webhooks/1/t\n").unwrap();
        WebhookUrl::parse("http://localhost:3000/api/webhooks/1/t").unwrap();
        WebhookUrl::parse("http://[::1]:3000/api/webhooks/1/t").unwrap();
    }

    #[test]
    fn a_post_waits_for_the_result_and_every_call_keeps_its_thread() {
        let url =
            WebhookUrl::parse("https://d.example/api/webhooks/1/t?wait=false&thread_id=7").unwrap();
        assert_eq!(
            url.post(None).as_str(),
            "https://d.example/api/v10/webhooks/1/t?thread_id=7&wait=true&with_components=true"
        );
        assert_eq!(
            url.post(Some("8")).as_str(),
            "https://d.example/api/v10/webhooks/1/t?thread_id=8&wait=true&with_components=true"
        );
        assert_eq!(
            url.edit("9", None).as_str(),
            "https://d.example/api/v10/webhooks/1/t/messages/9?thread_id=7&with_components=true"
        );
    }

    #[test]
    fn every_url_is_rewritten_to_the_version_that_is_spoken_here() {
        for path in ["api", "api/v6", "api/v7", "api/v10"] {
            let url = format!("https://discord.com/{path}/webhooks/1/t");
            let url = WebhookUrl::parse(&url).unwrap();
            assert_eq!(
                url.post(None).as_str(),
                "https://discord.com/api/v10/webhooks/1/t?wait=true&with_components=true"
            );
            assert_eq!(url.id(), "1");
        }
    }

    #[test]
    fn a_redirect_is_followed_within_discord_only() {
        let check = |from: &str, location: &str, expected: Option<&str>| {
            let webhook = WebhookUrl::parse(&format!("{from}/api/webhooks/1/t")).unwrap();
            let found = webhook.redirected(&webhook.post(None), location);
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{location}");
        };
        let discord = "https://discord.com";
        check(discord, "/a?b=1", Some("https://discord.com/a?b=1"));
        check(
            discord,
            "https://ptb.discord.com/a",
            Some("https://ptb.discord.com/a"),
        );
        check(
            "https://discordapp.com",
            "https://discord.com/a",
            Some("https://discord.com/a"),
        );
        check(discord, "http://discord.com/a", None);
        check(discord, "https://discord.com:8443/a", None);
        check(discord, "https://evil.example/a", None);
        check(discord, "https://notdiscord.com/a", None);
        check(discord, "//evil.example/a", None);
        let loopback = "http://127.0.0.1:1";
        check(loopback, "/b", Some("http://127.0.0.1:1/b"));
        check(loopback, "https://discord.com/a", None);
        check(loopback, "http://127.0.0.1:2/b", None);
    }
}
