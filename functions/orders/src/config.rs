//! Reads the function's configuration from the environment, once at start.

use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use shared::aws::{AwsConfig, MissingVariable};
use shared::cors::{AllowedOrigins, OriginError};
use shared::secret::Secret;

/// How long an order waits for Redis before its write, in total: for a connection,
/// the look-up and its turn.
pub const REDIS_WAIT_DEFAULT: Duration = Duration::from_millis(50);

/// How long a product of several shards counts as sold out after it was proved.
const SOLD_OUT_DEFAULT: Duration = Duration::from_secs(1);

const SOLD_OUT_MILLISECONDS_MAX: u64 = 60_000;

/// The values that `REDIS_WAIT_MILLISECONDS` may have: at least one exchange, and
/// far less than an invocation.
const REDIS_WAIT_MILLISECONDS: std::ops::RangeInclusive<u64> = 20..=2_000;

/// The configuration of the orders function.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table.
    pub store: StoreConfig,
    /// The origins whose pages may read answers.
    pub(crate) origins: AllowedOrigins,
    /// The optional Redis.
    pub(crate) redis: Option<RedisConfig>,
    /// How long answers about a product of several shards come from memory.
    pub(crate) sold_out: Duration,
    /// Whether CloudFront is in front of the gateway, and adds an entry to `X-Forwarded-For`.
    pub(crate) behind_edge: bool,
}

/// A Redis, and how long to wait for it.
#[derive(Clone, Debug)]
pub(crate) struct RedisConfig {
    /// The server's address.
    pub(crate) address: RedisAddress,
    /// How long an order waits for it before its write, in total.
    pub(crate) wait: Duration,
}

/// The address of a Redis. Its URL contains a password.
#[derive(Clone, Debug)]
pub(crate) enum RedisAddress {
    /// `redis://` or `rediss://`.
    Url(Secret<String>),
    /// The secret that holds the URL.
    SecretId(String),
}

/// The configuration of every function that uses the table.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The table's name.
    pub table: String,
    /// Region, credentials, endpoints.
    pub aws: AwsConfig,
}

/// A variable is missing or not valid. The message is one line that names it.
#[derive(thiserror::Error)]
pub enum ConfigError {
    /// A variable is missing.
    #[error("{0} is not set: template.yaml declares it for this function")]
    Missing(&'static str),
    /// A variable that AWS sets is missing.
    #[error(transparent)]
    Aws(#[from] MissingVariable),
    /// An origin is not valid.
    #[error("ALLOWED_ORIGINS: {0}")]
    Origins(#[from] OriginError),
    /// A variable is not valid. Its value may be secret, so the message does not
    /// show it.
    #[error("{0} {1}")]
    Invalid(&'static str, &'static str),
}

/// `main` prints its error with `Debug`, which gives the same line.
impl fmt::Debug for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Config {
    /// Reads the variables of the store (`TABLE_NAME`, and what
    /// [`AwsConfig::from_env`] reads), `ALLOWED_ORIGINS`, `BEHIND_EDGE` (false
    /// unless it is `true`), `SOLD_OUT_MS` (1000 if it is missing), and the optional variables of Redis: `REDIS_URL` or
    /// `REDIS_SECRET_ARN`, and `REDIS_WAIT_MILLISECONDS`.
    ///
    /// # Errors
    /// A variable is missing or not valid. The error names it.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let store = StoreConfig::from_env(&var)?;
        Self::with_store(var, store)
    }

    /// Reads the same variables as [`Config::from_env`], without those of AWS.
    ///
    /// # Errors
    /// A variable is missing or not valid. The error names it.
    pub fn with_aws(
        var: impl Fn(&str) -> Option<String>,
        aws: AwsConfig,
    ) -> Result<Self, ConfigError> {
        let table = required(&var, "TABLE_NAME")?;
        Self::with_store(var, StoreConfig { table, aws })
    }

    fn with_store(
        var: impl Fn(&str) -> Option<String>,
        store: StoreConfig,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            store,
            origins: AllowedOrigins::parse(&required(&var, "ALLOWED_ORIGINS")?)?,
            redis: RedisConfig::from_env(&var)?,
            sold_out: sold_out(&var)?,
            behind_edge: var("BEHIND_EDGE").is_some_and(|value| value == "true"),
        })
    }
}

impl RedisConfig {
    /// Reads the variables of Redis. An empty variable counts as missing.
    fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let address = match (set("REDIS_URL"), set("REDIS_SECRET_ARN")) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                let fault = "and REDIS_SECRET_ARN are both set: set only one of them";
                return Err(ConfigError::Invalid("REDIS_URL", fault));
            }
            (Some(url), None) => {
                if ::redis::Client::open(url.as_str()).is_err() {
                    let fault = "is not a redis:// or rediss:// URL";
                    return Err(ConfigError::Invalid("REDIS_URL", fault));
                }
                RedisAddress::Url(Secret::new(url))
            }
            (None, Some(id)) => RedisAddress::SecretId(id),
        };
        let wait = match set("REDIS_WAIT_MILLISECONDS") {
            None => REDIS_WAIT_DEFAULT,
            Some(text) => {
                let number = text.parse().ok();
                let number = number.filter(|number| REDIS_WAIT_MILLISECONDS.contains(number));
                let fault = "is not a whole number from 20 to 2000";
                let number =
                    number.ok_or(ConfigError::Invalid("REDIS_WAIT_MILLISECONDS", fault))?;
                Duration::from_millis(number)
            }
        };
        Ok(Some(Self { address, wait }))
    }
}

