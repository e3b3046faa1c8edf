//! Reads the function's configuration from its environment.

use std::fmt;

use shared::cors::{AllowedOrigins, OriginError};

use crate::allowed_headers::{AllowedHeaders, HeaderError};

const ALLOWED_ORIGINS: &str = "ALLOWED_ORIGINS";
const ALLOWED_HEADERS: &str = "ALLOWED_HEADERS";

/// The function's configuration. Every value of this type is valid.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) allowed_origins: AllowedOrigins,
    pub(crate) allowed_headers: AllowedHeaders,
}

impl Config {
    /// Reads two comma-separated lists through `var`: `ALLOWED_ORIGINS`, and `ALLOWED_HEADERS` if it
    /// is set.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let list = var(ALLOWED_ORIGINS).ok_or(ConfigError::Missing)?;
        let allowed_origins = AllowedOrigins::parse(&list)?;
        let more = var(ALLOWED_HEADERS).unwrap_or_default();
        Ok(Self {
            allowed_origins,
            allowed_headers: AllowedHeaders::and(&more)?,
        })
    }
}

/// Why the function does not start, in one line that names the variable.
#[derive(thiserror::Error)]
pub enum ConfigError {
    /// The variable is not set.
    #[error("{ALLOWED_ORIGINS} is not set; list the front ends' origins, separated by commas")]
    Missing,
    /// An entry of the list is wrong.
    #[error("{ALLOWED_ORIGINS}: {0}")]
    Origins(#[from] OriginError),
    /// A header of the list is wrong.
    #[error("{ALLOWED_HEADERS}: {0}")]
    Headers(#[from] HeaderError),
}

/// The same text as `Display`, because Rust prints the error that `main` returns with `Debug`.
impl fmt::Debug for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(value: Option<&str>, expected: &str) {
        let error = Config::from_env(|name| {
            assert_eq!(name, "ALLOWED_ORIGINS");
            value.map(str::to_owned)
        })
        .unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(format!("{error:?}"), expected);
        assert_eq!(expected.lines().count(), 1);
    }

    #[test]
    fn a_wrong_list_is_an_error_that_names_the_entry() {
        refuses(
            None,
            "ALLOWED_ORIGINS is not set; list the front ends' origins, separated by commas",
        );
        refuses(Some(""), r#"ALLOWED_ORIGINS: entry 1, "", is empty"#);
        refuses(
            Some("https://app.example,*"),
            r#"ALLOWED_ORIGINS: entry 2, "*", is a wildcard; list each origin by name"#,
        );
        refuses(
            Some("https://app.example, https://shop.example/"),
            r#"ALLOWED_ORIGINS: entry 2, "https://shop.example/", has a trailing slash; an origin ends with its host or port"#,
        );
        refuses(
            Some("http://a\nb"),
            r#"ALLOWED_ORIGINS: entry 1, "http://a\nb", has a host that is neither a name nor an address in the form browsers send"#,
        );
    }

    #[test]
    fn a_list_of_origins_is_read() {
        let list = "https://app.example, http://localhost:5173";
        let origins = |name: &str| (name == "ALLOWED_ORIGINS").then(|| list.to_owned());
        let config = Config::from_env(origins).unwrap();
        assert_eq!(Ok(config.allowed_origins), AllowedOrigins::parse(list));
    }

    #[test]
    fn a_wrong_header_is_an_error_that_names_the_entry() {
        let config = |headers: &str| {
            let var = |name: &str| match name {
                "ALLOWED_HEADERS" => Some(headers.to_owned()),
                _ => Some("https://app.example".to_owned()),
            };
            Config::from_env(var).map(drop)
        };
        assert!(config("").is_ok() && config("traceparent, X-One").is_ok());
        assert_eq!(
            config("traceparent,*").unwrap_err().to_string(),
            r#"ALLOWED_HEADERS: entry 2, "*", is a wildcard; list each header by name"#,
        );
    }
}
