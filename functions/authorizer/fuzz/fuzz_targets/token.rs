//! No unsigned token is valid, and no token makes the verifier panic.
#![no_main]

use authorizer::{Config, Issuer, KeySet, verify};
use libfuzzer_sys::fuzz_target;

const ISSUERS: &str = r#"[{"name": "hs", "iss": "https://hs.example", "audiences": ["api"],
    "algorithms": ["HS256", "HS384", "HS512"], "keys": {"secret_id": "signing"}}]"#;

fuzz_target!(|token: &str| {
    let variable = |name: &str| match name {
        "ISSUERS" => Some(ISSUERS.to_owned()),
        "ROUTE_SCOPES" => Some("{}".to_owned()),
        _ => None,
    };
    let config = Config::from_env(variable).expect("the configuration is valid");
    let keys = KeySet::from_secret(&"s".repeat(64), 32).expect("the secret is long enough");
    let now = jiff::Timestamp::from_second(4_000_000_000).expect("a time");
    assert!(verify(token, config.issuers(), |_: &Issuer| Some(&keys), now).is_err());
});
