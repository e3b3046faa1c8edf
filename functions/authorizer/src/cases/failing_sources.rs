//! Tests of key sources that fail: how long cached keys are used, and when a request fails.

use serde_json::json;

use super::harness::{Clock, answer, bearer, claims};
use super::servers::{Reply, Server};
use super::signers::{KID, SIGNERS, Signer, base64url};
use super::sources::{app_in, app_of, published, reason, token, token_at, token_of, with_kid};
use super::test_keys;
use crate::Algorithm;
use crate::http::DOCUMENT_BYTES_MAX;

#[tokio::test]
async fn without_keys_every_event_fails_until_the_source_answers() {
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
async fn while_there_are_no_keys_the_pause_between_fetches_grows_to_thirty_seconds() {
    let server = Server::new().await;
    let clock = Clock::new();
    let app = app_of(&server, &clock).await;
    for _ in 0..5 {
        assert_eq!(reason(&app, &token()).await, "keys_unavailable");
    }
    assert_eq!(server.hits(), 1);
    for (fetches, pause) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
        clock.advance(pause - 1);
        assert_eq!(reason(&app, &token()).await, "keys_unavailable");
        assert_eq!(server.hits(), fetches + 1, "fetched before {pause} s");
        clock.advance(1);
        assert_eq!(reason(&app, &token()).await, "keys_unavailable");
        assert_eq!(server.hits(), fetches + 2, "not fetched after {pause} s");
    }
    let set = json!({"keys": published(&[])}).to_string();
    server.reply("/keys", Reply::Document(set));
    clock.advance(30);
    assert_eq!(reason(&app, &token()).await, "none");
}

#[tokio::test]
async fn jitter_makes_the_pause_between_first_fetches_shorter_by_half_at_most() {
    let server = Server::new().await;
    let clock = Clock::new();
    let app = app_in(&server, clock.world_with_jitter()).await;
    assert_eq!(reason(&app, &token()).await, "keys_unavailable");
    clock.advance(1);
    assert_eq!(reason(&app, &token()).await, "keys_unavailable");
    clock.advance(1);
    assert_eq!(reason(&app, &token()).await, "keys_unavailable");
    clock.advance(1);
    assert_eq!(reason(&app, &token()).await, "keys_unavailable");
    assert_eq!(server.hits(), 3);
    clock.advance(1);
    assert_eq!(reason(&app, &token()).await, "keys_unavailable");
    assert_eq!(server.hits(), 4);
}

#[tokio::test]
async fn a_failed_refresh_is_not_retried_by_every_request() {
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
async fn a_source_that_never_answers_times_out() {
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
async fn cached_keys_are_used_for_an_hour_after_their_source_fails() {
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
    // A token of an unknown issuer is still denied, not an error.
    let mut other = claims("ed");
    other["iss"] = "https://evil.example".into();
    assert_eq!(
        reason(&app, &SIGNERS.ed25519.token(Algorithm::EdDSA, &other)).await,
        "issuer"
    );
}

#[tokio::test]
async fn a_token_of_a_weak_published_key_is_denied() {
    let server = Server::of_keys(&json!([with_kid(&SIGNERS.ed25519, KID), {
        "kty": "RSA", "kid": "weak", "n": test_keys::RSA_1024_MODULUS, "e": base64url([1, 0, 1]),
    }]))
    .await;
    let app = app_of(&server, &Clock::new()).await;
    assert_eq!(
        reason(&app, &token_of(&SIGNERS.ed25519, "weak")).await,
        "key"
    );
    assert_eq!(reason(&app, &token()).await, "none");
    // Its key id is known, so it forces no fetch.
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn a_token_of_a_weak_key_is_denied_if_the_set_has_no_other() {
    let weak = json!([{
        "kty": "RSA", "kid": "weak", "n": test_keys::RSA_1024_MODULUS, "e": base64url([1, 0, 1]),
    }]);
    let server = Server::of_keys(&weak).await;
    let app = app_of(&server, &Clock::new()).await;
    let named = token_of(&SIGNERS.ed25519, "weak");
    assert_eq!(reason(&app, &named).await, "key");
    assert_eq!(reason(&app, &token()).await, "keys_unavailable");
}

#[tokio::test]
async fn a_left_out_key_is_counted_with_its_reason() {
    let server = Server::of_keys(&json!([
        with_kid(&SIGNERS.ed25519, KID),
        {"kty": "RSA", "kid": "weak", "n": test_keys::RSA_1024_MODULUS, "e": base64url([1, 0, 1])},
        {"kty": "RSA", "kid": "weak-too", "n": "AQ", "e": "AQ"},
        {"kty": "RSA", "kid": "enc", "use": "enc", "n": "x", "e": "x"},
    ]))
    .await;
    let app = app_of(&server, &Clock::new()).await;
    let answer = answer(&app, bearer(&token())).await;
    let counted: Vec<(f64, String)> = answer
        .lines_with("KeyLeftOut")
        .iter()
        .map(|line| {
            assert_eq!(line["issuer"], "ed");
            let reason = line["reason"].as_str().unwrap().to_owned();
            (line["KeyLeftOut"].as_f64().unwrap(), reason)
        })
        .collect();
    assert_eq!(
        counted,
        [(1.0, "purpose".to_owned()), (2.0, "weak".to_owned())]
    );
}

/// Sets in which the EdDSA issuer has no key that it could use.
fn unusable_sets() -> Vec<serde_json::Value> {
    let mut encryption = with_kid(&SIGNERS.ed25519, "new");
    encryption["use"] = "enc".into();
    vec![
        json!([encryption]),
        json!([with_kid(&SIGNERS.p256, "new")]),
        json!([{"kty": "OKP", "crv": "X25519", "x": "x"}]),
        json!([{"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"}]),
        json!([{"kty": "RSA", "kid": "enc", "alg": "RSA-OAEP", "n": "x", "e": "x"}]),
    ]
}

#[tokio::test]
async fn a_set_without_a_usable_key_does_not_replace_good_keys() {
    for keys in unusable_sets() {
        let clock = Clock::new();
        let server = Server::of_keys(&published(&[])).await;
        let app = app_of(&server, &clock).await;
        assert_eq!(reason(&app, &token()).await, "none");
        server.reply("/keys", Reply::Document(json!({"keys": keys}).to_string()));
        // Anybody can cause this fetch, with a key id that does not exist.
        clock.advance(10);
        let unknown = token_of(&SIGNERS.ed25519, "unknown");
        assert_eq!(reason(&app, &unknown).await, "key");
        assert_eq!(server.hits(), 2);
        assert_eq!(reason(&app, &token()).await, "none", "{keys}");
        clock.advance(3_589);
        assert_eq!(reason(&app, &token_at(&clock)).await, "none", "{keys}");
        clock.advance(1);
        let stale = reason(&app, &token_at(&clock)).await;
        assert_eq!(stale, "keys_unavailable", "{keys}");
    }
}

#[tokio::test]
async fn a_first_set_without_a_usable_key_is_a_failed_fetch() {
    for keys in unusable_sets() {
        let server = Server::of_keys(&keys).await;
        let app = app_of(&server, &Clock::new()).await;
        assert_eq!(reason(&app, &token()).await, "keys_unavailable", "{keys}");
    }
}