impl StoreConfig {
    /// Reads `TABLE_NAME` and what [`AwsConfig::from_env`] reads.
    ///
    /// # Errors
    /// A variable is missing. The error names it.
    pub(crate) fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: required(&var, "TABLE_NAME")?,
            aws: AwsConfig::from_env(&var)?,
        })
    }

    /// The database client: one attempt for each request, as [`once::Store`] requires.
    pub fn client(&self) -> Client {
        let mut config = Builder::from(&self.aws.sdk_config());
        config.set_endpoint_url(self.aws.endpoint("DYNAMODB"));
        Client::from_conf(config.build())
    }
}

fn sold_out(var: impl Fn(&str) -> Option<String>) -> Result<Duration, ConfigError> {
    let Some(text) = var("SOLD_OUT_MS").filter(|value| !value.is_empty()) else {
        return Ok(SOLD_OUT_DEFAULT);
    };
    let fault = "is not a whole number from 0 to 60000";
    let number = text.parse().ok();
    let number = number.filter(|number| *number <= SOLD_OUT_MILLISECONDS_MAX);
    let number = number.ok_or(ConfigError::Invalid("SOLD_OUT_MS", fault))?;
    Ok(Duration::from_millis(number))
}

fn required(
    var: impl Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<String, ConfigError> {
    let set = var(name).filter(|value| !value.is_empty());
    set.ok_or(ConfigError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_without(absent: &str) -> String {
        let var = |name: &str| match name {
            _ if name == absent => None,
            "ALLOWED_ORIGINS" => Some("https://app.example".to_owned()),
            _ if name.starts_with("AWS_ENDPOINT_URL") => None,
            "SOLD_OUT_MS" => None,
            _ if name.starts_with("REDIS") => None,
            _ => Some("x".to_owned()),
        };
        Config::from_env(var).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn a_missing_variable_is_named() {
        for name in ["TABLE_NAME", "ALLOWED_ORIGINS", "AWS_REGION"] {
            assert!(error_without(name).starts_with(name), "{name}");
        }
    }

    #[test]
    fn an_invalid_origin_is_named() {
        let var = |_: &str| Some("https://app.example/".to_owned());
        let error = Config::from_env(var).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("ALLOWED_ORIGINS: "), "{error}");
        assert!(error.contains("https://app.example/"), "{error}");
    }

    #[test]
    fn how_long_a_product_counts_as_sold_out_is_at_most_a_minute() {
        let read = |value: &str| sold_out(|_| Some(value.to_owned())).ok();
        assert_eq!(sold_out(|_| None).ok(), Some(SOLD_OUT_DEFAULT));
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("60000"), Some(Duration::from_mins(1)));
        for bad in ["-1", "1.5", "60001", "1s"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    fn redis(variables: &[(&str, &str)]) -> Result<Option<RedisConfig>, String> {
        let var = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        RedisConfig::from_env(var).map_err(|error| error.to_string())
    }

    #[test]
    fn without_its_variables_there_is_no_redis() {
        assert!(redis(&[]).unwrap().is_none());
        let empty = [("REDIS_URL", ""), ("REDIS_SECRET_ARN", "")];
        assert!(redis(&empty).unwrap().is_none());
        assert!(redis(&[("REDIS_SECRET_ARN", "arn")]).unwrap().is_some());
    }

    #[test]
    fn the_password_of_redis_is_not_printed() {
        let config = redis(&[("REDIS_URL", "rediss://user:hunter2@cache.example:6380/1")]);
        let config = config.unwrap().unwrap();
        assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
        let error = redis(&[("REDIS_URL", "http://user:hunter2@cache.example")]).unwrap_err();
        assert_eq!(error, "REDIS_URL is not a redis:// or rediss:// URL");
    }

    #[test]
    fn an_invalid_variable_of_redis_is_named() {
        let url = ("REDIS_URL", "redis://127.0.0.1");
        let error = redis(&[url, ("REDIS_SECRET_ARN", "arn")]).unwrap_err();
        assert!(
            error.starts_with("REDIS_URL and REDIS_SECRET_ARN"),
            "{error}"
        );
        for wait in ["0", "19", "2001", "-1", "50ms"] {
            let error = redis(&[url, ("REDIS_WAIT_MILLISECONDS", wait)]).unwrap_err();
            assert!(error.starts_with("REDIS_WAIT_MILLISECONDS"), "{error}");
        }
        let config = redis(&[url, ("REDIS_WAIT_MILLISECONDS", "200")]).unwrap();
        assert_eq!(config.unwrap().wait, Duration::from_millis(200));
    }
}
