//! Cases about key sets that are fetched: when, how often, how long they serve, and from whom.

use std::sync::Arc;

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};

use super::harness::{
    Clock, KID, SIGNERS, Signer, answer, assert_silent, base64url, bearer, claims, config, iss,
    issuers,
};
use super::servers::{Reply, Server};
use super::test_keys;
use crate::http::DOCUMENT_BYTES_MAX;
use crate::{Algorithm, App, Error, handle};

/// Keys that the EdDSA issuer publishes: its own, and more.
fn published(more: &[(&str, &Signer)]) -> Value {
    let mut keys = vec![(KID, &SIGNERS.ed25519)];
    keys.extend(more);
    let with_kid = |(kid, signer): &(&str, &Signer)| {
        let mut jwk = signer.jwk();
        jwk["kid"] = (*kid).into();
        jwk
    };
    keys.iter().map(with_kid).collect()
}

/// The authorizer with one issuer, whose keys are at an address.
async fn app(keys: Value, clock: &Clock) -> App {
    let mut issuer = issuers()[4].clone();
    issuer["keys"] = keys;
    App::new(config(&json!([issuer])), clock.world())
        .await
        .unwrap()
}

async fn app_of(server: &Server, clock: &Clock) -> App {
    app(
        json!({"jwks_url": format!("{}/keys?api_key=MARKED", server.url)}),
        clock,
    )
    .await
}

fn token() -> String {
    SIGNERS.ed25519.token(Algorithm::EdDSA, &claims("ed"))
}

fn token_of(signer: &Signer, kid: &str) -> String {
    let header = json!({"alg": "EdDSA", "kid": kid}).to_string();
    signer.compact(Algorithm::EdDSA, &header, claims("ed").to_string())
}

/// The reason an event's answer has, after everything printed was looked at.
async fn reason(app: &App, token: &str) -> String {
    let answer = answer(app, bearer(token)).await;
    assert_silent(&answer, token);
    assert!(
        !answer.output.contains("MARKED"),
        "the query was printed: {}",
        answer.output
    );
    let reason = answer.reason();
    match reason.as_str() {
        "none" => assert!(answer.is_allowed()),
        "keys_unavailable" => assert_eq!(answer.result, Err(Error::KeysUnavailable)),
        _ => assert_eq!(answer.result, Ok(json!({"isAuthorized": false}))),
    }
    reason
}

#[tokio::test]
async fn case_12_nothing_that_a_token_names_is_fetched() {
    let attacker = Signer::rsa(test_keys::RSA_OTHER);
    let trap = Server::of_keys(&json!([])).await;
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &Clock::new()).await;
    let address = format!("{}/keys", trap.url);
    let header = json!({
        "alg": "EdDSA", "kid": KID, "jku": address, "x5u": address, "jwk": attacker.jwk(), "x5c": [address],
    });
    let token = Signer::ed25519().compact(
        Algorithm::EdDSA,
        &header.to_string(),
        claims("ed").to_string(),
    );
    assert_eq!(reason(&app, &token).await, "signature");
    assert_eq!((trap.hits(), server.hits()), (0, 1));
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_after_the_refresh_interval() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(server.hits(), 0, "nothing is fetched before it is needed");
    for _ in 0..3 {
        assert_eq!(reason(&app, &token()).await, "none");
    }
    assert_eq!(server.hits(), 1);
    clock.advance(299);
    assert_eq!(reason(&app, &token()).await, "none");
    assert_eq!(server.hits(), 1);
    // The key is withdrawn: at most a refresh interval later it serves no more.
    server.reply(
        "/keys",
        Reply::Document(json!({"keys": [with_kid(&Signer::ed25519(), "new")]}).to_string()),
    );
    clock.advance(1);
    assert_eq!(reason(&app, &token()).await, "key");
    assert_eq!(server.hits(), 2);
}

fn with_kid(signer: &Signer, kid: &str) -> Value {
    let mut jwk = signer.jwk();
    jwk["kid"] = kid.into();
    jwk
}

