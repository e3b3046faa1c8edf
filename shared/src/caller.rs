//! The verified caller, and how the authorizer passes it to a function.
//!
//! The authorizer writes a [`Caller`] into the context of its answer. API
//! Gateway copies that context to `requestContext.authorizer.lambda` of the
//! event. The function reads the caller from there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A caller whose token was verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The configured name of the issuer. Its URL may change; its name does not.
    pub issuer: String,
    /// The token's subject, unique within its issuer only.
    pub sub: String,
    /// What the token allows.
    pub scopes: BTreeSet<String>,
    /// The client that the token was issued to, if the token names one.
    pub client_id: Option<String>,
}

/// The context of an event does not contain a valid caller.
#[derive(Debug, thiserror::Error, Eq, PartialEq)]
#[error("the authorizer's context has no valid `{0}`")]
pub struct CallerError(&'static str);

impl Caller {
    /// Whether the token carries a scope.
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// The caller as the context of an authorizer's simple response, which is a
    /// flat map of strings.
    pub fn to_context(&self) -> Map<String, Value> {
        let scope = self.scopes.iter().map(String::as_str).collect::<Vec<_>>();
        let mut context = Map::new();
        context.insert("issuer".to_owned(), self.issuer.clone().into());
        context.insert("sub".to_owned(), self.sub.clone().into());
        context.insert("scope".to_owned(), scope.join(" ").into());
        if let Some(client_id) = &self.client_id {
            context.insert("client_id".to_owned(), client_id.clone().into());
        }
        context
    }

    /// Reads a caller that [`Caller::to_context`] wrote.
    ///
    /// # Errors
    /// Names the member that is missing, empty or not a string.
    pub fn from_context(context: &Map<String, Value>) -> Result<Self, CallerError> {
        let text = |name| context.get(name).and_then(Value::as_str);
        let required = |name| match text(name) {
            None | Some("") => Err(CallerError(name)),
            Some(value) => Ok(value.to_owned()),
        };
        Ok(Self {
            issuer: required("issuer")?,
            sub: required("sub")?,
            scopes: text("scope")
                .ok_or(CallerError("scope"))?
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
            client_id: text("client_id").map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Caller {
        Caller {
            issuer: "local".to_owned(),
            sub: "demo".to_owned(),
            scopes: ["orders:read", "orders:write"].map(str::to_owned).into(),
            client_id: Some("web".to_owned()),
        }
    }

    #[test]
    fn a_function_reads_the_caller_that_the_authorizer_wrote() {
        assert_eq!(Caller::from_context(&caller().to_context()), Ok(caller()));
    }

    #[test]
    fn a_scope_is_matched_whole() {
        assert!(caller().may("orders:read"));
        assert!(!caller().may("orders:read:any"));
        assert!(!caller().may("orders"));
    }

    #[test]
    fn a_context_without_an_issuer_a_subject_or_scopes_is_an_error() {
        for absent in ["issuer", "sub", "scope"] {
            let mut context = caller().to_context();
            context.remove(absent);
            assert_eq!(Caller::from_context(&context), Err(CallerError(absent)));
        }
        let mut context = caller().to_context();
        context.insert("sub".to_owned(), "".into());
        assert_eq!(Caller::from_context(&context), Err(CallerError("sub")));
    }
}
