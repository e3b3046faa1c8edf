//! Alerts of the running program: where messages appear, and that no output contains a webhook's
//! token.
#![cfg(test)]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use discord::Discord;
use discord::fault::{Fault, RetryAfter};

const PROGRAM: &str = env!("CARGO_BIN_EXE_surefire");
const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/alerts");
const TOKEN: &str = "hunter2-hunter2-hunter2";
/// The token of the program's own webhook.
const OWN_TOKEN: &str = "local-webhook-token";
/// What the message of `metric-alarm.json` begins with.
const TITLE: &str = "🔴 ALARM · surefire-orders-errors";

/// A directory for one test, removed afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("surefire-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A Discord outside the program, and the URL of its webhook.
async fn elsewhere() -> (Arc<Discord>, String) {
    let discord = Discord::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/api/webhooks/7/{TOKEN}",
        listener.local_addr().unwrap()
    );
    let router = discord::router(Arc::clone(&discord));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (discord, url)
}

fn sample(name: &str) -> String {
    format!("{EVENTS}/{name}.json")
}

/// The program with its most detailed log.
fn program(command: &str, data: &Path) -> Command {
    let mut program = Command::new(PROGRAM);
    program
        .args([command, "--data"])
        .arg(data)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUST_LOG", "trace");
    program
}

/// Runs `invoke` to its end, and searches its output for tokens.
async fn invoke(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = program("invoke", data)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        // A program that refused its arguments does not read its input.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    for written in [&output.stdout, &output.stderr] {
        contains_no_token(&String::from_utf8_lossy(written));
    }
    output
}

