//! What these tests share: issuers, keys, claims, events, and a captured log.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jsonwebtoken::{DecodingKey, Validation};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::telemetry::{JsonLines, filter};
use shared::world::World;
use tracing::Level;
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use super::signers::{KID, SIGNERS, Signer};
use crate::fetch::{Fixed, Source};
use crate::{App, Config, Denial, Error, KeySet, handle, verify};

/// The time in every test. It is far ahead, so that the library, which reads the
/// machine's clock, does not find a token expired.
pub(super) const NOW: i64 = 4_000_000_000;

pub(super) const AUDIENCE: &str = "api";

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// The issuers of the tests. The name is the family of algorithms.
pub(super) fn issuers() -> Value {
    let jwks = |name: &str, algorithms: Value| {
        json!({
            "name": name, "iss": iss(name), "audiences": [AUDIENCE], "algorithms": algorithms,
            "keys": {"jwks_url": format!("https://{name}.example/keys")},
        })
    };
    json!([
        {
            "name": "hs", "iss": iss("hs"), "audiences": [AUDIENCE, "other-api"],
            "algorithms": ["HS256", "HS384", "HS512"], "keys": {"secret_id": "signing"},
        },
        jwks("rs", json!(["RS256", "RS384", "RS512"])),
        jwks("ps", json!(["PS256", "PS384", "PS512"])),
        jwks("es", json!(["ES256", "ES384"])),
        jwks("ed", json!(["EdDSA"])),
    ])
}

pub(super) fn iss(name: &str) -> String {
    format!("https://{name}.example")
}

pub(super) const ROUTES: &str =
    r#"{"POST /orders": ["orders:write"], "GET /orders": ["orders:read"]}"#;

/// A configuration with these issuers.
pub(super) fn config(issuers: &Value) -> Config {
    config_with(issuers, &[])
}

/// A configuration with these issuers and more variables.
pub(super) fn config_with(issuers: &Value, more: &[(&str, String)]) -> Config {
    let mut variables = BTreeMap::from([
        ("ISSUERS", issuers.to_string()),
        ("ROUTE_SCOPES", ROUTES.to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]);
    variables.extend(more.iter().cloned());
    Config::from_env(|name| variables.get(name).cloned()).unwrap()
}

/// The keys of [`issuers`].
pub(super) fn keys(issuer: &str) -> KeySet {
    let with = |mut jwk: Value, kid: &str| {
        jwk["kid"] = kid.into();
        jwk
    };
    let set =
        |keys: Value| KeySet::from_jwks(json!({"keys": keys}).to_string().as_bytes()).unwrap();
    match issuer {
        "hs" => set(json!([with(SIGNERS.hmac.jwk(), KID)])),
        "rs" | "ps" => set(json!([with(SIGNERS.rsa.jwk(), KID)])),
        "es" => set(json!([
            with(SIGNERS.p256.jwk(), KID),
            with(SIGNERS.p384.jwk(), "p384")
        ])),
        "ed" => set(json!([with(SIGNERS.ed25519.jwk(), KID)])),
        other => panic!("no such issuer: {other}"),
    }
}

/// Claims of an issuer that are valid now.
pub(super) fn claims(issuer: &str) -> Value {
    json!({
        "iss": iss(issuer), "aud": AUDIENCE, "sub": "demo-subject", "iat": NOW - 10, "exp": NOW + 600,
        "scope": "orders:read orders:write", "jti": "token-id",
    })
}

/// Valid claims with one changed, or removed if the value is `null`.
pub(super) fn claims_with(issuer: &str, name: &str, value: Value) -> Value {
    let mut claims = claims(issuer);
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

/// A clock that a test sets.
#[derive(Clone, Debug)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW)))
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A world with this clock and without jitter.
    pub(super) fn world(&self) -> World {
        let clock = self.clone();
        World::new(
            move || Timestamp::from_second(clock.0.load(Ordering::SeqCst)).unwrap(),
            |bytes| bytes.fill(0),
            |_| Box::pin(async {}),
        )
    }

    /// A world with this clock, whose jitter is as large as it can be.
    pub(super) fn world_with_jitter(&self) -> World {
        let clock = self.clone();
        World::new(
            move || clock.world().now(),
            |bytes| bytes.fill(0xff),
            |_| Box::pin(async {}),
        )
    }
}

/// The authorizer with the keys of [`issuers`]. Each key keeps its own id.
pub(super) fn app() -> App {
    app_in(Clock::new().world())
}

pub(super) fn app_in(world: World) -> App {
    app_of(config(&issuers()), world)
}

/// The authorizer with these issuers, which have the names and keys of [`issuers`].
pub(super) fn app_of_issuers(issuers: &Value) -> App {
    app_of(config(issuers), Clock::new().world())
}

/// The authorizer with these issuers and routes.
pub(super) fn app_of_routes(issuers: &Value, routes: &str) -> App {
    let config = config_with(issuers, &[("ROUTE_SCOPES", routes.to_owned())]);
    app_of(config, Clock::new().world())
}

fn app_of(config: Config, world: World) -> App {
    let source = |issuer: &crate::Issuer| Source::Fixed(Fixed(Ok(keys(issuer.name()))));
    let sources = config.issuers().iter().map(source).collect();
    App::with_sources(config, sources, world)
}

/// An event for `POST /orders` with this `Authorization` header.
pub(super) fn event(authorization: &str) -> Value {
    json!({
        "version": "2.0", "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:eu-central-1:1:api/$default/POST/orders",
        "routeKey": "POST /orders", "rawPath": "/orders", "rawQueryString": "",
        "identitySource": [authorization],
        "headers": {"authorization": authorization, "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/orders"}, "requestId": "r"},
    })
}

