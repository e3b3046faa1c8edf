//! Reads the configuration from environment variables, and checks it before anything is asked.

use std::time::Duration;

use shared::aws::{AwsConfig, MissingVariable};

/// The tag that CloudFormation puts on every resource of a stack.
const TAG_KEY_USUAL: &str = "aws:cloudformation:stack-name";

/// The function's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The stack whose orders are counted. Its metrics have this name as their namespace.
    pub(crate) stack: String,
    /// The stack's region: the table, the orders and the functions are there.
    pub(crate) stack_region: String,
    /// The table of alerts, in which the answers of a day are kept.
    pub(crate) table_name: String,
    /// The topic that gets the report.
    pub(crate) topic_arn: String,
    /// The cost allocation tag that marks what belongs to the stack.
    pub(crate) tag: Tag,
    /// How long one call may take.
    pub timeouts: Timeouts,
    /// AWS region, credentials and endpoints.
    pub(crate) aws: AwsConfig,
}

/// A cost allocation tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// Time-outs.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For one call. Cost Explorer answers within a few seconds.
    pub call: Duration,
    /// The end of the invocation that is kept free for the picture, the table and the topic.
    pub reserve: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(15),
            reserve: Duration::from_secs(20),
        }
    }
}

/// Why the configuration is refused. Each message is one line that names the variable.
#[derive(Debug, thiserror::Error, Eq, PartialEq)]
pub enum ConfigError {
    /// A required variable is missing.
    #[error("{0} is not set: {1}")]
    Missing(&'static str, &'static str),
    /// An AWS variable is missing.
    #[error(transparent)]
    Aws(#[from] MissingVariable),
}

impl Config {
    /// Reads `STACK_NAME`, `STACK_REGION`, `TABLE_NAME`, `TOPIC_ARN`, `COST_TAG_KEY` and
    /// `COST_TAG_VALUE` (the last two are optional) and the AWS variables.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let set = |name: &str| {
            let value = var(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let required = |name, what| set(name).ok_or(ConfigError::Missing(name, what));
        let stack = required("STACK_NAME", "the stack whose orders are counted")?;
        Ok(Self {
            stack_region: required("STACK_REGION", "the region of that stack")?,
            table_name: required("TABLE_NAME", "the table of alerts of that stack")?,
            topic_arn: required("TOPIC_ARN", "the topic that gets the report")?,
            tag: Tag {
                key: set("COST_TAG_KEY").unwrap_or_else(|| TAG_KEY_USUAL.to_owned()),
                value: set("COST_TAG_VALUE").unwrap_or_else(|| stack.clone()),
            },
            stack,
            timeouts: Timeouts::default(),
            aws: AwsConfig::from_env(&var)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &'static [(&'static str, &'static str)]) -> Result<Config, ConfigError> {
        Config::from_env(move |name| {
            let base = [
                ("STACK_NAME", "surefire"),
                ("STACK_REGION", "ap-northeast-2"),
                ("TABLE_NAME", "alerts"),
                (
                    "TOPIC_ARN",
                    "arn:aws:sns:us-east-1:123456789012:surefire-costs",
                ),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "id"),
                ("AWS_SECRET_ACCESS_KEY", "key"),
            ];
            let mut values = extra
                .iter()
                .chain(&base)
                .filter(|(known, _)| *known == name);
            values.next().map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_usual_tag_is_the_one_that_cloudformation_sets() {
        let tag = read(&[]).unwrap().tag;
        assert_eq!(tag.key, "aws:cloudformation:stack-name");
        assert_eq!(tag.value, "surefire");
        let tag = read(&[("COST_TAG_KEY", "team"), ("COST_TAG_VALUE", "shop")]);
        assert_eq!(tag.unwrap().tag.key, "team");
    }

    #[test]
    fn a_missing_variable_is_named() {
        for name in ["STACK_NAME", "STACK_REGION", "TABLE_NAME", "TOPIC_ARN"] {
            let error = Config::from_env(|asked| (asked != name).then(|| "x".to_owned()));
            let message = error.unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("{name} is not set")),
                "{message}"
            );
        }
    }
}