#[tokio::test]
async fn jitter_brings_a_refresh_forward_and_never_back() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let mut issuer = issuers()[4].clone();
    issuer["keys"] = json!({"jwks_url": format!("{}/keys", server.url)});
    let source = clock.clone();
    let most = shared::world::World::new(
        move || source.world().now(),
        |bytes| bytes.fill(0xff),
        |_| Box::pin(async {}),
    );
    let app = App::new(config(&json!([issuer])), most).await.unwrap();
    reason(&app, &token()).await;
    clock.advance(239);
    reason(&app, &token()).await;
    assert_eq!(server.hits(), 1);
    clock.advance(1);
    reason(&app, &token()).await;
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn case_32_an_unknown_key_id_a_hundred_times_in_parallel_is_one_fetch_in_ten_seconds() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = Arc::new(app_of(&server, &clock).await);
    assert_eq!(reason(&app, &token()).await, "none");
    clock.advance(10);
    let unknown = token_of(&SIGNERS.ed25519, "key-2");
    for (crowd, hits) in [(100, 2), (1_000, 2)] {
        storm(&app, &unknown, crowd).await;
        assert_eq!(server.hits(), hits);
    }
    clock.advance(9);
    storm(&app, &unknown, 100).await;
    assert_eq!(server.hits(), 2);
    clock.advance(1);
    storm(&app, &unknown, 1_000).await;
    assert_eq!(server.hits(), 3);
}

/// Parallel requests that must all be denied.
async fn storm(app: &Arc<App>, token: &str, crowd: usize) {
    let one = || {
        let (app, event) = (
            Arc::clone(app),
            LambdaEvent::new(bearer(token), Context::default()),
        );
        tokio::spawn(async move { handle(&app, event).await })
    };
    let crowd: Vec<_> = (0..crowd).map(|_| one()).collect();
    for request in crowd {
        assert_eq!(request.await.unwrap(), Ok(json!({"isAuthorized": false})));
    }
}

