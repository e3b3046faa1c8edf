//! Reads the configuration from environment variables.

use shared::aws::{AwsConfig, MissingVariable};

/// The function's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The ARNs of the new versions.
    pub(crate) orders: String,
    pub(crate) cors: String,
    pub(crate) authorizer: String,
    /// An origin whose pages may call the API.
    pub(crate) origin: String,
    /// AWS region, credentials and endpoints.
    pub(crate) aws: AwsConfig,
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
    /// Reads `ORDERS_VERSION`, `CORS_VERSION`, `AUTHORIZER_VERSION`, `ALLOWED_ORIGINS` and the AWS
    /// variables.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let required = |name, what| {
            let value = var(name).filter(|value| !value.is_empty());
            value.ok_or(ConfigError::Missing(name, what))
        };
        let origins = required("ALLOWED_ORIGINS", "the origins that may call the API")?;
        let first = origins.split(',').next().unwrap_or_default();
        Ok(Self {
            orders: required("ORDERS_VERSION", "the ARN of the orders function's version")?,
            cors: required("CORS_VERSION", "the ARN of the cors function's version")?,
            authorizer: required("AUTHORIZER_VERSION", "the ARN of the authorizer's version")?,
            origin: first.trim().to_owned(),
            aws: AwsConfig::from_env(&var)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        for name in [
            "ALLOWED_ORIGINS",
            "AUTHORIZER_VERSION",
            "CORS_VERSION",
            "ORDERS_VERSION",
            "AWS_REGION",
        ] {
            let error = Config::from_env(|asked| (asked != name).then(|| "x".to_owned()));
            let message = error.unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("{name} is not set")),
                "{message}"
            );
        }
    }

    #[test]
    fn the_first_origin_is_taken() {
        let var = |name: &str| match name {
            "ALLOWED_ORIGINS" => Some("https://shop.example,https://other.example".to_owned()),
            _ => Some("x".to_owned()),
        };
        let config = Config::from_env(var).unwrap();
        assert_eq!(config.origin, "https://shop.example");
    }
}
