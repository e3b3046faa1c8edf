//! Tests of events: where the token is, what the gateway sends, and what it gets back.

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::world::World;

use super::harness::{
    Clock, answer, app, app_in, assert_silent, bearer, block_on, check_event, claims, event, now,
};
use super::signers::SIGNERS;
use crate::{Algorithm, App, Denial, Error};

fn token() -> String {
    SIGNERS.hmac.token(Algorithm::HS256, &claims("hs"))
}

#[track_caller]
fn check(event: Value, expected: Result<(), Denial>) {
    assert_silent(&check_event(&app(), event, expected), &token());
}

/// A valid event, changed.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut event = bearer(&token());
    change(&mut event);
    event
}

#[test]
fn an_allowed_request_gets_the_gateways_simple_response() {
    let answer = check_event(&app(), bearer(&token()), Ok(()));
    assert_eq!(
        answer.result,
        Ok(json!({
            "isAuthorized": true,
            "context": {
                "issuer": "hs",
                "sub": "demo-subject",
                "scope": "orders:read orders:write",
                // printf token-id | sha256sum
                "jti_hash": "e5fa19888eb42e92",
            },
        }))
    );
    let mut with_client = claims("hs");
    with_client["client_id"] = "web".into();
    let event = bearer(&SIGNERS.hmac.token(Algorithm::HS256, &with_client));
    assert_eq!(
        check_event(&app(), event, Ok(())).result.unwrap()["context"]["client_id"],
        "web"
    );
}

#[test]
fn two_credentials_in_one_header_are_denied() {
    let token = token();
    for header in [
        format!("Bearer {token},Bearer {token}"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token},"),
        format!("Basic x,Bearer {token}"),
        format!("Bearer {token} {token}"),
    ] {
        check(event(&header), Err(Denial::Malformed));
    }
}

#[test]
fn the_scheme_is_bearer_in_any_case_with_one_space_and_a_token() {
    let token = token();
    for scheme in ["bearer", "BEARER", "bEaReR"] {
        check(event(&format!("{scheme} {token}")), Ok(()));
    }
    for header in [
        format!("Basic {token}"),
        format!("Bearer  {token}"),
        format!(" Bearer {token}"),
        format!("Bearer\u{a0}{token}"),
        "Bearer ".to_owned(),
        "Bearer".to_owned(),
        token.clone(),
    ] {
        check(event(&header), Err(Denial::Malformed));
    }
    check(event(""), Err(Denial::MissingToken));
}

#[test]
fn a_token_outside_the_authorization_header_is_ignored() {
    let token = token();
    let without = |change: fn(&mut Value, String)| {
        let token = token.clone();
        changed(move |event| {
            event["headers"]
                .as_object_mut()
                .unwrap()
                .remove("authorization");
            event["identitySource"] = json!([format!("Bearer {token}")]);
            change(event, token);
        })
    };
    for elsewhere in [
        without(|event, token| event["queryStringParameters"] = json!({"access_token": token})),
        without(|event, token| {
            event["rawQueryString"] = format!("authorization=Bearer%20{token}").into();
        }),
        without(|event, token| event["cookies"] = json!([format!("authorization=Bearer {token}")])),
        without(|event, token| event["body"] = format!("access_token={token}").into()),
        without(|event, token| {
            event["headers"]["x-authorization"] = format!("Bearer {token}").into();
        }),
        without(|event, _| event["headers"] = json!(null)),
    ] {
        check(elsewhere, Err(Denial::MissingToken));
    }
}

#[test]
fn an_identity_source_that_differs_from_the_header_is_denied() {
    let other = SIGNERS.hmac.token(Algorithm::HS384, &claims("hs"));
    for source in [
        json!([format!("Bearer {other}")]),
        json!([format!("bearer {}", token())]),
        json!([]),
        json!(null),
        json!([null]),
        json!(format!("Bearer {}", token())),
        json!(["POST /orders", format!("Bearer {}", token())]),
    ] {
        check(
            changed(|event| event["identitySource"] = source),
            Err(Denial::Malformed),
        );
    }
    // `$context.routeKey` can be a second source, as a cache by route needs.
    check(
        changed(|event| {
            event["identitySource"] = json!([format!("Bearer {}", token()), "POST /orders"]);
        }),
        Ok(()),
    );
}

