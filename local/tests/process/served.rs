//! Starts the program on a data directory of a test, and kills it at the end.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aws_sdk_dynamodb::Client;
use serde_json::Value;
use template::{Kind, Place, Template};

use crate::books::{self, Item};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_surefire");

/// A directory for one test, removed afterwards.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("surefire-{name}-{}", std::process::id()));
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the log of the program that runs last is.
    fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The running program; killed when it goes out of scope.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) url: String,
    /// A token of the demo customer, who may also do what the staff may.
    pub(crate) token: String,
    log: PathBuf,
}

impl Drop for Served {
    fn drop(&mut self) {
        // SIGKILL: the program has no time to clean up.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the program, with a Redis at a URL if there is one.
pub(crate) fn serve(directory: &Directory, redis: Option<&str>) -> Served {
    std::fs::create_dir_all(directory.path()).unwrap();
    let mut command = Command::new(PROGRAM);
    command
        .args(["serve", "--no-throttle", "--listen", "127.0.0.1:0"])
        .arg("--data")
        .arg(directory.path());
    if let Some(url) = redis {
        command.args(["--redis", url]);
    }
    let mut child = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(File::create(directory.log()).unwrap())
        .spawn()
        .unwrap();
    let banner = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = banner
        .map(Result::unwrap)
        .find_map(|line| Some(line.trim().strip_prefix("Surefire")?.trim().to_owned()));
    let url = address.unwrap_or_else(|| {
        let said = std::fs::read_to_string(directory.log()).unwrap_or_default();
        panic!("the banner names no address: {said}")
    });
    Served {
        child,
        url,
        token: token(directory.path()),
        log: directory.log(),
    }
}

fn token(data: &Path) -> String {
    let output = Command::new(PROGRAM)
        .args(["token", "--data"])
        .arg(data)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Served {
    /// All items of the orders table, read from the program's database.
    pub(crate) async fn items(&self, directory: &Directory) -> Vec<Item> {
        let endpoints = std::fs::read(directory.path().join("endpoints.json")).unwrap();
        let endpoints: Value = serde_json::from_slice(&endpoints).unwrap();
        let template = Template::read(template::SHIPPED, []).unwrap();
        let (_, orders) = template.function(Kind::Orders).unwrap();
        let client: Client =
            database::client(endpoints["dynamodb"].as_str().unwrap(), &Place::default());
        books::items(client, &orders.environment["TABLE_NAME"]).await
    }

    /// The values of a metric so far: one for each line of the log that has it.
    pub(crate) fn metric(&self, name: &str) -> Vec<f64> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter_map(|line| line.get(name)?.as_f64()).collect()
    }
}
