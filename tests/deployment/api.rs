//! The API calls the authorizer by its alias, for every request of a route that is not public.

use std::collections::BTreeSet;

use serde_json::json;

use super::{keeps, names, stack, template, text, with};

/// The routes that need no token, besides preflights.
const PUBLIC: [&str; 2] = ["GET /products", "GET /products/{sku}"];

fn faults(text: &str) -> Vec<String> {
    let (stack, template) = match (stack(text), template(text)) {
        (Ok(stack), Ok(template)) => (stack, template),
        (Err(faults), _) | (_, Err(faults)) => return faults,
    };
    let mut faults = Vec::new();
    let api = &stack.resources["HttpApi"].properties;
    let authorizer = &api["Auth"]["Authorizers"]["TokenAuthorizer"];
    let arn = authorizer["FunctionArn"].as_str().unwrap_or_default();
    if !arn.ends_with(":live") {
        faults.push("the authorizer is not called by its alias".to_owned());
    }
    for (path, wanted) in [
        ("EnableFunctionDefaultPermissions", json!(true)),
        ("EnableSimpleResponses", json!(true)),
        ("AuthorizerPayloadFormatVersion", json!("2.0")),
    ] {
        if authorizer[path] != wanted {
            faults.push(format!("the authorizer's {path} is {}", authorizer[path]));
        }
    }
    let scopes = template.route_scopes();
    for route in &template.routes {
        let (key, guarded) = (route.key(), route.authorizer.is_some());
        let public = route.method == "OPTIONS" || PUBLIC.contains(&key.as_str());
        match (public, guarded, scopes.get(&key)) {
            (true, false, None) => {}
            (true, true, _) => faults.push(format!("{key} is public but requires a token")),
            (false, false, _) => faults.push(format!("{key} requires no token")),
            (true, false, Some(_)) => faults.push(format!("{key} has scopes but no authorizer")),
            (false, true, Some(scopes)) if !scopes.is_empty() => {}
            (false, true, _) => {
                faults.push(format!("{key} has no scopes, so every caller is denied"));
            }
        }
    }
    let routes: BTreeSet<String> = template.routes.iter().map(template::Route::key).collect();
    let unserved = scopes.keys().filter(|key| !routes.contains(*key));
    faults.extend(unserved.map(|key| format!("{key} has scopes but is not a route")));
    if api.get("DefaultRouteSettings").is_none() {
        faults.push("the API does not limit requests".to_owned());
    }
    let format = api["AccessLogSettings"]["Format"].as_str();
    let format = format.unwrap_or_default().to_ascii_lowercase();
    for secret in ["authorization", "header", "identity.accesskey", "cookie"] {
        if format.contains(secret) {
            faults.push(format!("the access log contains {secret}"));
        }
    }
    faults
}

#[test]
fn every_request_of_a_route_that_is_not_public_is_authorized() {
    keeps(faults);
}

#[test]
fn the_limits_of_requests_are_parameters() {
    let throttle = |parameters: &[(&'static str, &'static str)]| {
        let template = template::Template::read(&text(), parameters.iter().copied());
        let throttle = template.unwrap().throttle.unwrap();
        (throttle.rate, throttle.burst)
    };
    assert_eq!(throttle(&[]), (100, 200));
    let more = [
        ("ApiRequestsPerSecond", "500"),
        ("ApiRequestsAtOnce", "900"),
    ];
    assert_eq!(throttle(&more), (500, 900));
}

#[test]
fn a_wrong_setting_of_the_authorizer_is_named() {
    let alias = "!Ref AuthorizerFunction.Alias";
    let broken = with("HttpApi", alias, "!GetAtt AuthorizerFunction.Arn");
    names(faults, &broken, "not called by its alias");
    let permitted = "EnableFunctionDefaultPermissions: true";
    let broken = with(
        "HttpApi",
        permitted,
        "EnableFunctionDefaultPermissions: false",
    );
    names(faults, &broken, "EnableFunctionDefaultPermissions is false");
    let broken = with("HttpApi", "ReauthorizeEvery: 0", "ReauthorizeEvery: 300");
    names(faults, &broken, "ReauthorizeEvery must be 0");
}

#[test]
fn a_route_without_a_token_or_scopes_and_scopes_without_a_route_are_named() {
    let place = "Method: POST, Path: /orders}";
    let open = "Method: POST, Path: /orders, Auth: {Authorizer: NONE}}";
    let broken = with("OrdersFunction", place, open);
    names(faults, &broken, "POST /orders requires no token");
    let scope = "\"POST /orders\": [\"orders:write\"],";
    let broken = with("AuthorizerFunction", scope, "");
    names(faults, &broken, "POST /orders has no scopes");
    let broken = with(
        "AuthorizerFunction",
        scope,
        "\"POST /orders\": [\"a\"], \"POST /order\": [\"a\"],",
    );
    names(faults, &broken, "POST /order has scopes but is not a route");
    let broken = with(
        "HttpApi",
        "\"ip\":\"$context.identity.sourceIp\"",
        "\"token\":\"$context.request.header.Authorization\"",
    );
    names(faults, &broken, "the access log contains authorization");
}
