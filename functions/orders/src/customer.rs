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

/// A caller cannot own orders.
#[derive(Clone, Copy, Debug, thiserror::Error, Eq, PartialEq)]
#[error("the issuer's name contains #, or the issuer and the subject are too long")]
pub struct CustomerError;

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
        if caller.issuer.contains('#') || CUSTOMER_BYTES_MAX < text.len() {
            return Err(CustomerError);
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
        assert!(customer("a#b", "c").is_err());
        assert!(customer("a", "b#c").is_ok());
        assert!(customer("a", &"x".repeat(1_023)).is_err());
    }
}
