//! Checks the scopes that a route requires. A route that is not listed is denied.

use std::collections::BTreeMap;

use shared::caller::Caller;

use crate::denial::Denial;

/// Route keys, as the gateway writes them (`POST /orders`), and what each requires.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RouteScopes(pub(crate) BTreeMap<String, Required>);

/// The scopes that a caller of a route needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Required {
    /// All of these. An empty list requires only a valid token.
    All(Vec<String>),
    /// At least one of these.
    Any(Vec<String>),
}

impl RouteScopes {
    /// The route key as the configuration writes it, if it is listed: a log line
    /// must not quote the event.
    pub(crate) fn listed(&self, route_key: &str) -> Option<&str> {
        self.0
            .get_key_value(route_key)
            .map(|(listed, _)| listed.as_str())
    }

    /// Checks that a caller may call a route.
    ///
    /// # Errors
    /// [`Denial::Route`] if it is not listed, [`Denial::Scope`] if a scope is missing.
    pub(crate) fn permit(&self, route_key: &str, caller: &Caller) -> Result<(), Denial> {
        let is_met = match self.0.get(route_key).ok_or(Denial::Route)? {
            Required::All(scopes) => scopes.iter().all(|scope| caller.may(scope)),
            Required::Any(scopes) => scopes.iter().any(|scope| caller.may(scope)),
        };
        if is_met { Ok(()) } else { Err(Denial::Scope) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scopes: &[&str], route_key: &str, expected: Result<(), Denial>) {
        let list = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let routes = RouteScopes(BTreeMap::from([
            (
                "POST /orders".to_owned(),
                Required::All(list(&["orders:write"])),
            ),
            (
                "PUT /stock/{sku}".to_owned(),
                Required::All(list(&["stock:write", "stock:read"])),
            ),
            ("GET /me".to_owned(), Required::All(list(&[]))),
        ]));
        let caller = Caller {
            issuer: "local".to_owned(),
            sub: "demo".to_owned(),
            scopes: list(scopes).into_iter().collect(),
            client_id: None,
        };
        assert_eq!(
            routes.permit(route_key, &caller),
            expected,
            "{scopes:?} {route_key}"
        );
    }

    #[test]
    fn every_scope_of_a_route_is_needed() {
        check(&["orders:write"], "POST /orders", Ok(()));
        check(&["orders:write:all"], "POST /orders", Err(Denial::Scope));
        check(&["stock:write"], "PUT /stock/{sku}", Err(Denial::Scope));
        check(&["stock:write", "stock:read"], "PUT /stock/{sku}", Ok(()));
        check(&[], "GET /me", Ok(()));
    }

    #[test]
    fn a_route_that_is_not_listed_is_denied_whatever_the_scopes() {
        for other in [
            "GET /orders",
            "post /orders",
            "POST /orders/",
            "$default",
            "",
        ] {
            check(&["orders:write"], other, Err(Denial::Route));
        }
    }
}
