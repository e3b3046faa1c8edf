//! Tests of a token's form: its parts, its header, and their encoding.

use serde_json::{Value, json};

use super::harness::{NOW, assert_library_accepts, check, claims, iss};
use super::signers::{KID, SIGNERS, base64url};
use crate::token::TOKEN_BYTES_MAX;
use crate::{Algorithm, Denial};

const HS256: Algorithm = Algorithm::HS256;

fn valid() -> String {
    SIGNERS.hmac.token(HS256, &claims("hs"))
}

/// A token that the issuer itself signed, with this header.
fn signed(header: &str) -> String {
    SIGNERS
        .hmac
        .compact(HS256, header, claims("hs").to_string())
}

/// A token that the issuer itself signed, with this payload.
fn carrying(payload: impl AsRef<[u8]>) -> String {
    SIGNERS.hmac.compact(HS256, &header(&json!({})), payload)
}

/// A good header, with some members added or replaced.
fn header(members: &Value) -> String {
    let mut header = json!({"alg": "HS256", "typ": "JWT", "kid": KID});
    for (name, value) in members.as_object().unwrap() {
        header[name] = value.clone();
    }
    header.to_string()
}

#[test]
fn a_valid_token_of_each_algorithm_is_allowed() {
    check(&valid(), Ok(()));
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        check(&SIGNERS.hmac.token(algorithm, &claims("hs")), Ok(()));
    }
    for algorithm in [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512] {
        check(&SIGNERS.rsa.token(algorithm, &claims("rs")), Ok(()));
    }
    for algorithm in [Algorithm::PS256, Algorithm::PS384, Algorithm::PS512] {
        check(&SIGNERS.rsa.token(algorithm, &claims("ps")), Ok(()));
    }
    check(&SIGNERS.p256.token(Algorithm::ES256, &claims("es")), Ok(()));
    let p384 = json!({"alg": "ES384", "kid": "p384"}).to_string();
    check(
        &SIGNERS
            .p384
            .compact(Algorithm::ES384, &p384, claims("es").to_string()),
        Ok(()),
    );
    check(
        &SIGNERS.ed25519.token(Algorithm::EdDSA, &claims("ed")),
        Ok(()),
    );
}