#[tokio::test]
async fn a_cold_crowd_waits_for_one_fetch() {
    let server = Server::of_keys(&published(&[])).await;
    let app = Arc::new(app_of(&server, &Clock::new()).await);
    storm(&app, &token_of(&SIGNERS.ed25519, "key-2"), 1_000).await;
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_by_its_unknown_id() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    let second = Signer::ed25519();
    server.reply(
        "/keys",
        Reply::Document(json!({"keys": published(&[("key-2", &second)])}).to_string()),
    );
    let new = token_of(&second, "key-2");
    assert_eq!(
        reason(&app, &new).await,
        "key",
        "fetched less than ten seconds ago"
    );
    clock.advance(10);
    assert_eq!(reason(&app, &new).await, "none");
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_token_without_a_key_id_forces_no_fetch() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    let header = json!({"alg": "EdDSA"}).to_string();
    let token = SIGNERS
        .ed25519
        .compact(Algorithm::EdDSA, &header, claims("ed").to_string());
    for _ in 0..2 {
        assert_eq!(reason(&app, &token).await, "key");
        clock.advance(20);
    }
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn case_33_warm_keys_outlive_their_source_by_an_hour_and_no_longer() {
    let clock = Clock::new();
    let mut server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    server.kill().await;
    for _ in 0..11 {
        clock.advance(300);
        assert_eq!(reason(&app, &token_at(&clock)).await, "none");
    }
    clock.advance(299);
    assert_eq!(reason(&app, &token_at(&clock)).await, "none");
    clock.advance(1);
    assert_eq!(reason(&app, &token_at(&clock)).await, "keys_unavailable");
    // A token of no configured issuer is still denied, not an error.
    let mut other = claims("ed");
    other["iss"] = "https://evil.example".into();
    assert_eq!(
        reason(&app, &SIGNERS.ed25519.token(Algorithm::EdDSA, &other)).await,
        "issuer"
    );
}

/// A token that is valid at the clock's time.
fn token_at(clock: &Clock) -> String {
    let now = clock.world().now().as_second();
    let mut claims = claims("ed");
    claims["iat"] = (now - 10).into();
    claims["exp"] = (now + 600).into();
    SIGNERS.ed25519.token(Algorithm::EdDSA, &claims)
}

#[tokio::test]
async fn case_33_without_keys_every_event_errs_until_the_source_answers() {
    let clock = Clock::new();
    let server = Server::new().await;
    for reply in [
        Reply::Status(404),
        Reply::Status(500),
        Reply::Status(204),
        Reply::Document("<html>".to_owned()),
        Reply::Document(r#"{"keys": []}"#.to_owned()),
        Reply::Bytes(2 * DOCUMENT_BYTES_MAX),
        Reply::Redirect(format!("{}/elsewhere", server.url)),
    ] {
        server.reply("/keys", reply.clone());
        server.reply(
            "/elsewhere",
            Reply::Document(json!({"keys": published(&[])}).to_string()),
        );
        let app = app_of(&server, &clock).await;
        assert_eq!(
            reason(&app, &token()).await,
            "keys_unavailable",
            "{reply:?}"
        );
        server.reply(
            "/keys",
            Reply::Document(json!({"keys": published(&[])}).to_string()),
        );
        clock.advance(1);
        assert_eq!(reason(&app, &token_at(&clock)).await, "none", "{reply:?}");
    }
}

#[tokio::test]
async fn while_there_are_no_keys_the_source_is_asked_once_a_second() {
    let server = Server::new().await;
    let clock = Clock::new();
    let app = app_of(&server, &clock).await;
    for _ in 0..5 {
        assert_eq!(reason(&app, &token()).await, "keys_unavailable");
    }
    assert_eq!(server.hits(), 1);
    clock.advance(1);
    assert_eq!(reason(&app, &token()).await, "keys_unavailable");
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_failed_refresh_is_not_tried_again_by_every_request() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    server.reply("/keys", Reply::Status(500));
    clock.advance(300);
    for _ in 0..5 {
        assert_eq!(reason(&app, &token_at(&clock)).await, "none");
    }
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_refused_set_does_not_replace_a_good_one() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    let twice = json!([
        with_kid(&SIGNERS.ed25519, KID),
        with_kid(&Signer::ed25519(), KID)
    ]);
    server.reply("/keys", Reply::Document(json!({"keys": twice}).to_string()));
    clock.advance(300);
    assert_eq!(reason(&app, &token_at(&clock)).await, "none");
    clock.advance(3_300);
    assert_eq!(reason(&app, &token_at(&clock)).await, "keys_unavailable");
}

#[tokio::test]
async fn a_source_that_never_answers_is_given_up() {
    let server = Server::new().await;
    server.reply("/keys", Reply::Silence);
    let app = app_of(&server, &Clock::new()).await;
    assert_eq!(reason(&app, &token()).await, "keys_unavailable");
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn a_document_may_be_as_large_as_the_limit() {
    let server = Server::new().await;
    let set = json!({"keys": published(&[])}).to_string();
    for (size, expected) in [
        (DOCUMENT_BYTES_MAX, "none"),
        (DOCUMENT_BYTES_MAX + 1, "keys_unavailable"),
    ] {
        let padded = format!("{set}{}", " ".repeat(size - set.len()));
        server.reply("/keys", Reply::Document(padded));
        let app = app_of(&server, &Clock::new()).await;
        assert_eq!(reason(&app, &token()).await, expected);
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_keys_due() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    clock.advance(-100_000);
    assert_eq!(reason(&app, &token_at(&clock)).await, "none");
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_weak_published_key_denies_its_own_tokens() {
    let server = Server::of_keys(&json!([with_kid(&SIGNERS.ed25519, KID), {
        "kty": "RSA", "kid": "weak", "n": test_keys::RSA_1024_MODULUS, "e": base64url([1, 0, 1]),
    }]))
    .await;
    let app = app_of(&server, &Clock::new()).await;
    assert_eq!(
        reason(&app, &token_of(&SIGNERS.ed25519, "weak")).await,
        "key"
    );
    assert_eq!(reason(&app, &token()).await, "keys_unavailable");
}

#[tokio::test]
async fn an_issuer_is_discovered_by_its_openid_configuration() {
    let server = Server::of_keys(&published(&[])).await;
    let mut issuer = issuers()[4].clone();
    issuer["iss"] = server.url.clone().into();
    issuer["keys"] = json!({"discovery": true});
    let mut claims = claims("ed");
    claims["iss"] = server.url.clone().into();
    let token = SIGNERS.ed25519.token(Algorithm::EdDSA, &claims);
    let keys = format!("{}/keys", server.url);
    for (document, expected) in [
        (json!({"issuer": server.url, "jwks_uri": keys}), "none"),
        (
            json!({"issuer": format!("{}/", server.url), "jwks_uri": keys}),
            "keys_unavailable",
        ),
        (
            json!({"issuer": iss("ed"), "jwks_uri": keys}),
            "keys_unavailable",
        ),
        (
            json!({"issuer": server.url, "jwks_uri": "http://keys.example/"}),
            "keys_unavailable",
        ),
        (json!({"issuer": server.url}), "keys_unavailable"),
        (json!([]), "keys_unavailable"),
    ] {
        server.reply(
            "/.well-known/openid-configuration",
            Reply::Document(document.to_string()),
        );
        let app = App::new(config(&json!([issuer])), Clock::new().world())
            .await
            .unwrap();
        assert_eq!(reason(&app, &token).await, expected, "{document}");
    }
}
