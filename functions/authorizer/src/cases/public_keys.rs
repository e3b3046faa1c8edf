//! Tests that a public key never serves as a shared secret: anybody can read it, and so sign with it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::signers::{SIGNERS, Signer};
use super::test_keys;
use crate::KeySet;

/// The inside of a PEM text.
fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

/// A public key in the form of RFC 4253: each part with its length.
fn ssh(parts: &[&[u8]]) -> Vec<u8> {
    let with_length = |part: &&[u8]| {
        let length = u32::try_from(part.len()).unwrap().to_be_bytes();
        [&length, *part].concat()
    };
    parts.iter().flat_map(with_length).collect()
}

/// A public RSA key in the form of PKCS #1.
fn pkcs1() -> Vec<u8> {
    let public = der(test_keys::RSA_PUBLIC_PEM);
    // The bit string at the end of the other form holds it.
    public[24..].to_vec()
}

fn pem(kind: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
        STANDARD.encode(der)
    )
}

fn public_keys() -> Vec<Vec<u8>> {
    let rsa = ssh(&[b"ssh-rsa", &[1, 0, 1], &[0x7f; 256]]);
    let ecdsa = ssh(&[b"ecdsa-sha2-nistp256", b"nistp256", &[4; 65]]);
    let ed25519 = ssh(&[b"ssh-ed25519", &[7; 32]]);
    let line = |kind: &str, blob: &[u8]| format!("{kind} {} me@example", STANDARD.encode(blob));
    // RFC 8410, section 10.1.
    let edwards = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
    let texts = [
        test_keys::RSA_PUBLIC_PEM.to_owned(),
        test_keys::RSA_PUBLIC_PEM.replace('\n', "\r\n"),
        test_keys::RSA_PUBLIC_PEM.replace('\n', "\\n"),
        format!("\u{feff}  \n{}", test_keys::RSA_PUBLIC_PEM),
        format!("the key:\n{}", test_keys::RSA_PUBLIC_PEM),
        test_keys::RSA.to_owned(),
        pem("RSA PUBLIC KEY", &pkcs1()),
        pem("CERTIFICATE", &[0x30; 40]),
        "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----".to_owned(),
        line("ssh-rsa", &rsa),
        line("ssh-ed25519", &ed25519),
        line("ecdsa-sha2-nistp256", &ecdsa),
        line("sk-ssh-ed25519@openssh.com", &ed25519),
        format!("no-pty,command=\"x\" {}", line("ssh-rsa", &rsa)),
        SIGNERS.rsa.jwk().to_string(),
        SIGNERS.p256.jwk().to_string(),
        json!({"keys": [SIGNERS.rsa.jwk()]}).to_string(),
        edwards.to_owned(),
    ];
    let mut all: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    all.extend([
        der(test_keys::RSA_PUBLIC_PEM),
        der(edwards),
        pkcs1(),
        rsa,
        ecdsa,
        ed25519,
    ]);
    all
}

#[track_caller]
fn refused(value: &str) {
    let error = KeySet::from_secret(value, 32)
        .map(|set| set.len())
        .expect_err(value);
    let text = error.to_string();
    assert!(!text.contains("MII"), "the key is quoted: {text}");
}

#[test]
fn a_public_key_is_refused_as_a_secret_in_every_form() {
    for key in public_keys() {
        if let Ok(text) = std::str::from_utf8(&key) {
            refused(text);
        }
        for encoded in [
            STANDARD.encode(&key),
            STANDARD_NO_PAD.encode(&key),
            URL_SAFE_NO_PAD.encode(&key),
        ] {
            refused(&encoded);
            refused(&json!({"keys": [{"kid": "a", "secret": encoded}]}).to_string());
            // Some stores encode what they are given.
            let twice = STANDARD.encode(&encoded);
            refused(&twice);
            refused(&json!({"keys": [{"kid": "a", "secret": twice}]}).to_string());
        }
        let mut wrapped = STANDARD.encode(&key);
        wrapped.insert(16, '\n');
        refused(&wrapped);
    }
}

#[test]
fn the_inside_of_a_pem_text_is_refused_as_a_secret() {
    let lines = test_keys::RSA_PUBLIC_PEM.lines();
    let body: Vec<&str> = lines.filter(|line| !line.starts_with("-----")).collect();
    refused(&body.join("\n"));
    refused(&body.concat());
}

#[test]
fn a_public_key_is_refused_inside_a_jwk_of_a_given_set() {
    for key in public_keys() {
        let jwk = Signer::Hmac(key).jwk();
        let set = json!({"keys": [jwk]}).to_string();
        assert!(KeySet::from_jwks(set.as_bytes()).is_err(), "{set}");
    }
}

#[test]
fn a_random_secret_in_any_form_stays_a_secret() {
    let mut state = 1_u32;
    for _ in 0..2_000 {
        let random: Vec<u8> = (0..48)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        let encoded = STANDARD.encode(&random);
        assert!(KeySet::from_secret(&encoded, 32).is_ok(), "{encoded}");
        let list = json!({"keys": [{"kid": "a", "secret": encoded}]}).to_string();
        assert!(KeySet::from_secret(&list, 32).is_ok(), "{list}");
    }
    // These begin as a key does, but are not one.
    for secret in [
        "MII-and-then-any-other-letters-of-a-password",
        "ssh-and-other-words-of-a-pass-phrase-of-mine",
    ] {
        assert!(KeySet::from_secret(secret, 32).is_ok(), "{secret}");
    }
}
