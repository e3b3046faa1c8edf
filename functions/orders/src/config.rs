//! Owns the function's configuration, parsed once at start.

use std::fmt;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use shared::aws::{AwsConfig, MissingVariable};
use shared::cors::{AllowedOrigins, OriginError};

/// What the orders function is told by its environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table.
    pub store: StoreConfig,
    /// The origins whose pages may read answers.
    pub origins: AllowedOrigins,
}

/// What every function on the table is told by its environment.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The table's name.
    pub table: String,
    /// Region, credentials, endpoints.
    pub aws: AwsConfig,
}

/// The environment is not usable; one line that names the variable.
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
}

/// `main` prints its error by `Debug`: one clear line there, too.
impl fmt::Debug for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Config {
    /// Reads `ALLOWED_ORIGINS` and what [`StoreConfig::from_env`] reads.
    ///
    /// # Errors
    /// Names the variable, and the entry in it, that is missing or not valid.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Ok(Self {
            store: StoreConfig::from_env(&var)?,
            origins: AllowedOrigins::parse(&required(&var, "ALLOWED_ORIGINS")?)?,
        })
    }
}

impl StoreConfig {
    /// Reads `TABLE_NAME` and what [`AwsConfig::from_env`] reads.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Ok(Self {
            table: required(&var, "TABLE_NAME")?,
            aws: AwsConfig::from_env(&var)?,
        })
    }

    /// The database client: one try a request, as [`crate::once::decide`] needs it.
    pub fn client(&self) -> Client {
        let mut config = Builder::from(&self.aws.sdk_config());
        config.set_endpoint_url(self.aws.endpoint("DYNAMODB"));
        Client::from_conf(config.build())
    }
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
    fn a_wrong_origin_is_named() {
        let var = |_: &str| Some("https://app.example/".to_owned());
        let error = Config::from_env(var).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("ALLOWED_ORIGINS: "), "{error}");
        assert!(error.contains("https://app.example/"), "{error}");
    }
}
