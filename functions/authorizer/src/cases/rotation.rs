//! Tests of shared secrets in Secrets Manager: their forms, their rotation, and their failures.

use serde_json::json;

use super::harness::{Clock, NOW, answer, assert_silent, bearer, claims, config_with, issuers};
use super::servers::SecretsManager;
use super::signers::{SIGNERS, Signer};
use crate::{Algorithm, App, StartError};

const DAY: i64 = 24 * 60 * 60;

/// A plain-string secret: one letter 64 times.
fn plain(letter: char) -> String {
    letter.to_string().repeat(64)
}

/// The secret of [`plain`] as a list with one key.
fn listed(letter: char, kid: &str) -> String {
    use base64::Engine as _;
    let secret = base64::engine::general_purpose::STANDARD.encode(plain(letter));
    json!({"keys": [{"kid": kid, "secret": secret}]}).to_string()
}

async fn start(secrets: &SecretsManager, clock: &Clock) -> Result<App, StartError> {
    let issuers = json!([issuers()[0]]);
    let config = config_with(
        &issuers,
        &[("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets.url.clone())],
    );
    App::new(config, clock.world()).await
}

/// The logged reason for a valid token that this letter's secret signed.
async fn reason(app: &App, clock: &Clock, letter: char, kid: Option<&str>) -> String {
    let now = clock.world().now().as_second();
    let mut claims = claims("hs");
    claims["iat"] = (now - 10).into();
    claims["exp"] = (now + 600).into();
    let header = kid.map_or(
        json!({"alg": "HS256"}),
        |kid| json!({"alg": "HS256", "kid": kid}),
    );
    let signer = Signer::hmac(u8::try_from(letter).unwrap());
    let token = signer.compact(Algorithm::HS256, &header.to_string(), claims.to_string());
    let answer = answer(app, bearer(&token)).await;
    assert_silent(&answer, &token);
    assert!(
        !answer.output.contains(&plain(letter)),
        "the secret was printed: {}",
        answer.output
    );
    assert!(
        !answer.printed().contains("MARKED"),
        "an error's text was printed: {}",
        answer.printed()
    );
    answer.reason()
}

#[tokio::test]
async fn an_empty_or_short_secret_stops_the_start() {
    let key = jsonwebtoken::DecodingKey::from_secret(b"");
    let forged = Signer::Hmac(Vec::new()).token(Algorithm::HS256, &claims("hs"));
    assert!(super::harness::library_accepts(
        &forged,
        &key,
        jsonwebtoken::Algorithm::HS256
    ));

    let short = json!({"keys": [{"kid": "a", "secret": "c2hvcnQ="}]}).to_string();
    for (value, bytes) in [("", 0), ("hunter2", 7), (short.as_str(), 5)] {
        let secrets = SecretsManager::new(value, NOW).await;
        let error = start(&secrets, &Clock::new())
            .await
            .map(|_| ())
            .unwrap_err()
            .to_string();
        let expected = format!(
            "issuer \"hs\": the secret's key has {bytes} bytes, but its algorithm needs at least 32"
        );
        assert_eq!(error, expected);
    }
    let other = SecretsManager::new(r#"{"password": "0123456789"}"#, NOW).await;
    assert!(start(&other, &Clock::new()).await.is_err());
}

#[tokio::test]
async fn the_previous_secret_is_valid_until_the_overlap_ends() {
    let clock = Clock::new();
    let secrets = SecretsManager::new(&plain('s'), NOW - 30 * DAY).await;
    secrets.rotate(&plain('t'), NOW);
    let app = start(&secrets, &clock).await.unwrap();
    assert_eq!(reason(&app, &clock, 't', None).await, "none");
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    clock.advance(DAY - 1);
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    assert_eq!(reason(&app, &clock, 't', None).await, "none");
    clock.advance(1);
    // It also ends for keys that were fetched before the end.
    assert_eq!(reason(&app, &clock, 's', None).await, "signature");
    assert_eq!(reason(&app, &clock, 't', None).await, "none");
    clock.advance(DAY);
    assert_eq!(reason(&app, &clock, 's', None).await, "signature");
    let restarted = start(&secrets, &clock).await.unwrap();
    assert_eq!(reason(&restarted, &clock, 's', None).await, "signature");
}

#[tokio::test]
async fn a_new_secret_is_used_after_the_cool_down() {
    let clock = Clock::new();
    let secrets = SecretsManager::new(&plain('s'), NOW - DAY).await;
    let app = start(&secrets, &clock).await.unwrap();
    assert_eq!(
        secrets.stages().len(),
        2,
        "the secret was not read exactly once"
    );
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    assert_eq!(secrets.stages().len(), 2);
    secrets.rotate(&plain('t'), NOW);
    clock.advance(9);
    assert_eq!(reason(&app, &clock, 't', None).await, "signature");
    clock.advance(1);
    assert_eq!(reason(&app, &clock, 't', None).await, "none");
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    let mut stages = secrets.stages();
    stages.sort();
    stages.dedup();
    assert_eq!(stages, ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn an_unknown_key_id_makes_a_new_key_of_a_list_known() {
    let clock = Clock::new();
    let secrets = SecretsManager::new(&listed('s', "one"), NOW - DAY).await;
    let app = start(&secrets, &clock).await.unwrap();
    assert_eq!(reason(&app, &clock, 's', Some("one")).await, "none");
    secrets.rotate(&listed('t', "two"), NOW);
    clock.advance(10);
    assert_eq!(reason(&app, &clock, 't', Some("two")).await, "none");
    assert_eq!(reason(&app, &clock, 's', Some("one")).await, "none");
    assert_eq!(reason(&app, &clock, 't', Some("one")).await, "signature");
    assert_eq!(reason(&app, &clock, 't', None).await, "key");
}

#[tokio::test]
async fn a_plain_secret_can_be_rotated_to_a_list_and_back() {
    let clock = Clock::new();
    let secrets = SecretsManager::new(&plain('s'), NOW - DAY).await;
    let app = start(&secrets, &clock).await.unwrap();
    // A plain secret has no id, so a token may name any id or none.
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    assert_eq!(reason(&app, &clock, 's', Some("anything")).await, "none");

    secrets.rotate(&listed('t', "two"), NOW);
    clock.advance(300);
    assert_eq!(reason(&app, &clock, 't', Some("two")).await, "none");
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    assert_eq!(reason(&app, &clock, 't', None).await, "signature");

    secrets.rotate(&plain('u'), NOW + 300);
    clock.advance(300);
    assert_eq!(reason(&app, &clock, 'u', None).await, "none");
    assert_eq!(reason(&app, &clock, 't', Some("two")).await, "none");
    assert_eq!(reason(&app, &clock, 's', None).await, "signature");
}

#[tokio::test]
async fn an_unreadable_secret_fails_a_cold_start_and_its_cached_keys_last_an_hour() {
    let clock = Clock::new();
    let secrets = SecretsManager::new(&plain('s'), NOW - DAY).await;
    secrets.fail_with(Some("AccessDeniedException"));
    let app = start(&secrets, &clock).await.unwrap();
    assert_eq!(reason(&app, &clock, 's', None).await, "keys_unavailable");
    secrets.fail_with(None);
    clock.advance(1);
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    secrets.fail_with(Some("InternalServiceError"));
    clock.advance(3_599);
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    clock.advance(1);
    assert_eq!(reason(&app, &clock, 's', None).await, "keys_unavailable");
}

#[tokio::test]
async fn a_secret_that_becomes_unusable_leaves_the_cached_keys_for_an_hour() {
    let clock = Clock::new();
    let secrets = SecretsManager::new(&plain('s'), NOW - DAY).await;
    let app = start(&secrets, &clock).await.unwrap();
    secrets.rotate("short", NOW);
    clock.advance(300);
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    clock.advance(3_300);
    assert_eq!(reason(&app, &clock, 's', None).await, "keys_unavailable");
}

#[tokio::test]
async fn an_unusable_previous_secret_is_ignored() {
    let clock = Clock::new();
    let secrets = SecretsManager::new("placeholder", NOW - DAY).await;
    secrets.rotate(&plain('t'), NOW);
    let app = start(&secrets, &clock).await.unwrap();
    assert_eq!(reason(&app, &clock, 't', None).await, "none");
}

#[tokio::test]
async fn an_issuer_with_a_secret_needs_aws_settings() {
    let variables = |name: &str| match name {
        "ISSUERS" => Some(json!([issuers()[0]]).to_string()),
        "ROUTE_SCOPES" => Some("{}".to_owned()),
        _ => None,
    };
    let config = crate::Config::from_env(variables).unwrap();
    let error = App::new(config.clone(), Clock::new().world())
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(
        error.to_string().starts_with("AWS_REGION is not set"),
        "{error}"
    );
    // Keys that are given by hand do not need AWS.
    assert!(App::with_fixed_keys(config, None, Some(&plain('s')), Clock::new().world()).is_ok());
    assert!(SIGNERS.hmac.jwk()["k"].is_string());
}

#[tokio::test]
async fn moving_the_stage_back_cuts_no_token_off() {
    let hour = 3_600;
    let clock = Clock::new();
    let secrets = SecretsManager::new(&plain('s'), NOW - 30 * DAY).await;
    secrets.rotate(&plain('t'), NOW - hour);
    secrets.move_back();
    let app = start(&secrets, &clock).await.unwrap();
    assert_eq!(reason(&app, &clock, 's', None).await, "none");
    assert_eq!(reason(&app, &clock, 't', None).await, "none");
    // The overlap counts from the later of the two dates, also in a new environment.
    clock.advance(DAY - hour - 1);
    assert_eq!(reason(&app, &clock, 't', None).await, "none");
    let started = start(&secrets, &clock).await.unwrap();
    assert_eq!(reason(&started, &clock, 't', None).await, "none");
    clock.advance(1);
    assert_eq!(reason(&app, &clock, 't', None).await, "signature");
    assert_eq!(reason(&started, &clock, 't', None).await, "signature");
    let started = start(&secrets, &clock).await.unwrap();
    assert_eq!(reason(&started, &clock, 't', None).await, "signature");
}
