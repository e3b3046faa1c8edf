//! A stream of tokens through the real authorizer, with given keys.

use clap::Parser as _;
use serde_json::json;

use super::*;
use crate::command::{Arguments, Command};
use crate::issuer::Key;
use crate::token::{self, Issuer, Request};

const SECRET: &str = "a secret of more than thirty-two bytes";

/// An event of the authorizer for a token.
fn event(token: &str) -> String {
    let authorization = format!("Bearer {token}");
    let event = json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeKey": "GET /orders",
        "headers": {"authorization": authorization},
        "identitySource": [authorization],
        "requestContext": {"http": {"method": "GET"}},
    });
    format!("{event}\n")
}

fn with_secret() -> String {
    let template = Options::in_memory().read_template().unwrap();
    let issuer = Issuer::of(&template).unwrap();
    issuer
        .sign(SECRET, &Request::new("orders:read"), &World::real())
        .unwrap()
}

fn with_key(key: &Key) -> String {
    token::sign_with_key(key, &Request::new("orders:read"), &World::real()).unwrap()
}

/// The answers to a stream of lines, as `surefire invoke authorizer -` gives them.
async fn answers(jwks: Option<String>, secret: Option<&str>, lines: &str) -> Vec<Value> {
    let keys = GivenKeys {
        jwks,
        secret: secret.map(|secret| Secret::new(secret.to_owned())),
    };
    let options = Options::in_memory();
    let template = options.read_template_with(&Endpoints::nowhere()).unwrap();
    let functions = Functions::authorizers_with_keys(&template, &keys, &World::real())
        .await
        .unwrap();
    let (logical, _) = template.function(Kind::Authorizer).unwrap();
    let mut answers = Vec::new();
    let print = |text: &str| {
        answers.push(serde_json::from_str(text).unwrap());
        Ok(())
    };
    answer_lines(&functions, logical, lines.as_bytes(), print)
        .await
        .unwrap();
    answers
}

#[tokio::test]
async fn each_token_of_a_stream_is_decided_with_the_given_keys() {
    let (key, other) = (
        Key::open(None, &World::real()).unwrap(),
        Key::open(None, &World::real()).unwrap(),
    );
    let lines = [
        event(&with_key(&key)),
        event(&with_secret()),
        "not JSON\n\n".to_owned(),
        event(&with_key(&other)),
        event("nonsense"),
        event(&with_secret()),
    ]
    .concat();
    let set = json!(key.set()).to_string();
    let answers = answers(Some(set), Some(SECRET), &lines).await;
    let decided: Vec<&Value> = answers
        .iter()
        .map(|answer| &answer["isAuthorized"])
        .collect();
    let (yes, no, error) = (&json!(true), &json!(false), &Value::Null);
    assert_eq!(decided, [yes, yes, error, no, no, yes], "{answers:?}");
    assert_eq!(answers[0]["context"]["issuer"], "local-es256");
    assert_eq!(answers[1]["context"]["issuer"], "local");
    assert_eq!(answers[2]["errorType"], "Runtime.InvalidEvent");
}

#[tokio::test]
async fn an_unusable_key_is_the_error_of_its_lines_and_the_stream_goes_on() {
    let key = Key::open(None, &World::real()).unwrap();
    let (signed, shared) = (event(&with_key(&key)), event(&with_secret()));
    let refused = |answer: &Value| answer["errorMessage"].as_str().map(str::to_owned);

    // The JWK set is not JSON: only tokens of the secret can be decided.
    let lines = [signed.clone(), shared.clone(), signed.clone()].concat();
    let unusable = answers(Some("{".to_owned()), Some(SECRET), &lines).await;
    let unavailable = Some("the issuer's keys are unavailable".to_owned());
    assert_eq!(refused(&unusable[0]), unavailable);
    assert_eq!(unusable[1]["isAuthorized"], true);
    assert_eq!(refused(&unusable[2]), unavailable);

    // A secret that is too short is the error of every line.
    let short = answers(None, Some("short"), &[shared, signed].concat()).await;
    assert_eq!(short.len(), 2);
    for answer in &short {
        let words = refused(answer).unwrap();
        assert!(
            words.contains("\"local\"") && words.contains("5 bytes"),
            "{words}"
        );
    }
}

/// The error of a command line that is refused before an event is read.
async fn error_of(line: &[&str]) -> String {
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let words = ["surefire", "invoke", "--template", template];
    let line = words.iter().chain(line);
    let Some(Command::Invoke(arguments)) = Arguments::try_parse_from(line).unwrap().command else {
        panic!("another command");
    };
    run(arguments).await.unwrap_err().to_string()
}

#[tokio::test]
async fn only_the_authorizer_takes_keys_and_their_files_must_exist() {
    let error = error_of(&["orders", "--jwks", "keys.json", "-"]).await;
    assert!(
        error.contains("for the authorizer: orders checks no tokens"),
        "{error}"
    );
    let error = error_of(&["authorizer", "--secret", "no/such/file", "-"]).await;
    assert!(error.starts_with("no/such/file cannot be read"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[tokio::test]
async fn only_the_alert_forwarder_shows_text() {
    let error = error_of(&["orders", "--text", "-"]).await;
    assert!(
        error.contains("--text is for the alert forwarder: orders posts nothing"),
        "{error}"
    );
}

#[tokio::test]
async fn an_explanation_names_the_step_that_denies_and_nothing_of_the_token() {
    let keys = GivenKeys {
        jwks: None,
        secret: Some(Secret::new(
            "another secret of more than thirty-two bytes".to_owned(),
        )),
    };
    let template = Options::in_memory()
        .read_template_with(&Endpoints::nowhere())
        .unwrap();
    let nowhere = Endpoints::nowhere();
    let functions =
        Functions::explaining_authorizers(&template, &nowhere, Some(&keys), &World::real())
            .await
            .unwrap();
    let (logical, _) = template.function(Kind::Authorizer).unwrap();
    let token = with_secret();
    let event = serde_json::from_str(&event(&token)).unwrap();
    let explained = functions.invoke(logical, event, None).await.unwrap();
    assert_eq!(explained["step"], "signature");
    assert_eq!(explained["issuer"], "local");
    assert_eq!(explained["route"], "GET /orders");
    for part in token.split('.') {
        assert!(!explained.to_string().contains(part), "{explained}");
    }
}

#[test]
fn one_line_end_is_not_part_of_a_secret() {
    for (text, secret) in [
        ("a", "a"),
        ("a\n", "a"),
        ("a\r\n", "a"),
        ("a\n\n", "a\n"),
        (" a ", " a "),
    ] {
        assert_eq!(without_line_end(text), secret);
    }
}
