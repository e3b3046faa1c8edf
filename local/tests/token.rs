//! `surefire token --secret-id` as a process, with the environment and the files of the AWS CLI.
#![cfg(test)]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use local::secrets::CURRENT;
use local::serve::{Options, Running, start};
use local::token::Issuer;
use serde_json::{Value, json};
use shared::world::World;

const PROGRAM: &str = env!("CARGO_BIN_EXE_surefire");

const ARN: &str = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:SigningSecret-abc123";

/// A value that is long enough for every algorithm, and that no output may contain.
const VALUE: &str = "hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-";

/// A home directory for one test, removed afterwards.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("surefire-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join(".aws")).unwrap();
        Self(path)
    }

    fn with_config(self, text: &str) -> Self {
        std::fs::write(self.0.join(".aws/config"), text).unwrap();
        self
    }

    /// Runs `surefire token` with these variables, and none of the test's own.
    fn token(&self, id: &str, flags: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(PROGRAM)
            .args(["token", "--secret-id", id])
            .args(flags)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.0)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "1")
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The variables of a signed-in user, for a Secrets Manager at a URL.
fn signed_in(url: &str) -> [(&str, &str); 3] {
    [
        ("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url),
    ]
}

#[track_caller]
fn printed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{error}");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.lines().count(), 1);
    text.trim_end().to_owned()
}

/// The one line that a failure prints.
#[track_caller]
fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    error
}

/// Whether a token was signed with a secret's value.
fn is_signed_with(token: &str, value: &str) -> bool {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_aud = false;
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(value.as_bytes());
    jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok()
}

/// The id of the secret that a running API's authorizer reads.
fn secret_id(running: &Running) -> String {
    Issuer::of(&running.template).unwrap().secret_id
}

fn current(running: &Running) -> String {
    let secret = running.secrets.find(&secret_id(running)).unwrap();
    secret.staged(CURRENT).unwrap().value.clone()
}

