//! Tokens of both local issuers, checked by the real authorizer.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

use super::*;
use crate::issuer;
use crate::secrets::{CURRENT, PREVIOUS};

const START: i64 = 1_800_000_000;
const HOUR: i64 = 60 * 60;

/// The status of a read with a token.
async fn status(running: &Running, token: &str) -> u16 {
    let request = Client::new()
        .get(format!("{}/orders", running.url()))
        .bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

fn es256<'text>() -> Request<'text> {
    Request {
        algorithm: "ES256",
        ..Request::new("orders:read")
    }
}

#[tokio::test]
async fn a_token_of_the_programs_own_key_is_accepted_and_one_of_another_key_is_not() {
    let running = running().await;
    let token = running.sign(&es256()).unwrap();
    assert_eq!(status(&running, &token).await, 200);
    let world = World::real();
    let other = issuer::Key::open(None, &world).unwrap();
    let forged = token::sign_with_key(&other, &es256(), &world).unwrap();
    assert_eq!(status(&running, &forged).await, 403);
    assert_eq!(
        status(&running, &running.token("demo", "orders:read").unwrap()).await,
        200
    );
    running.stop().await;
}

#[tokio::test]
async fn the_key_set_is_published_without_the_private_half() {
    let running = running().await;
    let get = async |path: &str| -> Value {
        let url = format!("{}{path}", running.secrets_url);
        reqwest::get(url).await.unwrap().json().await.unwrap()
    };
    let configuration = get(issuer::CONFIGURATION_PATH).await;
    assert_eq!(configuration["issuer"], issuer::ISS);
    let address = configuration["jwks_uri"].as_str().unwrap();
    assert_eq!(
        address,
        format!("{}{}", running.secrets_url, issuer::JWKS_PATH)
    );
    let answer = reqwest::get(address).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/jwk-set+json");
    let set: Value = answer.json().await.unwrap();
    let key = set["keys"][0].as_object().unwrap();
    let members: Vec<&str> = key.keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    running.stop().await;
}

#[tokio::test]
async fn the_key_survives_a_restart_and_only_its_owner_can_read_it() {
    let directory = Directory::new();
    let first = start(kept_in(&directory)).await.unwrap();
    let token = first.sign(&es256()).unwrap();
    first.stop().await;
    let file = directory.0.join("issuer.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let second = start(kept_in(&directory)).await.unwrap();
    assert_eq!(status(&second, &token).await, 200);
    second.stop().await;
    std::fs::write(&file, r#"{"algorithm": "ES256", "private_key": "AAAA"}"#).unwrap();
    check_refused(start(kept_in(&directory)).await, &["issuer.json", "ES256"]);
}

#[tokio::test]
async fn the_issuer_that_signs_with_the_templates_secret_can_be_switched_off() {
    let with_secret = start(Options::in_memory()).await.unwrap();
    let token = with_secret.token("demo", "orders:read").unwrap();
    assert_eq!(status(&with_secret, &token).await, 200);
    with_secret.stop().await;
    let options = Options {
        parameters: vec![("LocalIssuer".to_owned(), "false".to_owned())],
        ..Options::in_memory()
    };
    let running = start(options).await.unwrap();
    let (_, authorizer) = running.template.function(Kind::Authorizer).unwrap();
    let issuers: Vec<Value> = serde_json::from_str(&authorizer.environment["ISSUERS"]).unwrap();
    let names: Vec<&Value> = issuers.iter().map(|issuer| &issuer["name"]).collect();
    assert_eq!(names, [issuer::NAME]);
    assert_eq!(status(&running, &token).await, 403);
    let signed = running.sign(&es256()).unwrap();
    assert_eq!(status(&running, &signed).await, 200);
    let error = running
        .token("demo", "orders:read")
        .unwrap_err()
        .to_string();
    assert!(error.contains("LocalIssuer=false"), "{error}");
    running.stop().await;
}

#[tokio::test]
async fn the_programs_issuer_is_added_to_the_given_ones() {
    let login = r#"{"name": "login", "iss": "https://login.example", "audiences": ["surefire"],
        "algorithms": ["RS256"], "keys": {"jwks_url": "https://login.example/keys"}}"#;
    let options = Options {
        parameters: vec![(issuer::PARAMETER.to_owned(), login.to_owned())],
        ..Options::in_memory()
    };
    let running = start(options).await.unwrap();
    let (_, authorizer) = running.template.function(Kind::Authorizer).unwrap();
    let issuers: Vec<Value> = serde_json::from_str(&authorizer.environment["ISSUERS"]).unwrap();
    let names: Vec<&Value> = issuers.iter().map(|issuer| &issuer["name"]).collect();
    assert_eq!(names, ["local", "login", issuer::NAME]);
    running.stop().await;
}

#[tokio::test]
async fn after_a_rotation_no_token_is_denied_until_the_overlap_ends() {
    let clock = Arc::new(AtomicI64::new(START));
    let read = Arc::clone(&clock);
    let world = World::real()
        .with_clock(move || Timestamp::from_second(read.load(Ordering::Relaxed)).unwrap());
    let running = start(Options {
        world: world.clone(),
        schedules: false,
        ..Options::in_memory()
    })
    .await
    .unwrap();
    let issuer = Issuer::of(&running.template).unwrap();
    let value = |stage: &str| {
        let secret = running.secrets.find(&issuer.secret_id).unwrap();
        secret.staged(stage).map(|version| version.value.clone())
    };
    let day = Request {
        ttl: Duration::from_hours(24),
        ..Request::new("orders:read")
    };
    let signed_with = |secret: &str| issuer.sign(secret, &day, &world).unwrap();
    let at = |second: i64| clock.store(START + second, Ordering::Relaxed);

    let before = running.sign(&day).unwrap();
    assert_eq!(status(&running, &before).await, 200);
    at(5);
    let new = "another secret of more than thirty-two bytes";
    running.secrets.put(&issuer.secret_id, new, None).unwrap();
    let old = value(PREVIOUS).unwrap();
    assert_eq!(value(CURRENT).as_deref(), Some(new));

    // The authorizer has not read the new value. The issuer still signs with the old one.
    assert_eq!(status(&running, &signed_with(new)).await, 403);
    assert_eq!(status(&running, &running.sign(&day).unwrap()).await, 200);
    assert_eq!(status(&running, &before).await, 200);
    // A token that it cannot verify makes the authorizer read the secret again, after a pause.
    at(10);
    assert_eq!(status(&running, &signed_with(new)).await, 200);
    assert_eq!(status(&running, &before).await, 200);
    // The authorizer has read the new value when the issuer begins to sign with it.
    at(5 + 300);
    let token = running.sign(&day).unwrap();
    assert_eq!(status(&running, &token).await, 200);
    assert_eq!(status(&running, &signed_with(new)).await, 200);
    assert_eq!(status(&running, &before).await, 200);

    // Tokens of the old value are denied from the second in which the overlap ends.
    at(23 * HOUR);
    let outliving = signed_with(&old);
    at(5 + 24 * HOUR - 1);
    assert_eq!(status(&running, &outliving).await, 200);
    at(5 + 24 * HOUR);
    assert_eq!(status(&running, &outliving).await, 403);
    assert_eq!(status(&running, &running.sign(&day).unwrap()).await, 200);
    running.stop().await;
}
