//! Tests of issuers that replace a key without a new key id, and of the fetches that a bad signature
//! can cause.

use std::sync::Arc;

use serde_json::{Value, json};

use super::harness::{Clock, claims};
use super::servers::{Reply, Server};
use super::signers::{KID, SIGNERS, Signer};
use super::sources::{app_of, published, reason, storm, token, token_at, token_of, with_kid};
use crate::Algorithm;

/// Publishes these keys.
fn publish(server: &Server, keys: &Value) {
    server.reply("/keys", Reply::Document(json!({"keys": keys}).to_string()));
}

#[tokio::test]
async fn a_new_key_under_the_same_id_is_used_after_the_cool_down() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    let second = Signer::ed25519();
    publish(&server, &json!([with_kid(&second, KID)]));
    let new = token_of(&second, KID);
    clock.advance(9);
    assert_eq!(reason(&app, &new).await, "signature");
    assert_eq!(server.hits(), 1);
    clock.advance(1);
    assert_eq!(reason(&app, &new).await, "none");
    assert_eq!(reason(&app, &token()).await, "signature");
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_new_key_without_an_id_is_used_after_the_cool_down() {
    let clock = Clock::new();
    let server = Server::of_keys(&json!([SIGNERS.ed25519.jwk()])).await;
    let app = app_of(&server, &clock).await;
    let header = json!({"alg": "EdDSA"}).to_string();
    let of = |signer: &Signer| signer.compact(Algorithm::EdDSA, &header, claims("ed").to_string());
    assert_eq!(reason(&app, &of(&SIGNERS.ed25519)).await, "none");
    let second = Signer::ed25519();
    publish(&server, &json!([second.jwk()]));
    clock.advance(10);
    assert_eq!(reason(&app, &of(&second)).await, "none");
}

#[tokio::test]
async fn a_new_key_of_another_algorithm_under_the_same_id_is_used_after_the_cool_down() {
    let clock = Clock::new();
    let old = with_kid(&SIGNERS.p256, KID);
    let server = Server::of_keys(&json!([old])).await;
    let app = super::sources::app_of_issuer(&server, 3, &clock).await;
    let of = |signer: &Signer, algorithm| signer.token(algorithm, &claims("es"));
    assert_eq!(
        reason(&app, &of(&SIGNERS.p256, Algorithm::ES256)).await,
        "none"
    );
    publish(&server, &json!([with_kid(&SIGNERS.p384, KID)]));
    clock.advance(10);
    assert_eq!(
        reason(&app, &of(&SIGNERS.p384, Algorithm::ES384)).await,
        "none"
    );
}

#[tokio::test]
async fn a_token_that_would_be_denied_anyway_causes_no_fetch() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    clock.advance(20);
    let forger = Signer::ed25519();
    for (name, value) in [
        ("exp", json!(1)),
        ("aud", json!("another-api")),
        ("sub", json!("")),
        ("cnf", json!({})),
        ("nbf", json!("never")),
    ] {
        let mut claims = claims("ed");
        claims[name] = value;
        let token = forger.token(Algorithm::EdDSA, &claims);
        assert_eq!(reason(&app, &token).await, "signature");
    }
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn the_cool_down_doubles_while_the_set_stays_the_same() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    let forger = Signer::ed25519();
    let forged = async || {
        let mut claims = claims("ed");
        claims["exp"] = (clock.world().now().as_second() + 600).into();
        assert_eq!(
            reason(&app, &forger.token(Algorithm::EdDSA, &claims)).await,
            "signature"
        );
    };
    let mut hits = 1;
    // The sum is 310 s: a refresh by age comes at 300 s at the latest.
    for pause in [10, 20, 40, 80] {
        clock.advance(pause - 1);
        forged().await;
        assert_eq!(server.hits(), hits, "fetched before {pause} s");
        clock.advance(1);
        forged().await;
        hits += 1;
        assert_eq!(server.hits(), hits, "not fetched after {pause} s");
    }
    // From now on the pauses are 160 and 300 s.
    for _ in 0..3_000 {
        clock.advance(1);
        forged().await;
    }
    let most = hits + 3_000 / 160;
    assert!(
        server.hits() <= most,
        "{} fetches in 3,000 s",
        server.hits()
    );
    // A changed set ends that: the next change is seen after ten seconds again.
    let second = Signer::ed25519();
    publish(
        &server,
        &json!([with_kid(&SIGNERS.ed25519, KID), with_kid(&second, "key-2")]),
    );
    clock.advance(300);
    assert_eq!(reason(&app, &token_at(&clock)).await, "none");
    let third = Signer::ed25519();
    publish(&server, &json!([with_kid(&third, KID)]));
    clock.advance(10);
    let mut claims = claims("ed");
    claims["exp"] = (clock.world().now().as_second() + 600).into();
    assert_eq!(
        reason(&app, &third.token(Algorithm::EdDSA, &claims)).await,
        "none"
    );
}

#[tokio::test]
async fn forged_tokens_do_not_delay_the_refresh_by_age() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = app_of(&server, &clock).await;
    assert_eq!(reason(&app, &token()).await, "none");
    let forged = Signer::ed25519().token(Algorithm::EdDSA, &claims("ed"));
    for _ in 0..290 {
        clock.advance(1);
        reason(&app, &forged).await;
    }
    publish(&server, &json!([with_kid(&Signer::ed25519(), "new")]));
    // The last forced fetch was at 150 s.
    clock.advance(160);
    assert_eq!(reason(&app, &token_at(&clock)).await, "key");
}

#[tokio::test]
async fn many_forged_tokens_cause_one_fetch() {
    let clock = Clock::new();
    let server = Server::of_keys(&published(&[])).await;
    let app = Arc::new(app_of(&server, &clock).await);
    assert_eq!(reason(&app, &token()).await, "none");
    clock.advance(10);
    let forged = Signer::ed25519().token(Algorithm::EdDSA, &claims("ed"));
    storm(&app, &forged, 1_000).await;
    assert_eq!(server.hits(), 2);
}