async fn status_of_a_read(running: &Running, token: &str) -> u16 {
    let url = format!("{}/orders", running.url());
    let request = reqwest::Client::new().get(url).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authorizer_accepts_a_token_of_its_secret() {
    let running = start(Options::in_memory()).await.unwrap();
    let home = Home::new("accepted");
    let id = secret_id(&running);
    let variables = signed_in(&running.secrets_url);
    for flags in [
        &[][..],
        &["--alg", "HS384"],
        &["--alg", "HS512", "--ttl", "5m"],
    ] {
        let token = printed(&home.token(&id, flags, &variables));
        assert_eq!(status_of_a_read(&running, &token).await, 200, "{flags:?}");
    }
    let narrow = printed(&home.token(&id, &["--scope", "stock:write"], &variables));
    assert_eq!(status_of_a_read(&running, &narrow).await, 403);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rotation_the_old_value_signs_until_every_authorizer_has_read_the_new_one() {
    let running = start(Options::in_memory()).await.unwrap();
    let home = Home::new("rotated");
    let (id, old) = (secret_id(&running), current(&running));
    let new = old.chars().rev().collect::<String>();
    running.secrets.put(&id, &new, None).unwrap();
    let token = printed(&home.token(&id, &[], &signed_in(&running.secrets_url)));
    assert!(is_signed_with(&token, &old));
    // The authorizer has read the secret before it was rotated.
    assert_eq!(status_of_a_read(&running, &token).await, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_minutes_after_a_rotation_the_new_value_signs() {
    #[expect(clippy::disallowed_methods, reason = "a clock that runs late")]
    let late = || Timestamp::now() - SignedDuration::from_mins(6);
    let options = Options {
        world: World::real().with_clock(late),
        ..Options::in_memory()
    };
    let running = start(options).await.unwrap();
    let home = Home::new("settled");
    let id = secret_id(&running);
    running.secrets.put(&id, VALUE, None).unwrap();
    let token = printed(&home.token(&id, &[], &signed_in(&running.secrets_url)));
    assert!(is_signed_with(&token, VALUE));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_placeholder_that_was_replaced_signs_no_token() {
    let running = start(Options::in_memory()).await.unwrap();
    let home = Home::new("placeholder");
    let id = secret_id(&running);
    for value in ["put-the-real-one-here", VALUE] {
        running.secrets.put(&id, value, None).unwrap();
    }
    let token = printed(&home.token(&id, &[], &signed_in(&running.secrets_url)));
    assert!(is_signed_with(&token, VALUE));
    running.stop().await;
}

/// A Secrets Manager that gives every caller the same answer, and remembers the callers.
struct Played {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn play(status: u16, answer: Value) -> Played {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let remember = Arc::clone(&asked);
    let answer = move |headers: HeaderMap| async move {
        let signature = headers["authorization"].to_str().unwrap();
        remember.lock().unwrap().push(signature.to_owned());
        let kind = [("content-type", "application/x-amz-json-1.1")];
        (
            StatusCode::from_u16(status).unwrap(),
            kind,
            answer.to_string(),
        )
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Played { url, asked }
}

/// A Secrets Manager with one secret of one version.
async fn play_value(value: &str) -> Played {
    play(
        200,
        json!({"ARN": ARN, "VersionId": "1", "SecretString": value}),
    )
    .await
}

impl Played {
    /// Whether the first caller signed with this access key for this region.
    fn was_asked_as(&self, key: &str, region: &str) -> bool {
        let asked = self.asked.lock().unwrap();
        let scope = format!("/{region}/secretsmanager/aws4_request");
        asked.first().is_some_and(|asked| {
            asked.contains(&format!("Credential={key}/")) && asked.contains(&scope)
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_region_of_an_arn_comes_before_that_of_the_environment() {
    let played = play_value(VALUE).await;
    let mut variables = signed_in(&played.url).to_vec();
    variables.push(("AWS_REGION", "eu-west-1"));
    let token = printed(&Home::new("region").token(ARN, &[], &variables));
    assert!(is_signed_with(&token, VALUE));
    assert!(played.was_asked_as("AKIDENVIRONMENT", "ap-northeast-2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_brings_region_credentials_and_endpoint() {
    let played = play_value(VALUE).await;
    let url = &played.url;
    let home = Home::new("profile").with_config(&format!(
        "[profile shop]\nregion = eu-north-1\naws_access_key_id = AKIDPROFILE\n\
         aws_secret_access_key = secret\nendpoint_url = {url}\n"
    ));
    let token = printed(&home.token("SigningSecret", &[], &[("AWS_PROFILE", "shop")]));
    assert!(is_signed_with(&token, VALUE));
    assert!(played.was_asked_as("AKIDPROFILE", "eu-north-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_may_name_a_program_that_prints_the_credentials() {
    let played = play_value(VALUE).await;
    let home = Home::new("program");
    let program = home.0.join("credentials.json");
    let printed_by_it =
        json!({"Version": 1, "AccessKeyId": "AKIDPROGRAM", "SecretAccessKey": "secret"});
    std::fs::write(&program, printed_by_it.to_string()).unwrap();
    let home = home.with_config(&format!(
        "[default]\ncredential_process = cat {}\n",
        program.display()
    ));
    let variables = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", played.url.as_str())];
    printed(&home.token(ARN, &[], &variables));
    assert!(played.was_asked_as("AKIDPROGRAM", "ap-northeast-2"));
}

#[test]
fn without_credentials_the_error_says_how_to_get_them() {
    let home = Home::new("nobody");
    for variables in [&[][..], &[("AWS_PROFILE", "nobody")]] {
        let error = said(&home.token(ARN, &[], variables));
        for words in [
            "no AWS credentials were found",
            "AWS_PROFILE",
            "export-credentials",
        ] {
            assert!(error.contains(words), "{error}");
        }
    }
}

#[test]
fn a_profile_with_single_sign_on_is_refused_with_the_command_that_helps() {
    let home = Home::new("sso").with_config(
        "[default]\nsso_start_url = https://sso.example\nsso_region = eu-west-1\n\
         sso_account_id = 123456789012\nsso_role_name = Admin\n",
    );
    let error = said(&home.token(ARN, &[], &[]));
    assert!(error.contains("cannot be used"), "{error}");
    assert!(error.contains("export-credentials"), "{error}");
}

#[test]
fn a_secret_without_a_region_and_an_arn_of_another_service_are_refused() {
    let variables = signed_in("http://127.0.0.1:1");
    let home = Home::new("nowhere");
    let error = said(&home.token("SigningSecret", &[], &variables));
    assert!(error.contains("no AWS region is known"), "{error}");
    let topic = "arn:aws:sns:eu-west-1:123456789012:alerts";
    let error = said(&home.token(topic, &[], &variables));
    assert!(error.contains("not the ARN of a secret"), "{error}");
}

#[test]
fn a_service_that_does_not_answer_is_reported_with_the_cause() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = said(&Home::new("silence").token(ARN, &[], &signed_in(&url)));
    for words in ["ap-northeast-2 gave no answer", "refused"] {
        assert!(error.contains(words), "{error}");
    }
}

/// The error about an answer of Secrets Manager.
async fn said_of(name: &str, flags: &[&str], status: u16, answer: Value) -> String {
    let played = play(status, answer).await;
    said(&Home::new(name).token(ARN, flags, &signed_in(&played.url)))
}

#[track_caller]
fn check(error: &str, words: &[&str]) {
    assert!(error.contains(ARN), "{error}");
    for words in words {
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_secrets_manager_is_one_line() {
    let of = async |name: &str, code: &str, message: &str| {
        let answer = json!({"__type": code, "Message": message});
        said_of(name, &[], 400, answer).await
    };
    let who = "User: arn:aws:iam::123456789012:user/ann is not authorized\nto perform it";
    check(
        &of("denied", "AccessDeniedException", who).await,
        &[
            "access is denied",
            "secretsmanager:GetSecretValue",
            "user/ann",
            "authorized to",
        ],
    );
    let missing = "Secrets Manager can't find the specified secret.";
    check(
        &of("missing", "ResourceNotFoundException", missing).await,
        &["no such secret in ap-northeast-2", missing],
    );
    let expired = "The security token included in the request is expired";
    check(
        &of("expired", "ExpiredTokenException", expired).await,
        &["does not accept the credentials", "export-credentials"],
    );
    let deleted =
        "You can't perform this operation on the secret because it was marked for deletion.";
    check(
        &of("deleted", "InvalidRequestException", deleted).await,
        &["InvalidRequestException", deleted],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_whose_tokens_no_authorizer_accepts_signs_no_token() {
    let of = async |name: &str, flags: &[&str], member: &str, value: &str| {
        let answer = json!({"ARN": ARN, "VersionId": "1", member: value});
        said_of(name, flags, 200, answer).await
    };
    let text = "SecretString";
    check(
        &of("binary", &[], "SecretBinary", "aHVudGVyMg==").await,
        &["binary"],
    );
    check(&of("short", &[], text, "hunter2").await, &["has 7 bytes"]);
    let json = r#"{"username": "ann", "password": "hunter2"}"#;
    check(
        &of("json", &[], text, json).await,
        &["without a list of `keys`"],
    );
    let long = "hunter2-".repeat(5);
    check(
        &of("long", &["--alg", "HS512"], text, &long).await,
        &["40 bytes, HS512 needs at least 64"],
    );
}