#[test]
fn no_spelling_of_the_algorithm_none_is_accepted() {
    for none in ["none", "None", "nOnE", "NONE", "", "hs256", "HS256 ", "HS1"] {
        let token = signed(&header(&json!({"alg": none})));
        check(&token, Err(Denial::Algorithm));
        // Without a signature, as the specification defines `none`.
        let (message, _) = token.rsplit_once('.').unwrap();
        check(&format!("{message}."), Err(Denial::Malformed));
    }
    check(&signed(r#"{"typ": "JWT"}"#), Err(Denial::Algorithm));
    check(
        &signed(&header(&json!({"alg": ["HS256"]}))),
        Err(Denial::Algorithm),
    );
}

#[test]
fn an_empty_part_or_another_number_of_parts_is_denied() {
    let token = valid();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    for other in [
        format!("{message}."),
        message.to_owned(),
        header.to_owned(),
        format!("{token}.{signature}"),
        format!("{token}."),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        "..".to_owned(),
    ] {
        check(&other, Err(Denial::Malformed));
    }
}

#[test]
fn padding_and_white_space_in_a_token_are_denied() {
    let token = valid();
    let (message, signature) = token.rsplit_once('.').unwrap();
    for other in [
        format!("{token}="),
        format!("{message}=.{signature}"),
        format!("{message}.\n{signature}"),
        format!("{message}\n.{signature}"),
        format!(" {token}"),
        format!("{token} "),
        format!("\t{token}"),
        token.replace('.', "%2e"),
    ] {
        check(&other, Err(Denial::Malformed));
    }
}

#[test]
fn a_last_character_with_unused_bits_set_is_denied() {
    // 32 bytes become 43 characters, and the last one has two unused bits.
    let token = valid();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *token.as_bytes().last().unwrap();
    let place = alphabet.iter().position(|byte| *byte == last).unwrap();
    assert_eq!(place % 4, 0, "the valid token is not canonical");
    for unused in 1..4 {
        let other = char::from(alphabet[place + unused]);
        let (rest, _) = token.split_at(token.len() - 1);
        check(&format!("{rest}{other}"), Err(Denial::Malformed));
    }
}

#[test]
fn a_repeated_alg_kid_or_exp_is_denied() {
    check(
        &signed(r#"{"alg":"HS256","alg":"HS256","kid":"key-1"}"#),
        Err(Denial::Malformed),
    );
    check(
        &signed(r#"{"alg":"none","kid":"key-1","alg":"HS256"}"#),
        Err(Denial::Malformed),
    );
    check(
        &signed(r#"{"alg":"HS256","kid":"key-2","kid":"key-1"}"#),
        Err(Denial::Malformed),
    );
    check(
        &signed(r#"{"alg":"HS256","kid":"key-1","\u006bid":"key-1"}"#),
        Err(Denial::Malformed),
    );
    let text = claims("hs").to_string();
    let twice = text.replacen('{', &format!(r#"{{"exp":{},"#, NOW + 600), 1);
    check(&carrying(twice), Err(Denial::Malformed));
}

#[test]
fn a_repeated_scope_is_denied() {
    let text = claims("hs").to_string();
    let token = carrying(text.replacen('{', r#"{"scope":"orders:read","#, 1));
    assert_library_accepts(&token);
    check(&token, Err(Denial::Malformed));
}

#[test]
fn a_crit_header_is_denied_even_if_it_is_empty() {
    for crit in [json!(["exp"]), json!(["http://example/unknown"]), json!([])] {
        let token = signed(&header(
            &json!({"crit": crit, "http://example/unknown": true}),
        ));
        assert_library_accepts(&token);
        check(&token, Err(Denial::Malformed));
    }
}

#[test]
fn an_unencoded_compressed_or_encrypted_payload_is_denied() {
    for members in [
        json!({"b64": false}),
        json!({"b64": true}),
        json!({"zip": "DEF"}),
    ] {
        let token = signed(&header(&members));
        assert_library_accepts(&token);
        check(&token, Err(Denial::Malformed));
    }
    check(
        &signed(&header(&json!({"enc": "A128GCM"}))),
        Err(Denial::Malformed),
    );
}

#[test]
fn a_token_of_another_type_is_denied() {
    for typ in ["dpop+jwt", "logout+jwt", "secevent+jwt", "JOSE"] {
        let token = signed(&header(&json!({"typ": typ})));
        assert_library_accepts(&token);
        check(&token, Err(Denial::Malformed));
    }
    for typ in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
        check(&signed(&header(&json!({"typ": typ}))), Ok(()));
    }
    check(&signed(&header(&json!({"typ": 1}))), Err(Denial::Malformed));
}

#[test]
fn a_key_id_that_is_not_an_identifier_is_denied() {
    let long = "k".repeat(129);
    for kid in [
        json!(1),
        json!(null),
        json!([KID]),
        json!("../../x"),
        json!("1' OR '1'='1"),
        json!(""),
        json!(long),
    ] {
        check(
            &signed(&header(&json!({"kid": kid}))),
            Err(Denial::Malformed),
        );
    }
    // A valid id that the issuer does not have is another denial.
    check(
        &signed(&header(&json!({"kid": "k".repeat(128)}))),
        Err(Denial::Key),
    );
    check(&signed(r#"{"alg":"HS256"}"#), Err(Denial::Key));
}

#[test]
fn a_key_inside_a_token_is_not_used() {
    let attacker = super::signers::Signer::rsa(super::test_keys::RSA_OTHER);
    for members in [
        json!({"alg": "RS256", "kid": KID, "jwk": attacker.jwk()}),
        json!({"alg": "RS256", "kid": KID, "jku": "https://attacker.example/keys"}),
        json!({"alg": "RS256", "kid": KID, "x5u": "https://attacker.example/cert", "x5c": ["MIIB"]}),
    ] {
        let payload = claims("rs").to_string();
        let token = attacker.compact(Algorithm::RS256, &members.to_string(), &payload);
        check(&token, Err(Denial::Signature));
        // The issuer's own token may have such members, since they are not read.
        check(
            &SIGNERS
                .rsa
                .compact(Algorithm::RS256, &members.to_string(), &payload),
            Ok(()),
        );
    }
}

#[test]
fn a_payload_that_is_not_one_shallow_object_is_denied() {
    let good = claims("hs").to_string();
    let deep = format!(
        r#"{{"a":{}{},{}"#,
        "[".repeat(199),
        "]".repeat(199),
        good.trim_start_matches('{')
    );
    for payload in [
        "[]".to_owned(),
        "null".to_owned(),
        "\"text\"".to_owned(),
        "1".to_owned(),
        format!("\u{feff}{good}"),
        format!("{good}x"),
        format!("{good}{good}"),
        format!("{good}\0"),
        deep,
    ] {
        check(&carrying(payload), Err(Denial::Malformed));
    }
    check(
        &carrying([good.as_bytes(), b"\xff"].concat()),
        Err(Denial::Malformed),
    );
    check(&carrying(format!(" {good}\n")), Ok(()));
}

#[test]
fn a_token_of_8193_bytes_is_denied() {
    // A signed token of exactly this length, padded by a claim and by the header.
    let padded = |length: usize| {
        let of = |claim: usize, kid: usize| {
            let mut payload = claims("hs");
            payload["iss"] = iss("hs").into();
            payload["x"] = "x".repeat(claim).into();
            let spaces = " ".repeat(kid);
            SIGNERS.hmac.compact(
                HS256,
                &format!(r#"{{"alg":"HS256","kid":"key-1"{spaces}}}"#),
                payload.to_string(),
            )
        };
        let tried = (5_000..7_000).flat_map(|claim| (0..4).map(move |kid| (claim, kid)));
        let length_of = |claim: usize, kid: usize| {
            let payload = claims("hs").to_string().len() + r#","x":"""#.len() + claim;
            let header = r#"{"alg":"HS256","kid":"key-1"}"#.len() + kid;
            (header * 4).div_ceil(3) + 1 + (payload * 4).div_ceil(3) + 1 + 43
        };
        let (claim, kid) = tried
            .into_iter()
            .find(|(claim, kid)| length_of(*claim, *kid) == length)
            .unwrap();
        let token = of(claim, kid);
        assert_eq!(token.len(), length);
        token
    };
    check(&padded(TOKEN_BYTES_MAX), Ok(()));
    check(&padded(TOKEN_BYTES_MAX + 1), Err(Denial::Malformed));
    assert_eq!(base64url([0; 32]).len(), 43);
}
