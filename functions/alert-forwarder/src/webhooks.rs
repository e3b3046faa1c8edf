//! Fetches webhook URLs from Secrets Manager, and caches them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use jiff::Timestamp;
use shared::secret::Secret;

use crate::webhook::{WebhookError, WebhookUrl};

/// How long the secret is cached. A new webhook needs no deployment.
const FRESH: Duration = Duration::from_mins(5);

/// Where the webhook URLs come from.
#[derive(Clone, Debug)]
pub(crate) enum WebhookSource {
    /// From a secret in Secrets Manager, by its id: one URL, or a JSON object of several.
    Secret(String),
    /// From the command line: one URL for all routes.
    Given(WebhookUrl),
}

/// The webhooks, cached.
#[derive(Debug)]
pub(crate) struct Webhooks {
    source: WebhookSource,
    client: Client,
    cached: Mutex<Option<Cached>>,
}

type Keyed = Arc<BTreeMap<String, Result<WebhookUrl, WebhookError>>>;

#[derive(Debug)]
struct Cached {
    at: Timestamp,
    webhooks: Keyed,
}

impl Webhooks {
    pub(crate) fn new(source: WebhookSource, client: Client) -> Self {
        Self {
            source,
            client,
            cached: Mutex::new(None),
        }
    }

    /// The id of the secret, for the log.
    pub(crate) fn secret_id(&self) -> Option<&str> {
        match &self.source {
            WebhookSource::Secret(id) => Some(id),
            WebhookSource::Given(_) => None,
        }
    }

    /// The webhook under a key, at most [`FRESH`] old.
    pub(crate) async fn get(&self, key: &str, now: Timestamp) -> Result<WebhookUrl, WebhookError> {
        self.not_older_than(FRESH, key, now).await
    }

    /// The webhook under a key as far as it is known without a call, however old.
    pub(crate) fn known(&self, key: &str) -> Option<WebhookUrl> {
        if let WebhookSource::Given(url) = &self.source {
            return Some(url.clone());
        }
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.as_ref()?.webhooks.get(key)?.clone().ok()
    }

    /// The webhook with an id, under whatever key. Reads the secret like [`Webhooks::get`].
    pub(crate) async fn by_id(&self, id: &str, now: Timestamp) -> Option<WebhookUrl> {
        let has_id = |webhook: &&WebhookUrl| webhook.id() == id;
        if let WebhookSource::Given(url) = &self.source {
            return Some(url).filter(has_id).cloned();
        }
        // The key does not matter: this reads the secret if it is old.
        let _ = self.get("", now).await;
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = cached.as_ref()?.webhooks.values().flatten();
        all.find(has_id).cloned()
    }

    /// The webhook under a key. Reads the secret again if the cached one is older than `age_max`.
    pub(crate) async fn not_older_than(
        &self,
        age_max: Duration,
        key: &str,
        now: Timestamp,
    ) -> Result<WebhookUrl, WebhookError> {
        let secret_id = match &self.source {
            WebhookSource::Given(url) => return Ok(url.clone()),
            WebhookSource::Secret(id) => id,
        };
        let cached = {
            let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
            cached
                .as_ref()
                .map(|cached| (cached.at, Arc::clone(&cached.webhooks)))
        };
        let webhooks = match cached {
            Some((at, webhooks)) if now.duration_since(at).unsigned_abs() < age_max => webhooks,
            cached => match self.read(secret_id).await {
                Some(value) => self.keep(&value, now),
                // An old webhook is better than none.
                None => cached.map(|(_, old)| old).ok_or(WebhookError::Unreadable)?,
            },
        };
        webhooks
            .get(key)
            .cloned()
            .unwrap_or(Err(WebhookError::Missing))
    }

    async fn read(&self, secret_id: &str) -> Option<Secret<String>> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(secret_id)
            .send()
            .await;
        match answer {
            Ok(answer) => answer.secret_string.map(Secret::new),
            Err(error) => {
                let error = aws_sdk_secretsmanager::error::DisplayErrorContext(&error).to_string();
                tracing::error!(secret_id, error, "the webhook secret cannot be read");
                None
            }
        }
    }

    fn keep(&self, value: &Secret<String>, now: Timestamp) -> Keyed {
        let webhooks = Arc::new(keyed(value.expose()));
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        *cached = Some(Cached {
            at: now,
            webhooks: Arc::clone(&webhooks),
        });
        webhooks
    }
}

/// Reads a secret: a JSON object of URLs under their keys, or one URL, whose key is then `default`.
fn keyed(secret: &str) -> BTreeMap<String, Result<WebhookUrl, WebhookError>> {
    match serde_json::from_str::<BTreeMap<String, String>>(secret) {
        Ok(keyed) => keyed
            .iter()
            .map(|(key, url)| (key.clone(), WebhookUrl::parse(url)))
            .collect(),
        Err(_) => BTreeMap::from([("default".to_owned(), WebhookUrl::parse(secret))]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_holds_one_url_or_several_under_keys() {
        let one = keyed("https://d.example/api/webhooks/1/t");
        assert!(one["default"].is_ok());
        let several =
            keyed(r#"{"default": "https://d.example/api/webhooks/1/t", "oncall": "REPLACE_ME"}"#);
        assert!(several["default"].is_ok());
        assert_eq!(several["oncall"], Err(WebhookError::Placeholder));
    }
}