pub(super) fn bearer(token: &str) -> Value {
    event(&format!("Bearer {token}"))
}

/// An answer, and everything that was logged on the way to it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) result: Result<Value, Error>,
    pub(super) output: String,
}

impl Answer {
    pub(super) fn is_allowed(&self) -> bool {
        self.result
            .as_ref()
            .is_ok_and(|answer| answer["isAuthorized"] == true)
    }

    /// What a deployed function prints: see [`shared::telemetry::init`].
    pub(super) fn printed(&self) -> String {
        let below_info = |line: &&str| {
            [r#""level":"DEBUG""#, r#""level":"TRACE""#]
                .iter()
                .any(|level| line.contains(level))
        };
        self.output
            .lines()
            .filter(|line| !below_info(line))
            .collect()
    }

    /// The captured lines with this member.
    pub(super) fn lines_with(&self, member: &str) -> Vec<Value> {
        let lines = self
            .output
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line.get(member).is_some()).collect()
    }

    /// The reason in the decision's log line. There must be one line and one counter.
    #[track_caller]
    pub(super) fn reason(&self) -> String {
        let lines = self.lines_with("decision");
        let [line] = lines.as_slice() else {
            panic!("not one line for a decision: {}", self.output)
        };
        let reason = line
            .get("reason")
            .and_then(Value::as_str)
            .unwrap_or("none")
            .to_owned();
        let metric = match line["decision"].as_str().unwrap() {
            "allow" => "Allowed",
            "deny" => "Denied",
            _ => "Failed",
        };
        let counted = self.lines_with(metric);
        let [counted] = counted.as_slice() else {
            panic!("not one counter for a decision: {}", self.output)
        };
        assert_eq!(counted[metric], 1.0);
        assert_eq!(
            counted
                .get("reason")
                .and_then(Value::as_str)
                .unwrap_or("none"),
            reason
        );
        reason
    }
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Answers an event, and captures everything that any crate logs at any level.
pub(super) async fn answer(app: &App, event: Value) -> Answer {
    let captured = Captured::default();
    let writer = captured.clone();
    let layer =
        JsonLines::new("authorizer", move || writer.clone()).with_filter(filter(Level::TRACE));
    let subscriber = tracing_subscriber::registry().with(layer);
    let event = LambdaEvent::new(event, Context::default());
    let result = handle(app, event).with_subscriber(subscriber).await;
    let output = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    Answer { result, output }
}

/// Runs a future to its end.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Checks a token twice: with [`verify`] alone, and through the handler, whose log
/// must hold the reason and nothing of the token.
#[track_caller]
pub(super) fn check(token: &str, expected: Result<(), Denial>) {
    let config = config(&issuers());
    let all: BTreeMap<String, KeySet> = config
        .issuers()
        .iter()
        .map(|issuer| (issuer.name().to_owned(), keys(issuer.name())))
        .collect();
    let verified = verify(
        token,
        config.issuers(),
        |issuer| all.get(issuer.name()),
        now(),
    );
    assert_eq!(verified.map(|_| ()), expected, "{token}");
    check_event(&app(), bearer(token), expected);
    assert_silent(&block_on(answer(&app(), bearer(token))), token);
}

/// Checks the answer to an event, and its reason in the log.
#[track_caller]
pub(super) fn check_event(app: &App, event: Value, expected: Result<(), Denial>) -> Answer {
    let answer = block_on(answer(app, event));
    match expected {
        Ok(()) => {
            assert!(answer.is_allowed(), "{answer:?}");
            assert_eq!(answer.reason(), "none");
        }
        Err(denial) => {
            assert_eq!(
                answer.result,
                Ok(json!({"isAuthorized": false})),
                "{}",
                answer.output
            );
            assert_eq!(answer.reason(), denial.reason());
        }
    }
    answer
}

/// Checks that no part of the token and no claim was logged.
#[track_caller]
pub(super) fn assert_silent(answer: &Answer, token: &str) {
    let printed = format!("{}{:?}", answer.output, answer.result.as_ref().err());
    for part in token.split('.').filter(|part| 8 <= part.len()) {
        assert!(
            !printed.contains(part),
            "a part of the token was printed: {printed}"
        );
    }
    for claim in ["demo-subject", "token-id"] {
        assert!(
            !answer.output.contains(claim),
            "a claim was printed: {printed}"
        );
    }
}

/// Whether the library accepts a token, with its defaults and the right audience
/// and issuer.
pub(super) fn library_accepts(
    token: &str,
    key: &DecodingKey,
    algorithm: jsonwebtoken::Algorithm,
) -> bool {
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[iss("hs")]);
    jsonwebtoken::decode::<Value>(token, key, &validation).is_ok()
}

/// Checks that the library accepts a token of the HMAC issuer.
#[track_caller]
pub(super) fn assert_library_accepts(token: &str) {
    let Signer::Hmac(secret) = &SIGNERS.hmac else {
        panic!("the first signer is not HMAC")
    };
    let accepted = library_accepts(
        token,
        &DecodingKey::from_secret(secret),
        jsonwebtoken::Algorithm::HS256,
    );
    assert!(
        accepted,
        "the library alone refuses this token too: {token}"
    );
}
