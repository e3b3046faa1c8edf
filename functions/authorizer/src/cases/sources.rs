//! Tests of fetched key sets: from where, when and how often they are fetched.

use std::sync::Arc;

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::world::World;

use super::harness::{Clock, answer, assert_silent, bearer, claims, config, iss, issuers};
use super::servers::{Reply, Server};
use super::signers::{KID, SIGNERS, Signer};
use super::test_keys;
use crate::{Algorithm, App, Error, handle};

/// The key set of the EdDSA issuer: its own key, and more keys.
pub(super) fn published(more: &[(&str, &Signer)]) -> Value {
    let mut keys = vec![(KID, &SIGNERS.ed25519)];
    keys.extend(more);
    let with_kid = |(kid, signer): &(&str, &Signer)| {
        let mut jwk = signer.jwk();
        jwk["kid"] = (*kid).into();
        jwk
    };
    keys.iter().map(with_kid).collect()
}

/// The authorizer with only the EdDSA issuer and this key source.
pub(super) async fn app_in(server: &Server, world: World) -> App {
    app_of_index(server, 4, world).await
}

/// The authorizer with only this issuer of [`issuers`].
pub(super) async fn app_of_issuer(server: &Server, index: usize, clock: &Clock) -> App {
    app_of_index(server, index, clock.world()).await
}

async fn app_of_index(server: &Server, index: usize, world: World) -> App {
    let mut issuer = issuers()[index].clone();
    issuer["keys"] = json!({"jwks_url": format!("{}/keys?api_key=MARKED", server.url)});
    App::new(config(&json!([issuer])), world).await.unwrap()
}

pub(super) async fn app_of(server: &Server, clock: &Clock) -> App {
    app_in(server, clock.world()).await
}

pub(super) fn token() -> String {
    SIGNERS.ed25519.token(Algorithm::EdDSA, &claims("ed"))
}

pub(super) fn token_of(signer: &Signer, kid: &str) -> String {
    let header = json!({"alg": "EdDSA", "kid": kid}).to_string();
    signer.compact(Algorithm::EdDSA, &header, claims("ed").to_string())
}

/// The logged reason for a token, after checks of the answer and of the whole log.
pub(super) async fn reason(app: &App, token: &str) -> String {
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
async fn an_address_in_a_token_is_never_fetched() {
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
async fn keys_are_fetched_again_after_the_refresh_interval() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(
        server.hits(),
        0,
        "keys were fetched before they were needed"
    );
    for _ in 0..3 {
        assert_eq!(reason(&app, &token()).await, "none");
    }
    assert_eq!(server.hits(), 1);
    clock.advance(299);
    assert_eq!(reason(&app, &token()).await, "none");
    assert_eq!(server.hits(), 1);
    // The issuer withdraws the key: within a refresh interval it is not used any more.
    server.reply(
        "/keys",
        Reply::Document(json!({"keys": [with_kid(&Signer::ed25519(), "new")]}).to_string()),
    );
    clock.advance(1);
    assert_eq!(reason(&app, &token()).await, "key");
    assert_eq!(server.hits(), 2);
}

pub(super) fn with_kid(signer: &Signer, kid: &str) -> Value {
    let mut jwk = signer.jwk();
    jwk["kid"] = kid.into();
    jwk
}

#[tokio::test]
async fn jitter_makes_a_refresh_earlier_and_never_later() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_in(&server, clock.world_with_jitter()).await;
    reason(&app, &token()).await;
    clock.advance(239);
    reason(&app, &token()).await;
    assert_eq!(server.hits(), 1);
    clock.advance(1);
    reason(&app, &token()).await;
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn many_requests_with_an_unknown_key_id_cause_one_fetch_in_each_cool_down() {
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
    // The set had not changed, so the next cool-down is twice as long.
    clock.advance(19);
    storm(&app, &unknown, 100).await;
    assert_eq!(server.hits(), 2);
    clock.advance(1);
    storm(&app, &unknown, 1_000).await;
    assert_eq!(server.hits(), 3);
}

/// Sends requests in parallel, which must all be denied.
pub(super) async fn storm(app: &Arc<App>, token: &str, crowd: usize) {
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
async fn a_thousand_first_requests_wait_for_one_fetch() {
    let server = Server::of_keys(&published(&[])).await;
    let app = Arc::new(app_of(&server, &Clock::new()).await);
    storm(&app, &token_of(&SIGNERS.ed25519, "key-2"), 1_000).await;
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn an_unknown_key_id_makes_a_new_key_known() {
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
        "keys were fetched again within ten seconds"
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

/// A token that is valid at the clock's time.
pub(super) fn token_at(clock: &Clock) -> String {
    let now = clock.world().now().as_second();
    let mut claims = claims("ed");
    claims["iat"] = (now - 10).into();
    claims["exp"] = (now + 600).into();
    SIGNERS.ed25519.token(Algorithm::EdDSA, &claims)
}

#[tokio::test]
async fn keys_are_fetched_again_when_the_clock_goes_back() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    clock.advance(-100_000);
    assert_eq!(reason(&app, &token_at(&clock)).await, "none");
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn keys_are_found_through_the_issuers_openid_configuration() {
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
