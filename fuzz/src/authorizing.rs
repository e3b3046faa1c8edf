//! The target of the authorizer's events: whatever the gateway sends, nobody is let in by mistake.

use std::cell::LazyCell;

use arbitrary::Unstructured;
use authorizer::{App, Error, explain, handle};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};

use crate::document::changed;
use crate::stage::{block_on, sample, world};
use crate::tokens;

const EVENTS: [&str; 5] = [
    include_str!("../../events/authorizer/token.json"),
    include_str!("../../events/authorizer/algorithm-none.json"),
    include_str!("../../events/authorizer/other-signature.json"),
    include_str!("../../events/authorizer/other-scheme.json"),
    include_str!("../../events/authorizer/wrong-event.json"),
];

const NAMES: [&str; 20] = [
    "version",
    "2.0",
    "1.0",
    "type",
    "REQUEST",
    "routeKey",
    "POST /orders",
    "$default",
    "ANY /orders",
    "identitySource",
    "headers",
    "authorization",
    "Authorization",
    "Bearer ",
    "Bearer a.b.c",
    "requestContext",
    "http",
    "method",
    "POST",
    "cookies",
];

thread_local! {
    static APP: LazyCell<App> = LazyCell::new(|| {
        let config = tokens::config("https://nobody.example");
        let secret = "a secret that signed no token of any corpus or sample";
        App::with_fixed_keys(config, None, Some(secret), world()).unwrap()
    });
}

/// An event of the input's bytes, and a sample event with changes.
pub(crate) fn event(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice(data) {
        decided(&event);
    }
    let mut input = Unstructured::new(data);
    let usual = sample(input.choose(&EVENTS).unwrap_or(&EVENTS[0]));
    decided(&changed(&mut input, usual, &NAMES));
}

fn decided(event: &Value) {
    let answer = APP.with(|app| {
        block_on(handle(
            app,
            LambdaEvent::new(event.clone(), Context::default()),
        ))
    });
    match answer {
        Ok(answer) => assert_eq!(answer, json!({"isAuthorized": false})),
        Err(error) => assert!(matches!(error, Error::WrongEvent), "{error:?}"),
    }
    let explained = APP.with(|app| block_on(explain(app, event))).to_string();
    let header = event
        .pointer("/headers/authorization")
        .and_then(Value::as_str);
    let token = header
        .and_then(|header| header.split_once(' '))
        .map(|(_, token)| token);
    if let Some(token) = token.filter(|token| 24 <= token.len()) {
        assert!(
            !explained.contains(token),
            "an explanation quotes the token"
        );
    }
}
