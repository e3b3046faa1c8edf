//! Reads the configuration from environment variables, and checks it before the first alert.

use std::time::Duration;

use shared::aws::{AwsConfig, MissingVariable};

use crate::accounts::{Accounts, AccountsError};
use crate::route::{Routes, RoutesError};
use crate::webhook::{WebhookError, WebhookUrl};
use crate::webhooks::WebhookSource;

/// The function's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table that remembers what was sent.
    pub(crate) table_name: String,
    /// Where the webhook URLs come from.
    pub(crate) webhooks: WebhookSource,
    /// Which alert goes to which channel.
    pub routes: Routes,
    /// The names of AWS accounts.
    pub(crate) accounts: Accounts,
    /// The queue of alerts. With its URL, the function sets when a message comes back.
    pub(crate) queue_url: Option<String>,
    /// The queue for messages that Discord refuses in every form.
    pub(crate) dead_letter_queue_url: Option<String>,
    /// The alarm whose deliveries are counted: it goes off once a day, to test the way to Discord.
    pub(crate) delivery_test_alarm: Option<String>,
    /// The ARN of the stack that the function is part of, to know when it was deployed.
    pub(crate) stack_id: Option<String>,
    /// Time-outs of calls.
    pub timeouts: Timeouts,
    /// AWS region, credentials and endpoints.
    pub(crate) aws: AwsConfig,
}

/// How long one call may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For connecting to Discord.
    pub connect: Duration,
    /// For a whole call of Discord, answer included.
    pub total: Duration,
    /// For a call of the table, which answers in milliseconds or not at all.
    pub table: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(8),
            table: Duration::from_secs(1),
        }
    }
}

/// Why the configuration is refused. Each message is one line that names the variable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is missing.
    #[error("{0} is not set: {1}")]
    Missing(&'static str, &'static str),
    /// An AWS variable is missing.
    #[error(transparent)]
    Aws(#[from] MissingVariable),
    /// `ROUTES` is not valid.
    #[error("ROUTES: {0}")]
    Routes(#[from] RoutesError),
    /// `ACCOUNT_NAMES` is not valid.
    #[error("ACCOUNT_NAMES: {0}")]
    Accounts(#[from] AccountsError),
    /// The webhook URL from the command line is not valid.
    #[error("the given webhook URL {0}")]
    Webhook(#[from] WebhookError),
}

impl Config {
    /// Reads `TABLE_NAME`, `WEBHOOK_SECRET_ID`, `ROUTES`, `ACCOUNT_NAMES`, `QUEUE_URL`,
    /// `DEAD_LETTER_QUEUE_URL`, `DELIVERY_TEST_ALARM`, `STACK_ID` (the last six are optional) and the AWS
    /// variables.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let set = |name: &str| {
            let value = var(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let required = |name, what| set(name).ok_or(ConfigError::Missing(name, what));
        Ok(Self {
            table_name: required("TABLE_NAME", "the table that remembers what was sent")?,
            webhooks: WebhookSource::Secret(required(
                "WEBHOOK_SECRET_ID",
                "the secret with the Discord webhook's URL",
            )?),
            routes: Routes::parse(set("ROUTES").as_deref())?,
            accounts: Accounts::parse(set("ACCOUNT_NAMES").as_deref())?,
            queue_url: set("QUEUE_URL"),
            dead_letter_queue_url: set("DEAD_LETTER_QUEUE_URL"),
            delivery_test_alarm: set("DELIVERY_TEST_ALARM"),
            stack_id: set("STACK_ID"),
            timeouts: Timeouts::default(),
            aws: AwsConfig::from_env(&var)?,
        })
    }

    /// Replaces the secret by one webhook for all routes.
    pub fn with_webhook(mut self, url: &str) -> Result<Self, ConfigError> {
        self.webhooks = WebhookSource::Given(WebhookUrl::parse(url)?);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &'static [(&'static str, &'static str)]) -> Result<Config, ConfigError> {
        Config::from_env(move |name| {
            let base = [
                ("TABLE_NAME", "alerts"),
                ("WEBHOOK_SECRET_ID", "webhook"),
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "id"),
                ("AWS_SECRET_ACCESS_KEY", "key"),
            ];
            let all = extra.iter().chain(&base);
            let mut values = all.filter(|(known, _)| *known == name);
            values.next().map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn only_the_required_variables_must_be_set() {
        let config = read(&[]).unwrap();
        assert_eq!(config.queue_url, None);
    }

    #[track_caller]
    fn refused(extra: &'static [(&'static str, &'static str)], expected: &str) {
        let error = read(extra).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn an_error_is_one_line_that_names_the_variable_and_the_entry() {
        refused(&[("TABLE_NAME", " ")], "TABLE_NAME is not set");
        refused(&[("WEBHOOK_SECRET_ID", "")], "WEBHOOK_SECRET_ID is not set");
        refused(&[("ROUTES", "[{")], "ROUTES: not JSON of the right form");
        refused(
            &[("ACCOUNT_NAMES", "{\"1\": \"p\"}")],
            "ACCOUNT_NAMES: \"1\" is not the number of an AWS account",
        );
        refused(
            &[("ROUTES", r#"[{"name": "a", "fallback": "b"}]"#)],
            "ROUTES: route \"a\": fallback \"b\" is not another route",
        );
    }

    #[test]
    fn a_webhook_is_printed_neither_in_the_configuration_nor_in_an_error() {
        let url = "https://discord.com/api/webhooks/1/hunter2";
        let config = read(&[]).unwrap().with_webhook(url).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let error = read(&[])
            .unwrap()
            .with_webhook("http://discord.com/hunter2")
            .unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}
