//! Property tests: a changed token or event is never allowed, never panics, and is never logged.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::test_runner::Config as Settings;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::harness::{Answer, answer, app, bearer, check_event, claims, event};
use super::signers::SIGNERS;
use crate::{Algorithm, App, KeySet};

static APP: LazyLock<App> = LazyLock::new(app);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
});

/// One valid token of a symmetric and one of an asymmetric issuer.
static TOKENS: LazyLock<[String; 2]> = LazyLock::new(|| {
    [
        SIGNERS.hmac.token(Algorithm::HS256, &claims("hs")),
        SIGNERS.ed25519.token(Algorithm::EdDSA, &claims("ed")),
    ]
});

/// 10,000 cases, unless `PROPTEST_CASES` sets another number.
fn settings() -> Settings {
    let default = Settings::default();
    let cases = if default.cases == 256 {
        10_000
    } else {
        default.cases
    };
    Settings {
        cases,
        failure_persistence: None,
        ..default
    }
}

fn answered(event: Value) -> Answer {
    RUNTIME.block_on(answer(&APP, event))
}

/// Checks that an event is not allowed, does not panic, and has one log line without the text.
fn refuse(event: Value, text: &str) -> Result<(), TestCaseError> {
    let answer = answered(event);
    prop_assert!(!answer.is_allowed(), "allowed: {text:?}");
    prop_assert_ne!(&answer.result, &Err(crate::Error::Panicked));
    let _ = answer.reason();
    // A short text can be in any log by chance.
    for part in text.split(['.', ' ']).filter(|part| 12 <= part.len()) {
        prop_assert!(
            !answer.output.contains(part),
            "logged: {part:?} in {}",
            answer.output
        );
    }
    Ok(())
}

/// A change of a text at one place.
#[derive(Clone, Debug)]
enum Change {
    Replace(char),
    Insert(char),
    Remove,
    Truncate,
    /// Repeats the text from the place on.
    Repeat,
    SwapParts,
}

fn change() -> impl Strategy<Value = Change> {
    let letter = prop_oneof![
        prop::char::any(),
        prop::sample::select(vec!['.', '=', '-', '_', 'A', 'B', ',', ' ', '\n'])
    ];
    prop_oneof![
        4 => letter.clone().prop_map(Change::Replace),
        2 => letter.prop_map(Change::Insert),
        2 => Just(Change::Remove),
        1 => Just(Change::Truncate),
        1 => Just(Change::Repeat),
        1 => Just(Change::SwapParts),
    ]
}

fn apply(text: &str, change: &Change, place: prop::sample::Index) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let at = place.index(letters.len());
    match change {
        Change::Replace(letter) => letters[at] = *letter,
        Change::Insert(letter) => letters.insert(at, *letter),
        Change::Remove => drop(letters.remove(at)),
        Change::Truncate => letters.truncate(at),
        Change::Repeat => letters.extend_from_within(at..),
        Change::SwapParts => {
            let mut parts: Vec<&str> = text.split('.').collect();
            parts.rotate_left(1);
            return parts.join(".");
        }
    }
    letters.into_iter().collect()
}

/// Every place in a JSON value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                places(
                    value,
                    &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                    found,
                );
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null])),
        prop::sample::select(vec![
            "1.0",
            "2.0",
            "REQUEST",
            "TOKEN",
            "GET",
            "POST",
            "POST /orders",
            "none",
            "Bearer"
        ])
        .prop_map(Value::from),
    ]
}

#[test]
fn the_tokens_are_allowed_before_they_are_changed() {
    for token in TOKENS.iter() {
        check_event(&APP, bearer(token), Ok(()));
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn no_random_text_is_allowed(text in prop_oneof![".*", "[A-Za-z0-9_.-]{0,200}", "(?s).{0,60}\\.(?s).{0,60}\\.(?s).{0,60}"]) {
        refuse(bearer(&text), &text)?;
        refuse(event(&text), &text)?;
    }

    #[test]
    fn no_unsigned_header_and_payload_are_allowed(header in value(), payload in value(), signature in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut good = json!({"alg": "HS256", "kid": "key-1"});
        good["typ"] = header;
        let part = |value: &Value| super::signers::base64url(value.to_string());
        let signature = super::signers::base64url(signature);
        for payload in [claims("hs"), payload] {
            let token = format!("{}.{}.{signature}", part(&good), part(&payload));
            refuse(bearer(&token), &token)?;
        }
    }

    #[test]
    fn no_changed_token_is_allowed(which in 0..2_usize, changes in prop::collection::vec((change(), any::<prop::sample::Index>()), 1..4)) {
        let original = &TOKENS[which];
        let mut token = original.clone();
        for (change, place) in &changes {
            if !token.is_empty() {
                token = apply(&token, change, *place);
            }
        }
        prop_assume!(token != *original);
        refuse(bearer(&token), &token)?;
    }

    #[test]
    fn a_changed_event_is_allowed_only_if_the_members_that_count_are_unchanged(
        which in 0..2_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(value())), 1..4),
    ) {
        let original = bearer(&TOKENS[which]);
        let mut event = original.clone();
        for (place, value) in changes {
            let mut found = Vec::new();
            places(&event, "", &mut found);
            let pointer = place.get(&found).clone();
            change_at(&mut event, &pointer, value);
        }
        // The members that are read. All others may hold anything.
        let decides = |event: &Value| {
            let at = |pointer: &str| event.pointer(pointer).cloned();
            [at("/version"), at("/type"), at("/routeKey"), at("/identitySource/0"), at("/headers/authorization"), at("/requestContext/http/method")]
        };
        let same = decides(&event) == decides(&original);
        let answer = answered(event.clone());
        prop_assert_eq!(answer.is_allowed(), same, "{}", event);
        prop_assert!(!answer.output.contains(TOKENS[which].as_str()));
        prop_assert_ne!(answer.result, Err(crate::Error::Panicked));
    }

    #[test]
    fn no_bytes_make_the_key_set_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), members in prop::collection::vec(value(), 6)) {
        let _ = KeySet::from_jwks(&bytes);
        let _ = KeySet::from_secret(&String::from_utf8_lossy(&bytes), 32);
        for signer in [&SIGNERS.rsa, &SIGNERS.p256, &SIGNERS.ed25519, &SIGNERS.hmac] {
            let mut jwk = signer.jwk();
            for (name, value) in ["use", "key_ops", "alg", "kid", "crv", "x"].into_iter().zip(&members) {
                jwk[name] = value.clone();
            }
            let _ = KeySet::from_jwks(json!({"keys": [jwk]}).to_string().as_bytes());
        }
    }
}

/// Sets a place to a value, or removes it.
fn change_at(event: &mut Value, pointer: &str, value: Option<Value>) {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        *event = value.unwrap_or_default();
        return;
    };
    match (event.pointer_mut(parent), value) {
        (Some(Value::Object(members)), None) => drop(members.remove(name)),
        (Some(Value::Array(items)), None) => items.clear(),
        (Some(_), Some(value)) => {
            if let Some(place) = event.pointer_mut(pointer) {
                *place = value;
            }
        }
        (None | Some(_), _) => {}
    }
}
