//! No event without a signed token is allowed, and no event makes the handler panic.
#![no_main]

use authorizer::{App, Config, Error, handle};
use lambda_runtime::{Context, LambdaEvent};
use libfuzzer_sys::fuzz_target;
use shared::world::World;

const ISSUERS: &str = r#"[{"name": "hs", "iss": "https://hs.example", "audiences": ["api"],
    "algorithms": ["HS256", "HS384", "HS512"], "keys": {"secret_id": "signing"}}]"#;

fuzz_target!(|bytes: &[u8]| {
    let Ok(event) = serde_json::from_slice(bytes) else {
        return;
    };
    let variable = |name: &str| match name {
        "ISSUERS" => Some(ISSUERS.to_owned()),
        "ROUTE_SCOPES" => Some(r#"{"POST /orders": []}"#.to_owned()),
        _ => None,
    };
    let config = Config::from_env(variable).expect("the configuration is valid");
    let app =
        App::with_fixed_keys(config, None, Some(&"s".repeat(64)), World::real()).expect("a start");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let answer = runtime.block_on(handle(&app, LambdaEvent::new(event, Context::default())));
    assert_ne!(answer, Err(Error::Panicked));
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer["isAuthorized"] == false));
});