#[track_caller]
fn contains_no_token(text: &str) {
    for token in [TOKEN, OWN_TOKEN] {
        let line = text.lines().find(|line| line.contains(token));
        assert_eq!(line, None, "the output contains a webhook's token");
    }
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invoke_posts_a_file_or_a_stream_to_the_given_webhook() {
    let directory = Directory::new("alerts-invoke");
    let (discord, url) = elsewhere().await;
    let alarm = sample("metric-alarm");
    let first = &["alert-forwarder", "--discord", &url, &alarm];
    // Twice: a new run does not remember what an earlier one sent.
    for sent in 1..=2 {
        let output = invoke(&directory.0, first, "").await;
        assert!(output.status.success(), "{output:?}");
        assert_eq!(lines(&output.stdout), [r#"{"batchItemFailures":[]}"#]);
        assert_eq!(discord.messages().len(), sent);
    }
    assert!(discord.messages()[0].line().starts_with(TITLE));
    assert!(discord.calls()[0].query.contains("wait=true"));

    let [first, second] = ["metric-alarm", "alarm-direct"]
        .map(|name| std::fs::read_to_string(sample(name)).unwrap())
        .map(|event| event.replace('\n', " ") + "\n");
    // The samples are of one alarm, and the second one would tell nothing new.
    let stream = first + &second.replace("surefire-orders-errors", "surefire-orders-slow");
    let output = invoke(
        &directory.0,
        &["alert-forwarder", "--discord", &url, "-"],
        &stream,
    )
    .await;
    assert!(output.status.success(), "{output:?}");
    let answers = lines(&output.stdout);
    assert_eq!(
        answers,
        [
            r#"{"batchItemFailures":[]}"#,
            r#"{"delivered":1,"suppressed":0}"#
        ]
    );
    assert_eq!(discord.messages().len(), 4);
    assert!(!directory.file("endpoints.json").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_of_the_given_webhook_is_reported_without_its_token() {
    let directory = Directory::new("alerts-failing");
    let (discord, url) = elsewhere().await;
    let limited = Fault::Limited {
        retry_after: RetryAfter::Integer(600),
        global: false,
        shared: false,
    };
    let alarm = sample("metric-alarm");
    for fault in [limited, Fault::Status(500), Fault::Forbid, Fault::Drop] {
        discord.script(move |_| Some(fault.clone()));
        let output = invoke(
            &directory.0,
            &["alert-forwarder", "--discord", &url, &alarm],
            "",
        )
        .await;
        let answer = String::from_utf8(output.stdout).unwrap();
        assert!(answer.contains("itemIdentifier"), "{answer}");
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(log.contains("handed back"), "{log}");
        assert!(
            log.contains("\"TRACE\""),
            "the log is not at its most detailed"
        );
    }
    // Nothing listens at the URL, and the invocation fails as a whole.
    let nobody = format!("http://127.0.0.1:1/api/webhooks/7/{TOKEN}");
    let direct = sample("alarm-direct");
    let output = invoke(
        &directory.0,
        &["alert-forwarder", "--discord", &nobody, &direct],
        "",
    )
    .await;
    assert_eq!(output.status.code(), Some(1));
    let error = lines(&output.stderr).pop().unwrap();
    assert!(
        error.starts_with("surefire: the function failed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_url_that_is_not_a_webhooks_is_refused_in_one_line_without_the_url() {
    let directory = Directory::new("alerts-refused");
    let alarm = sample("metric-alarm");
    let refused = [
        (
            format!("https://discord.com/channels/7/{TOKEN}"),
            "is not of the form",
        ),
        (
            format!("http://discord.com/api/webhooks/7/{TOKEN}"),
            "is not https",
        ),
        (TOKEN.to_owned(), "is not a URL"),
        (
            "https://discord.com/api/webhooks/0/put-the-real-one-here".to_owned(),
            "placeholder",
        ),
    ];
    for (url, reason) in &refused {
        let named = ["alert-forwarder", "--discord", url, &alarm];
        let invoked = invoke(&directory.0, &named, "").await;
        let served = program("serve", &directory.0)
            .args(["--listen", "127.0.0.1:0"])
            .args(["--discord", url])
            .output()
            .unwrap();
        for output in [invoked, served] {
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(
                error.starts_with("surefire: --discord: the URL "),
                "{error}"
            );
            assert!(error.contains(reason), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
            assert!(!error.contains(url), "{error}");
            assert!(output.stdout.is_empty());
        }
    }
    let (_, url) = elsewhere().await;
    let output = invoke(&directory.0, &["orders", "--discord", &url, &alarm], "").await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        error,
        "surefire: --discord is for the alert forwarder: orders posts nothing\n"
    );
    let help = invoke(&directory.0, &["--help"], "").await;
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("--discord <URL>"), "{help}");
}

/// A server whose log goes to a file; killed when it goes out of scope.
struct Served {
    child: Child,
    banner: String,
    log: PathBuf,
}

impl Served {
    fn start(directory: &Directory, arguments: &[&str]) -> Self {
        let log = directory.file("log");
        let mut child = program("serve", &directory.0)
            // Messages of the alarms themselves would come between those of the tests.
            .args(["--listen", "127.0.0.1:0", "--no-seed", "--no-watch"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut banner = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            banner += &(line.unwrap() + "\n");
            if banner.contains("Ctrl-C") {
                break;
            }
        }
        Self { child, banner, log }
    }

    fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The banner's line about Discord.
    fn page(&self) -> String {
        let mut lines = self.banner.lines();
        let line = lines.find_map(|line| line.trim().strip_prefix("Discord"));
        line.unwrap().trim().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_appears_in_the_servers_log_and_on_its_page() {
    let directory = Directory::new("alerts-served");
    let served = Served::start(&directory, &[]);
    let alarm = sample("metric-alarm");
    let output = invoke(&directory.0, &["alert-forwarder", &alarm], "").await;
    assert!(output.status.success(), "{output:?}");
    let page = reqwest::get(served.page()).await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains(TITLE), "{page}");
    assert!(served.logged().contains(TITLE));
    assert!(
        served.logged().contains("\"TRACE\""),
        "the log is not at its most detailed"
    );
    contains_no_token(&served.logged());
    contains_no_token(&served.banner);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_invoke_logs_the_message_itself() {
    let directory = Directory::new("alerts-alone");
    let alarm = sample("metric-alarm");
    let output = invoke(&directory.0, &["alert-forwarder", &alarm], "").await;
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains(TITLE), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_posts_to_the_given_webhook_and_never_prints_its_token() {
    let directory = Directory::new("alerts-serve-discord");
    let (discord, url) = elsewhere().await;
    let served = Served::start(&directory, &["--discord", &url]);
    assert_eq!(served.page(), "alerts go to the webhook of --discord");
    for (name, fault) in [
        ("metric-alarm", None),
        ("metric-math", Some(Fault::Drop)),
        ("anomaly-band", Some(Fault::Forbid)),
    ] {
        discord.fail(fault);
        invoke(&directory.0, &["alert-forwarder", &sample(name)], "").await;
    }
    assert_eq!(
        discord.calls().len(),
        4,
        "the second was tried again, the third was not"
    );
    assert!(discord.messages()[0].line().starts_with(TITLE));
    contains_no_token(&served.logged());
    contains_no_token(&served.banner);
}