#[test]
fn an_event_of_another_payload_format_is_an_error_that_hides_its_token() {
    let token = token();
    let first = json!({
        "version": "1.0", "type": "REQUEST", "methodArn": "arn:aws:execute-api:eu-central-1:1:api/x/POST/orders",
        "identitySource": format!("Bearer {token}"), "authorizationToken": format!("Bearer {token}"),
        "headers": {"Authorization": format!("Bearer {token}")},
    });
    let token_authorizer =
        json!({"type": "TOKEN", "authorizationToken": token, "methodArn": "arn"});
    for event in [
        first,
        token_authorizer,
        json!(null),
        json!([token]),
        json!({}),
        json!(token),
    ] {
        let answer = block_on(answer(&app(), event));
        assert_eq!(answer.result, Err(Error::WrongEvent));
        assert_eq!(answer.reason(), "wrong_event");
        assert_silent(&answer, &token);
    }
}

#[test]
fn other_headers_and_members_may_hold_anything() {
    check(
        changed(|event| {
            event["headers"]["x-name"] = "Zoë \u{1f375}".into();
            event["headers"]["x-number"] = 7.into();
            event["queryStringParameters"] = json!({"q": "日本"});
            event["unknown"] = json!({"deep": [null]});
        }),
        Ok(()),
    );
}

#[test]
fn an_event_without_a_method_or_route_is_denied() {
    for method in [json!(null), json!(""), json!(7), json!("GET")] {
        check(
            changed(|event| event["requestContext"]["http"]["method"] = method),
            Err(Denial::Route),
        );
    }
    for context in [json!(null), json!({}), json!({"http": null}), json!("POST")] {
        check(
            changed(|event| event["requestContext"] = context),
            Err(Denial::Route),
        );
    }
    check(
        changed(|event| event["routeKey"] = json!(null)),
        Err(Denial::Route),
    );
}

#[test]
fn no_answer_has_a_null_or_nested_context() {
    let mut plain = claims("hs");
    for absent in ["scope", "jti"] {
        plain.as_object_mut().unwrap().remove(absent);
    }
    plain["scp"] = json!(["orders:write"]);
    let events = [
        bearer(&token()),
        bearer(&SIGNERS.hmac.token(Algorithm::HS256, &plain)),
        bearer("a.b.c"),
        event(""),
        changed(|event| event["routeKey"] = json!(null)),
    ];
    for event in events {
        let answer = block_on(answer(&app(), event)).result.unwrap();
        match answer.get("context") {
            None => assert_eq!(answer, json!({"isAuthorized": false})),
            Some(context) => {
                let context = context.as_object().unwrap();
                assert!(
                    context
                        .values()
                        .all(|value| value.is_string() || value.is_number()),
                    "{context:?}"
                );
                assert!(shared::caller::Caller::from_context(context).is_ok());
            }
        }
    }
}

/// The authorizer with a clock that panics at some calls. The panic's text holds
/// the token.
fn panicking(token: String, fatal: impl Fn(usize) -> bool + Send + Sync + 'static) -> App {
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let clock = move || -> Timestamp {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        assert!(!fatal(call), "token {token}");
        now()
    };
    app_in(World::new(
        clock,
        |bytes| bytes.fill(0),
        |_| Box::pin(async {}),
    ))
}

#[test]
fn a_panic_is_an_error_and_its_text_is_not_logged() {
    let token = token();
    let earlier = std::panic::take_hook();
    std::panic::set_hook(Box::new(crate::quiet::report));
    // Some calls come before the decision and some after it. At the end every call panics.
    for fatal in 0..4 {
        let app = panicking(token.clone(), move |call| call == fatal);
        let answer = block_on(answer(&app, bearer(&token)));
        assert_eq!(
            answer.result,
            Err(Error::Panicked),
            "the clock's call {fatal}: {}",
            answer.output
        );
        assert_eq!(
            answer.lines_with("decision").last().unwrap()["reason"],
            "panicked"
        );
        assert!(
            answer.output.contains("panicked"),
            "the hook did not log the place"
        );
        assert_silent(&answer, &token);
    }
    let app = panicking(token.clone(), |_| true);
    let answer = block_on(answer(&app, bearer(&token)));
    assert_eq!(answer.result, Err(Error::Panicked));
    assert_silent(&answer, &token);
    std::panic::set_hook(earlier);
}

#[test]
fn an_error_quotes_nothing_of_the_event() {
    for error in [Error::WrongEvent, Error::KeysUnavailable, Error::Panicked] {
        let diagnostic = lambda_runtime::Diagnostic::from(error);
        assert_eq!(diagnostic.error_type, format!("{error:?}"));
        assert_eq!(diagnostic.error_message, error.to_string());
    }
}

#[test]
fn only_the_first_event_of_a_process_is_a_cold_start() {
    let app = app_in(Clock::new().world());
    let cold =
        |answer: super::harness::Answer| answer.lines_with("decision")[0]["cold_start"].clone();
    assert_eq!(cold(block_on(answer(&app, bearer(&token())))), true);
    assert_eq!(cold(block_on(answer(&app, bearer(&token())))), false);
}
