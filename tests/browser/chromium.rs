//! Finds the browser, starts it with its own profile, and always ends it.

use std::io::{BufRead as _, BufReader};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use futures::FutureExt as _;
use serde_json::{Value, json};
use shared::world::World;

/// The program names of the browser on different systems.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

const DRIVER: &str = "chromedriver";

/// The command that installs a missing program. A test that cannot run fails and names it.
const INSTALL: &str = "apt-get install -y chromium chromium-driver";

/// The longest time that a script in a page may take. No script needs that long, even on a busy
/// machine.
const SCRIPT_MILLISECONDS_MAX: u32 = 120_000;

const ARGUMENTS: [&str; 9] = [
    "--headless",
    // Chromium's sandbox does not run as root, nor in many containers.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Containers give little shared memory.
    "--disable-dev-shm-usage",
];

/// Calls the API from the page: `{url, options}` in, the answer or `{blocked}` out.
const CALL: &str = r"
    const [request, done] = arguments;
    fetch(request.url, request.options).then(
        async (response) => done({
            status: response.status,
            headers: Object.fromEntries(response.headers),
            body: await response.text(),
        }),
        (error) => done({blocked: error.name}),
    );
";

/// WebDriver's codes of keys.
pub(super) const TAB: &str = "\u{e004}";
pub(super) const ENTER: &str = "\u{e007}";
pub(super) const SPACE: &str = " ";
pub(super) const UP: &str = "\u{e013}";

/// A browser with one page.
///
/// It uses the few commands of WebDriver (<https://www.w3.org/TR/webdriver2/>) that the tests need.
pub(super) struct Page {
    http: reqwest::Client,
    /// The session's URL at the driver.
    session: String,
}

/// Runs a test in its own browser, and ends the browser even if the test fails.
pub(super) async fn browser(test: impl AsyncFnOnce(&Page)) {
    let browser = find(&BROWSERS).unwrap_or_else(|missing| panic!("{missing}"));
    let profile = Profile::new();
    let driver = Driver::start(DRIVER).unwrap_or_else(|missing| panic!("{missing}"));
    let page = Page::start(&driver, &browser, &profile).await;
    let ended = AssertUnwindSafe(test(&page)).catch_unwind().await;
    // The driver alone would not end the browser.
    page.end().await;
    if let Err(panic) = ended {
        resume_unwind(panic);
    }
}

/// The path of the first of these programs that is installed.
fn find(names: &[&str]) -> Result<String, String> {
    let path = |name: &&str| {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$0\"", name])
            .output();
        let found = found.ok().filter(|found| found.status.success())?;
        let path = String::from_utf8(found.stdout).ok()?;
        Some(path.trim().to_owned())
    };
    let found = names.iter().find_map(path);
    found.ok_or_else(|| missing(names))
}

fn missing(names: &[&str]) -> String {
    format!(
        "the browser tests need {}; install it with: {INSTALL}",
        names.join(" or ")
    )
}

/// The driver's process.
struct Driver {
    url: String,
    process: Child,
    // The pipe stays open, because the driver must be able to write to it.
    _output: BufReader<ChildStdout>,
}

/// How often the driver is started until it has a port.
const STARTS_MAX: usize = 20;

impl Driver {
    /// Starts the driver on a free port. It takes one that is free for IPv6 and then also wants it for IPv4, where
    /// another test may have it. It ends then, and is started again.
    fn start(name: &str) -> Result<Self, String> {
        let mut said = String::new();
        for _ in 0..STARTS_MAX {
            match Self::start_once(name)? {
                Ok(driver) => return Ok(driver),
                Err(last_words) => said = last_words,
            }
            if !said.contains("port not available") {
                break;
            }
        }
        Err(format!("{name} ended while it started: {said}"))
    }

