//! The names of AWS accounts: people know an account by its name, events have only its number.

use std::collections::BTreeMap;

use crate::event::Event;

const NAME_CHARACTERS_MAX: usize = 64;

/// The names of accounts by their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts(BTreeMap<String, String>);

/// Why the names are refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The text is not a JSON object of texts.
    #[error("not a JSON object like {{\"123456789012\": \"production\"}}: {0}")]
    Form(#[from] serde_json::Error),
    /// A key is not the number of an account.
    #[error("{0:?} is not the number of an AWS account, which has 12 digits")]
    Number(String),
    /// A name is blank or too long.
    #[error("the name of {0} needs 1 to {NAME_CHARACTERS_MAX} characters")]
    Name(String),
}

impl Accounts {
    /// Reads the names from a JSON object. Without a text there are none.
    pub(crate) fn parse(json: Option<&str>) -> Result<Self, AccountsError> {
        let names: BTreeMap<String, String> = serde_json::from_str(json.unwrap_or("{}"))?;
        for (number, name) in &names {
            if number.len() != 12 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(AccountsError::Number(number.clone()));
            }
            if name.trim().is_empty() || NAME_CHARACTERS_MAX < name.chars().count() {
                return Err(AccountsError::Name(number.clone()));
            }
        }
        Ok(Self(names))
    }

    /// An event with the name of its account.
    pub(crate) fn named(&self, mut event: Event) -> Event {
        event.account_name = self.name(event.account.as_deref());
        event
    }

    fn name(&self, number: Option<&str>) -> Option<String> {
        Some(self.0.get(number?)?.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(json: &str, expected: &str) {
        let error = Accounts::parse(Some(json)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn names_belong_to_the_numbers_of_accounts() {
        let accounts = Accounts::parse(Some(r#"{"123456789012": " production "}"#)).unwrap();
        let name = accounts.name(Some("123456789012"));
        assert_eq!(name.as_deref(), Some("production"));
        assert_eq!(accounts.name(Some("999999999999")), None);
        assert_eq!(accounts.name(None), None);
        assert_eq!(Accounts::parse(None).unwrap().name(Some("1")), None);
    }

    #[test]
    fn names_that_no_event_could_have_are_refused() {
        refused("[]", "not a JSON object like {\"123456789012\"");
        refused(r#"{"123456789012": 1}"#, "not a JSON object");
        refused(r#"{"prod": "1"}"#, "\"prod\" is not the number");
        refused(r#"{"12345678901": "p"}"#, "is not the number");
        refused(
            r#"{"123456789012": " "}"#,
            "the name of 123456789012 needs 1 to 64",
        );
        let long = format!(r#"{{"123456789012": "{}"}}"#, "p".repeat(65));
        refused(&long, "needs 1 to 64 characters");
    }
}
