//! Tests of signatures: by the wrong key, for the wrong message, and malformed ones.

use serde_json::json;

use super::harness::{check, claims, claims_with, iss};
use super::signers::{KID, SIGNERS, Signer, base64url};
use super::test_keys;
use crate::{Algorithm, Denial};

/// A valid ES256 token whose signature is changed.
fn es256_with(change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let token = SIGNERS.p256.token(Algorithm::ES256, &claims("es"));
    let (message, _) = token.rsplit_once('.').unwrap();
    let signature = SIGNERS.p256.sign(Algorithm::ES256, message.as_bytes());
    format!("{message}.{}", base64url(change(signature)))
}

/// Writes r and s in DER, as X9.62 does and JWS does not.
fn der(signature: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let number: Vec<u8> = number
            .iter()
            .copied()
            .skip_while(|byte| *byte == 0)
            .collect();
        let sign = if number.first().is_some_and(|byte| 0x7f < *byte) {
            vec![0]
        } else {
            vec![]
        };
        let bytes = [sign, number].concat();
        [vec![2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let both = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(both.len()).unwrap()], both].concat()
}

#[test]
fn a_public_key_used_as_an_hmac_secret_is_denied() {
    let attacker = Signer::Hmac(test_keys::RSA_PUBLIC_PEM.as_bytes().to_vec());
    for issuer in ["rs", "ps", "es", "ed"] {
        check(
            &attacker.token(Algorithm::HS256, &claims(issuer)),
            Err(Denial::Algorithm),
        );
    }
    check(
        &attacker.token(Algorithm::HS256, &claims("hs")),
        Err(Denial::Signature),
    );
}

#[test]
fn a_signature_by_another_key_or_for_another_message_or_algorithm_is_denied() {
    check(
        &Signer::hmac(b'x').token(Algorithm::HS256, &claims("hs")),
        Err(Denial::Signature),
    );
    let other = Signer::rsa(test_keys::RSA_OTHER);
    check(
        &other.token(Algorithm::RS256, &claims("rs")),
        Err(Denial::Signature),
    );
    check(
        &other.token(Algorithm::PS384, &claims("ps")),
        Err(Denial::Signature),
    );
    check(
        &Signer::p256().token(Algorithm::ES256, &claims("es")),
        Err(Denial::Signature),
    );
    check(
        &Signer::ed25519().token(Algorithm::EdDSA, &claims("ed")),
        Err(Denial::Signature),
    );

    // The signature of one token on the payload of another.
    let ours = SIGNERS.hmac.token(Algorithm::HS256, &claims("hs"));
    let admin = SIGNERS
        .hmac
        .token(Algorithm::HS256, &claims_with("hs", "sub", json!("admin")));
    let (message, _) = admin.rsplit_once('.').unwrap();
    let (_, signature) = ours.rsplit_once('.').unwrap();
    check(&format!("{message}.{signature}"), Err(Denial::Signature));

    // A PKCS #1 signature by the right key in a token that names PSS.
    let header = json!({"alg": "PS256", "kid": KID}).to_string();
    let message = format!(
        "{}.{}",
        base64url(header),
        base64url(claims("ps").to_string())
    );
    let signature = SIGNERS.rsa.sign(Algorithm::RS256, message.as_bytes());
    check(
        &format!("{message}.{}", base64url(signature)),
        Err(Denial::Signature),
    );
}

#[test]
fn a_shortened_hmac_is_denied() {
    let token = SIGNERS.hmac.token(Algorithm::HS256, &claims("hs"));
    let (message, _) = token.rsplit_once('.').unwrap();
    let whole = SIGNERS.hmac.sign(Algorithm::HS256, message.as_bytes());
    for length in [1, 16, 31] {
        check(
            &format!("{message}.{}", base64url(&whole[..length])),
            Err(Denial::Signature),
        );
    }
    check(
        &format!("{message}.{}", base64url([whole.as_slice(), &[0]].concat())),
        Err(Denial::Signature),
    );
}

