//! Where the program gets its credentials from, and that it gets new ones while it runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use local::serve::Running;
use serde_json::json;

use super::{check, environment, host, local};

/// A stand-in for the endpoint that gives a container its credentials. They expire at once, so a
/// client asks again for its next request.
pub(crate) async fn container_credentials() -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let answer = move |headers: HeaderMap| {
        let counter = Arc::clone(&counter);
        async move {
            if headers
                .get("authorization")
                .is_none_or(|value| value != "the-pods-token")
            {
                return (StatusCode::UNAUTHORIZED, String::new());
            }
            let number = counter.fetch_add(1, Ordering::Relaxed);
            let body = json!({
                "AccessKeyId": format!("container-{number}"),
                "SecretAccessKey": "secret",
                "Token": "session",
                "Expiration": "2020-01-01T00:00:00Z",
            });
            (StatusCode::OK, body.to_string())
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/credentials", listener.local_addr().unwrap());
    let app = Router::new().route("/v1/credentials", get(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, asked)
}

/// The environment of a container, whose credentials are not in it.
pub(crate) fn without_keys(running: &Running, url: &str) -> BTreeMap<String, String> {
    let mut environment = environment(running);
    environment.remove("AWS_ACCESS_KEY_ID");
    environment.remove("AWS_SECRET_ACCESS_KEY");
    let mut set = |name: &str, value: &str| environment.insert(name.to_owned(), value.to_owned());
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the-pods-token");
    environment
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_credentials_of_a_container_are_fetched_again_before_they_expire() {
    let running = local().await;
    let (url, asked) = container_credentials().await;
    let hosted = host(&without_keys(&running, &url)).ready().await;
    let before = asked.load(Ordering::Relaxed);
    assert_ne!(before, 0);
    let products = reqwest::get(format!("{}/products/TEA-01", hosted.url)).await;
    assert_eq!(products.unwrap().status(), 200);
    assert!(before < asked.load(Ordering::Relaxed));
    drop(hosted);
    running.stop().await;
}

/// A stand-in for the service that changes a pod's token into credentials. They expire at once. It takes one
/// token, and refuses all others as expired.
async fn token_service() -> (String, Arc<Mutex<Exchanges>>) {
    let exchanges = Arc::new(Mutex::new(Exchanges::default()));
    let seen = Arc::clone(&exchanges);
    let answer = move |body: String| {
        let mut seen = seen.lock().unwrap();
        seen.asked += 1;
        let sent = |part: &str| body.split('&').any(|own| own == part);
        assert!(sent("Action=AssumeRoleWithWebIdentity"), "{body}");
        assert!(
            sent("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fpod"),
            "{body}"
        );
        let answer = if sent(&format!("WebIdentityToken={}", seen.valid)) {
            seen.given += 1;
            let number = seen.given;
            (
                StatusCode::OK,
                format!(
                    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>pod-{number}</AccessKeyId>\
                 <SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>\
                 <Expiration>2020-01-01T00:00:00Z</Expiration></Credentials>\
                 </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
                ),
            )
        } else {
            (
                StatusCode::BAD_REQUEST,
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                <Error><Type>Sender</Type><Code>ExpiredTokenException</Code>\
                <Message>Token expired</Message></Error></ErrorResponse>"
                    .to_owned(),
            )
        };
        async move { answer }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, exchanges)
}

/// What the token service takes, and what it has done.
#[derive(Default)]
struct Exchanges {
    valid: String,
    asked: usize,
    given: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pods_token_is_read_again_and_changed_into_credentials_while_the_program_runs() {
    let running = local().await;
    let (url, exchanges) = token_service().await;
    let file = format!("pod-token-{}", std::process::id());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    let mut environment = environment(&running);
    environment.remove("AWS_ACCESS_KEY_ID");
    environment.remove("AWS_SECRET_ACCESS_KEY");
    for (name, value) in [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
        ("AWS_ENDPOINT_URL_STS", &url),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    std::fs::write(&file, "first").unwrap();
    exchanges.lock().unwrap().valid = "first".to_owned();
    let hosted = host(&environment).ready().await;
    let product = async || {
        let answer = reqwest::get(format!("{}/products/TEA-01", hosted.url)).await;
        answer.unwrap().status().as_u16()
    };
    let before = exchanges.lock().unwrap().given;
    assert_eq!(product().await, 200);
    assert!(
        before < exchanges.lock().unwrap().given,
        "asked again before they expire"
    );
    // The token has expired, and Kubernetes has not written the next one yet.
    exchanges.lock().unwrap().valid = "second".to_owned();
    let asked = exchanges.lock().unwrap().asked;
    assert_eq!(product().await, 503);
    assert!(asked < exchanges.lock().unwrap().asked);
    // The program starts no more either, and says why.
    let (lines, passed) = check(&environment).await;
    assert!(!passed, "{lines}");
    let line = lines
        .lines()
        .find(|line| line.starts_with("FAILED  credentials: "));
    assert!(
        line.is_some_and(|line| line.contains("Token expired")),
        "{lines}"
    );
    assert!(!lines.contains("first"), "a token is in the output");
    // Kubernetes writes it, and the program goes on without a restart.
    std::fs::write(&file, "second").unwrap();
    assert_eq!(product().await, 200);
    std::fs::remove_file(&file).unwrap();
    drop(hosted);
    running.stop().await;
}
