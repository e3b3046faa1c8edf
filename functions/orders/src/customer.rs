//! The customer: who owns an order.

use std::str::FromStr;

use shared::caller::Caller;

/// The longest issuer name and subject together, in bytes. An index key holds 2,048
/// bytes.
const CUSTOMER_BYTES_MAX: usize = 1_024;

/// A customer: the configured name of an issuer, and a subject of its tokens.
///
/// The subject `demo` of two issuers is two customers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Customer(String);

/// Why a caller cannot own orders.
#[derive(Clone, Copy, Debug, thiserror::Error, Eq, PartialEq)]
pub enum CustomerError {
    /// A mistake in the configuration of the issuers.
    #[error("the issuer's name contains #")]
    IssuerName,
    /// The subject is too long for a key of the index.
    #[error("the issuer's name and the subject together have more than {CUSTOMER_BYTES_MAX} bytes")]
    TooLong,
    /// JSON writes a control character as six, so a cursor with the subject would be
    /// longer than a cursor may be.
    #[error("the subject has a control character")]
    Control,
}

/// The text is not a customer.
#[derive(Clone, Copy, Debug, thiserror::Error, Eq, PartialEq)]
#[error("must be an issuer's name, # and a subject, such as local#demo")]
pub struct CustomerTextError;

impl Customer {
    /// The customer as stored: `<issuer>#<sub>`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&Caller> for Customer {
    type Error = CustomerError;

    fn try_from(caller: &Caller) -> Result<Self, CustomerError> {
        let text = format!("{}#{}", caller.issuer, caller.sub);
        // With a `#` in its name, `a#b` + `c` and `a` + `b#c` would be one customer.
        if caller.issuer.contains('#') {
            return Err(CustomerError::IssuerName);
        }
        if CUSTOMER_BYTES_MAX < text.len() {
            return Err(CustomerError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(CustomerError::Control);
        }
        Ok(Self(text))
    }
}

impl FromStr for Customer {
    type Err = CustomerTextError;

    /// Reads a customer as stored, such as `local#demo`.
    fn from_str(text: &str) -> Result<Self, CustomerTextError> {
        let (issuer, sub) = text.split_once('#').ok_or(CustomerTextError)?;
        let parts = !issuer.is_empty() && !sub.is_empty();
        if !parts || CUSTOMER_BYTES_MAX < text.len() || text.chars().any(char::is_control) {
            return Err(CustomerTextError);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(issuer: &str, sub: &str) -> Result<Customer, CustomerError> {
        let caller = Caller {
            issuer: issuer.to_owned(),
            sub: sub.to_owned(),
            scopes: [].into(),
            client_id: None,
        };
        Customer::try_from(&caller)
    }

    #[test]
    fn the_same_subject_of_two_issuers_is_two_customers() {
        assert_ne!(customer("a", "demo"), customer("b", "demo"));
        assert_eq!(customer("a#b", "c"), Err(CustomerError::IssuerName));
        assert!(customer("a", "b#c").is_ok());
    }

    #[test]
    fn a_customer_fits_into_a_key_and_into_a_cursor() {
        assert!(customer("a", &"x".repeat(1_022)).is_ok());
        let long = customer("a", &"x".repeat(1_023));
        assert_eq!(long, Err(CustomerError::TooLong));
        for sub in ["a\nb", "\u{0}", "\u{7f}", "\u{85}"] {
            assert_eq!(customer("a", sub), Err(CustomerError::Control), "{sub:?}");
        }
    }
}