#[test]
fn an_ecdsa_signature_in_der_of_zeros_or_of_another_length_is_denied() {
    check(&es256_with(|signature| signature), Ok(()));
    check(
        &es256_with(|signature| der(&signature)),
        Err(Denial::Signature),
    );
    check(&es256_with(|_| vec![0; 64]), Err(Denial::Signature));
    check(
        &es256_with(|signature| [&[0; 32], &signature[32..]].concat()),
        Err(Denial::Signature),
    );
    check(
        &es256_with(|signature| [&signature[..32], &[0; 32]].concat()),
        Err(Denial::Signature),
    );
    check(
        &es256_with(|signature| [signature, vec![0]].concat()),
        Err(Denial::Signature),
    );
    check(
        &es256_with(|signature| [vec![0], signature].concat()),
        Err(Denial::Signature),
    );
    check(
        &es256_with(|signature| signature[..63].to_vec()),
        Err(Denial::Signature),
    );
    // The order of P-256. r and s must be smaller.
    let order: u128 = 0xffff_ffff_0000_0000_ffff_ffff_ffff_ffff;
    let low: u128 = 0xbce6_faad_a717_9e84_f3b9_cac2_fc63_2551;
    let order = [order.to_be_bytes(), low.to_be_bytes()].concat();
    check(
        &es256_with(|signature| [order.as_slice(), &signature[32..]].concat()),
        Err(Denial::Signature),
    );
}

#[test]
fn an_es256_token_under_the_key_of_es384_is_denied() {
    let header = json!({"alg": "ES256", "kid": "p384"}).to_string();
    check(
        &SIGNERS
            .p384
            .compact(Algorithm::ES256, &header, claims("es").to_string()),
        Err(Denial::Key),
    );
}

#[test]
fn a_token_signed_with_the_key_of_another_issuer_is_denied() {
    // The right key for the algorithm, but another issuer's name.
    check(
        &SIGNERS.hmac.token(Algorithm::HS256, &claims("ed")),
        Err(Denial::Algorithm),
    );
    check(
        &SIGNERS.ed25519.token(Algorithm::EdDSA, &claims("hs")),
        Err(Denial::Algorithm),
    );
    // Two issuers of one family, which differ only by their key.
    let other = Signer::rsa(test_keys::RSA_OTHER);
    let mut configured = super::harness::issuers();
    configured[2] = json!({
        "name": "rs-2", "iss": iss("rs-2"), "audiences": ["api"], "algorithms": ["RS256"],
        "keys": {"jwks_url": "https://rs-2.example/keys"},
    });
    let config = super::harness::config(&configured);
    let second = {
        let mut jwk = other.jwk();
        jwk["kid"] = KID.into();
        crate::KeySet::from_jwks(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap()
    };
    let first = super::harness::keys("rs");
    let verify = |token: &str| {
        let keys = |issuer: &crate::Issuer| {
            Some(if issuer.name() == "rs-2" {
                &second
            } else {
                &first
            })
        };
        crate::verify(token, config.issuers(), keys, super::harness::now())
            .map(|caller| caller.issuer)
    };
    assert_eq!(
        verify(&SIGNERS.rsa.token(Algorithm::RS256, &claims("rs"))).as_deref(),
        Ok("rs")
    );
    assert_eq!(
        verify(&other.token(Algorithm::RS256, &claims("rs-2"))).as_deref(),
        Ok("rs-2")
    );
    assert_eq!(
        verify(&SIGNERS.rsa.token(Algorithm::RS256, &claims("rs-2"))),
        Err(Denial::Signature)
    );
    assert_eq!(
        verify(&other.token(Algorithm::RS256, &claims("rs"))),
        Err(Denial::Signature)
    );
}

#[test]
fn tokens_of_several_issuers_are_allowed_side_by_side() {
    let app = super::harness::app();
    for (token, issuer) in [
        (SIGNERS.hmac.token(Algorithm::HS256, &claims("hs")), "hs"),
        (SIGNERS.rsa.token(Algorithm::RS256, &claims("rs")), "rs"),
        (SIGNERS.hmac.token(Algorithm::HS512, &claims("hs")), "hs"),
    ] {
        let answer = super::harness::check_event(&app, super::harness::bearer(&token), Ok(()));
        assert_eq!(answer.result.unwrap()["context"]["issuer"], issuer);
    }
}