    /// Starts the driver, or returns what it said before it ended.
    fn start_once(name: &str) -> Result<Result<Self, String>, String> {
        let started = Command::new(name)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = started.map_err(|_| missing(&[name]))?;
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap() == 0 {
                process.wait().unwrap();
                return Ok(Err(said));
            }
            if let Some((_, port)) = line.trim_end().split_once("started successfully on port ") {
                let url = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
                return Ok(Ok(Self {
                    url,
                    process,
                    _output: output,
                }));
            }
            said.push_str(&line);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A directory for the browser's profile. It is removed when the value is dropped.
struct Profile(PathBuf);

impl Profile {
    fn new() -> Self {
        let mut bytes = [0; 8];
        World::real().fill(&mut bytes);
        let name = format!("surefire-browser-{:016x}", u64::from_be_bytes(bytes));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Sends a command. The driver describes an error in the body of its answer.
async fn command(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let answered = request.send().await.map_err(|error| error.to_string())?;
    let succeeded = answered.status().is_success();
    let mut body: Value = answered.json().await.map_err(|error| error.to_string())?;
    let value = body["value"].take();
    if succeeded {
        Ok(value)
    } else {
        Err(value.to_string())
    }
}

/// The result of a page's `fetch`.
#[derive(Debug)]
pub(super) struct Fetched(Value);

impl Page {
    async fn start(driver: &Driver, browser: &str, profile: &Profile) -> Self {
        let profile = format!("--user-data-dir={}", profile.0.display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([profile.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": browser, "args": arguments},
            "timeouts": {"script": SCRIPT_MILLISECONDS_MAX},
        }}});
        let http = reqwest::Client::new();
        let url = format!("{}/session", driver.url);
        let started = command(http.post(&url).json(&wanted)).await;
        let started = started.unwrap_or_else(|error| {
            panic!(
                "{browser} does not start; {DRIVER} may have another version ({INSTALL}): {error}"
            )
        });
        let id = started["sessionId"].as_str().unwrap();
        Self {
            session: format!("{url}/{id}"),
            http,
        }
    }

    async fn end(&self) {
        let ended = command(self.http.delete(&self.session)).await;
        ended.unwrap_or_else(|error| panic!("the browser does not end: {error}"));
    }

    async fn command(&self, name: &str, body: &Value) -> Value {
        let url = format!("{}/{name}", self.session);
        let answered = command(self.http.post(url).json(body)).await;
        answered.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Opens a URL and waits until its scripts have run.
    pub(super) async fn open(&self, url: &str) {
        self.command("url", &json!({"url": url})).await;
    }

    /// Gives the page the screen of a phone of this width, in CSS pixels.
    pub(super) async fn be_a_phone(&self, width: u32) {
        let screen = json!({"width": width, "height": 844, "deviceScaleFactor": 2, "mobile": true});
        let body = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": screen});
        self.command("goog/cdp/execute", &body).await;
    }

    /// Takes the page's network away, or gives it back.
    pub(super) async fn be_offline(&self, offline: bool) {
        let network = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        for (name, params) in [
            ("Network.enable", json!({})),
            ("Network.emulateNetworkConditions", network),
        ] {
            let body = json!({"cmd": name, "params": params});
            self.command("goog/cdp/execute", &body).await;
        }
    }

    /// Runs a script that calls its last argument with the result.
    pub(super) async fn run(&self, script: &str, argument: Value) -> Value {
        let body = json!({"script": script, "args": [argument]});
        self.command("execute/async", &body).await
    }

    /// Runs a script as [`Page::run`]. An error says why it has no result, such as that the page was left.
    pub(super) async fn try_run(&self, script: &str, argument: Value) -> Result<Value, String> {
        let body = json!({"script": script, "args": [argument]});
        let url = format!("{}/execute/async", self.session);
        command(self.http.post(url).json(&body)).await
    }

    /// Presses keys one after the other: a character each, or one of WebDriver's codes such as [`TAB`].
    pub(super) async fn press(&self, keys: &str) {
        let stroke =
            |key: char| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}));
        let strokes: Vec<Value> = keys.chars().flat_map(stroke).collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.command("actions", &json!({"actions": [keyboard]}))
            .await;
    }

    /// Goes back, as the browser's button does.
    pub(super) async fn back(&self) {
        self.command("back", &json!({})).await;
    }

    /// The tab in which the other commands act.
    pub(super) async fn tab(&self) -> String {
        let url = format!("{}/window", self.session);
        let tab = command(self.http.get(url)).await.unwrap();
        tab.as_str().unwrap().to_owned()
    }

    /// Opens a tab and acts in it from now on.
    pub(super) async fn new_tab(&self) {
        let opened = self.command("window/new", &json!({"type": "tab"})).await;
        self.command("window", &json!({"handle": opened["handle"]}))
            .await;
    }

    /// Closes another tab, and acts in the present one again.
    pub(super) async fn close_tab(&self, other: &str) {
        let present = self.tab().await;
        self.command("window", &json!({"handle": other})).await;
        let url = format!("{}/window", self.session);
        command(self.http.delete(url)).await.unwrap();
        self.command("window", &json!({"handle": present})).await;
    }

    /// Calls the API from the page.
    pub(super) async fn fetch(&self, url: &str, options: Value) -> Fetched {
        let request = json!({"url": url, "options": options});
        Fetched(self.run(CALL, request).await)
    }
}

impl Fetched {
    /// Whether the browser hid the answer from the page, which then gets only a `TypeError`.
    pub(super) fn is_blocked(&self) -> bool {
        self.0["blocked"] == "TypeError"
    }

    #[track_caller]
    pub(super) fn assert(&self, status: u16) -> &Self {
        assert_eq!(self.0["status"], status, "{self:?}");
        self
    }

    /// A header, if the page may read it.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.0["headers"][name].as_str()
    }

    /// The names of all headers that the page may read.
    pub(super) fn header_names(&self) -> Vec<&str> {
        let headers = self.0["headers"].as_object().unwrap();
        headers.keys().map(String::as_str).collect()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(self.0["body"].as_str().unwrap()).unwrap()
    }
}

#[test]
fn the_error_for_a_missing_browser_names_the_command_that_installs_it() {
    let browser = find(&["no-such-browser"]).unwrap_err();
    let driver = Driver::start("no-such-driver").map(drop).unwrap_err();
    for (answer, name) in [(browser, "no-such-browser"), (driver, "no-such-driver")] {
        assert!(answer.contains(name), "{answer}");
        assert!(answer.ends_with(INSTALL), "{answer}");
    }
}
