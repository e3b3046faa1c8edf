//! Builds the events that API Gateway would send (payload format 2.0).

use serde_json::{Map, Value, json};
use shared::caller::Caller;

/// A request to the API.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    /// The route's path, such as `/orders/{id}/cancel` …
    pub(crate) route: &'static str,
    /// … and the values of its parameters.
    pub(crate) parameters: &'a [(&'static str, &'a str)],
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: Option<Value>,
    /// Who calls, if the authorizer has let somebody pass.
    pub(crate) caller: Option<&'a Caller>,
}

impl Request<'_> {
    /// The path, with the values of its parameters.
    pub(crate) fn path(&self) -> String {
        let fill = |path: String, (name, value): &(&str, &str)| {
            path.replace(&format!("{{{name}}}"), value)
        };
        self.parameters.iter().fold(self.route.to_owned(), fill)
    }

    /// The event of this request. `id` becomes the gateway's id of it.
    pub(crate) fn event(&self, id: &str, milliseconds: i64) -> Value {
        let route = format!("{} {}", self.method, self.route);
        let path = self.path();
        let mut headers = pairs(self.headers);
        headers.insert("host".to_owned(), json!("release-check"));
        headers.insert("x-forwarded-for".to_owned(), json!("127.0.0.1"));
        let mut event = json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": path,
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {
                "accountId": "release-check",
                "apiId": "release-check",
                "domainName": "release-check",
                "domainPrefix": "release-check",
                "http": {
                    "method": self.method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "release-check",
                },
                "requestId": id,
                "routeKey": route,
                "stage": "$default",
                "time": "",
                "timeEpoch": milliseconds,
            },
            "isBase64Encoded": false,
        });
        let Some(members) = event.as_object_mut() else {
            return event;
        };
        if !self.parameters.is_empty() {
            members.insert("pathParameters".to_owned(), pairs(self.parameters).into());
        }
        if let Some(body) = &self.body {
            members.insert("body".to_owned(), body.to_string().into());
        }
        let context = members.get_mut("requestContext");
        if let (Some(caller), Some(Value::Object(context))) = (self.caller, context) {
            let passed = json!({"lambda": caller.to_context()});
            context.insert("authorizer".to_owned(), passed);
        }
        event
    }

    /// The event that the authorizer gets before this request: its type and the token come with it.
    pub(crate) fn of_authorizer(&self, id: &str, milliseconds: i64, arn: &str) -> Value {
        let mut event = self.event(id, milliseconds);
        if let Some(members) = event.as_object_mut() {
            members.insert("type".to_owned(), json!("REQUEST"));
            members.insert("routeArn".to_owned(), json!(arn));
            members.insert("identitySource".to_owned(), json!([]));
        }
        event
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Map<String, Value> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), json!(value));
    pairs.iter().map(owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_event_names_its_route_its_parameters_and_its_caller() {
        let caller = Caller {
            issuer: "release-check".to_owned(),
            sub: "release-check".to_owned(),
            scopes: BTreeSet::from(["orders:write".to_owned()]),
            client_id: None,
        };
        let request = Request {
            method: "POST",
            route: "/orders/{id}/cancel",
            parameters: &[("id", "7")],
            headers: &[("idempotency-key", "k")],
            body: Some(json!({"a": 1})),
            caller: Some(&caller),
        };
        let event = request.event("request-1", 5);
        assert_eq!(event["routeKey"], "POST /orders/{id}/cancel");
        assert_eq!(event["rawPath"], "/orders/7/cancel");
        assert_eq!(event["pathParameters"], json!({"id": "7"}));
        assert_eq!(event["headers"]["idempotency-key"], "k");
        assert_eq!(event["body"], "{\"a\":1}");
        let context = &event["requestContext"];
        assert_eq!(context["authorizer"]["lambda"]["sub"], "release-check");
        assert_eq!(context["timeEpoch"], 5);
    }

    #[test]
    fn a_request_without_a_caller_has_no_context_of_an_authorizer() {
        let request = Request {
            method: "GET",
            route: "/products",
            ..Request::default()
        };
        let event = request.of_authorizer("request-1", 5, "arn:of:the:route");
        assert_eq!(event["requestContext"].get("authorizer"), None);
        assert_eq!(event.get("body"), None);
        assert_eq!(event["type"], "REQUEST");
    }
}
