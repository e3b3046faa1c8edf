//! Reads the gateway's event (payload format 2.0): its route and its `Authorization` header.

use serde_json::Value;
use shared::secret::Secret;

use crate::denial::Denial;

/// The event is of another payload format, whose answers have another form.
///
/// That is a mistake of the deployment, not of the caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct WrongEvent;

/// The members of an event that are read. All others may hold anything.
pub(crate) struct Event<'e> {
    route_key: Option<&'e str>,
    method: Option<&'e str>,
    authorization: Result<Secret<&'e str>, Denial>,
}

impl<'e> Event<'e> {
    /// Reads an event of payload format 2.0.
    pub(crate) fn read(event: &'e Value) -> Result<Self, WrongEvent> {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        if text("version") != Some("2.0") || text("type") != Some("REQUEST") {
            return Err(WrongEvent);
        }
        let method = event.pointer("/requestContext/http/method");
        Ok(Self {
            route_key: text("routeKey"),
            method: method.and_then(Value::as_str),
            authorization: authorization(event).map(Secret::new),
        })
    }

    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> Result<&'e str, Denial> {
        self.authorization
            .as_ref()
            .map(|secret| *secret.expose())
            .map_err(|denial| *denial)
    }

    /// The route that the gateway chose, if it serves the request's method.
    pub(crate) fn route_key(&self) -> Result<&'e str, Denial> {
        let route_key = self.route_key.ok_or(Denial::Route)?;
        let method = self
            .method
            .filter(|method| !method.is_empty())
            .ok_or(Denial::Route)?;
        // `$default` has no method and serves them all.
        match route_key.split_once(' ') {
            Some((served, _)) if served != "ANY" && served != method => Err(Denial::Route),
            _ => Ok(route_key),
        }
    }
}

/// Reads the one `Authorization` header; never the query string, a cookie or the
/// body. It must equal the identity source, because the gateway caches answers
/// by that.
fn authorization(event: &Value) -> Result<&str, Denial> {
    let headers = event
        .get("headers")
        .and_then(Value::as_object)
        .ok_or(Denial::MissingToken)?;
    let mut named = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let (_, value) = named.next().ok_or(Denial::MissingToken)?;
    if named.next().is_some() {
        return Err(Denial::Malformed);
    }
    let header = value.as_str().ok_or(Denial::Malformed)?;
    let source = event.pointer("/identitySource/0").and_then(Value::as_str);
    if source != Some(header) {
        return Err(Denial::Malformed);
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "version": "2.0",
            "type": "REQUEST",
            "routeKey": "POST /orders",
            "identitySource": ["Bearer x"],
            "headers": {"authorization": "Bearer x", "x-name": "Zoë"},
            "requestContext": {"http": {"method": "POST"}},
        })
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Value), expected: Result<&str, Denial>) {
        let mut event = event();
        change(&mut event);
        let read = Event::read(&event).unwrap();
        assert_eq!(read.authorization(), expected, "{event}");
    }

    #[test]
    fn the_one_authorization_header_must_equal_the_identity_source() {
        check(|_| (), Ok("Bearer x"));
        check(
            |event| event["headers"] = json!({"Authorization": "Bearer x"}),
            Ok("Bearer x"),
        );
        check(
            |event| event["headers"]["Authorization"] = json!("Bearer x"),
            Err(Denial::Malformed),
        );
        check(
            |event| event["headers"]["authorization"] = json!(["Bearer x"]),
            Err(Denial::Malformed),
        );
        check(
            |event| event["headers"]["authorization"] = json!("Bearer y"),
            Err(Denial::Malformed),
        );
        check(
            |event| event["identitySource"] = json!(null),
            Err(Denial::Malformed),
        );
        check(
            |event| event["identitySource"] = json!("Bearer x"),
            Err(Denial::Malformed),
        );
        check(
            |event| event["identitySource"] = json!([]),
            Err(Denial::Malformed),
        );
        check(
            |event| event["headers"] = json!(null),
            Err(Denial::MissingToken),
        );
        check(
            |event| event["headers"] = json!({}),
            Err(Denial::MissingToken),
        );
    }

    #[test]
    fn another_payload_format_is_not_read() {
        for (name, value) in [
            ("version", json!("1.0")),
            ("version", json!(2.0)),
            ("version", json!(null)),
            ("type", json!("TOKEN")),
            ("type", json!(null)),
        ] {
            let mut event = event();
            event[name] = value;
            assert!(Event::read(&event).is_err(), "{event}");
        }
        for other in [json!(null), json!([]), json!("2.0"), json!({})] {
            assert!(Event::read(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn the_method_must_be_one_that_the_route_serves() {
        let route = |route_key: &str, method: Value| {
            let mut event = event();
            event["routeKey"] = route_key.into();
            event["requestContext"]["http"]["method"] = method;
            Event::read(&event).unwrap().route_key().map(str::to_owned)
        };
        assert_eq!(
            route("POST /orders", json!("POST")).as_deref(),
            Ok("POST /orders")
        );
        assert_eq!(
            route("ANY /orders", json!("PUT")).as_deref(),
            Ok("ANY /orders")
        );
        assert_eq!(route("$default", json!("PUT")).as_deref(), Ok("$default"));
        for (route_key, method) in [
            ("POST /orders", json!("GET")),
            ("POST /orders", json!("")),
            ("POST /orders", json!(null)),
            ("$default", json!("")),
        ] {
            assert_eq!(route(route_key, method), Err(Denial::Route));
        }
    }
}
