//! `surefire audit` as a process, on the table of a running server.
#![cfg(test)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_surefire");

/// A running server with a data directory of its own. Both are gone when it goes out of scope.
struct Served {
    child: Child,
    data: PathBuf,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

impl Served {
    fn start() -> Self {
        let data = std::env::temp_dir().join(format!("surefire-audit-{}", std::process::id()));
        let mut child = surefire("serve", &data)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut banner = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_up = banner.any(|line| line.unwrap().trim().starts_with("Surefire"));
        assert!(is_up, "the server did not start");
        Self { child, data }
    }

    /// Ends as the program does, with what it printed.
    fn audit(&self, flags: &[&str]) -> (bool, String) {
        let output = surefire("audit", &self.data).args(flags).output().unwrap();
        let mut page = String::from_utf8(output.stdout).unwrap();
        page += std::str::from_utf8(&output.stderr).unwrap();
        (output.status.success(), page)
    }

    /// The database and its table, as `surefire env` says them.
    fn database(&self) -> (Client, String) {
        let output = surefire("env", &self.data)
            .arg("orders-auditor")
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let variable = |name: &str| {
            let value = printed.lines().find_map(|line| {
                let (before, value) = line.split_once('=')?;
                before.ends_with(name).then(|| value.trim_matches('\''))
            });
            value.map_or_else(|| panic!("no {name}: {printed}"), str::to_owned)
        };
        let endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB");
        (
            database::client(&endpoint, &template::Place::default()),
            variable("TABLE_NAME"),
        )
    }
}

fn surefire(command: &str, data: &Path) -> Command {
    let mut program = Command::new(PROGRAM);
    program
        .args([command, "--data"])
        .arg(data)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    program
}

/// What the page has after an option, in single quotes.
fn option<'page>(page: &'page str, name: &str) -> &'page str {
    let (_, rest) = page.split_once(&format!("--{name} '")).expect(page);
    rest.split_once('\'').expect(page).0
}

/// Attributes as the AWS CLI takes them.
fn attributes(json: &str) -> HashMap<String, AttributeValue> {
    let json: Value = serde_json::from_str(json).unwrap();
    let attribute = |(name, value): (&String, &Value)| {
        let text = |kind: &str| value[kind].as_str().map(str::to_owned);
        let value = text("S").map(AttributeValue::S);
        let value = value.or_else(|| text("N").map(AttributeValue::N));
        (name.clone(), value.expect(name))
    };
    json.as_object().unwrap().iter().map(attribute).collect()
}

#[tokio::test]
async fn wrong_stock_is_named_and_the_printed_command_makes_it_right_once() {
    let served = Served::start();
    let (client, table) = served.database();
    let (is_right, page) = served.audit(&[]);
    assert!(
        is_right && page.starts_with("The books are right."),
        "{page}"
    );

    let stock = r#"{"pk": {"S": "SKU#TEA-01"}, "sk": {"S": "STOCK#0"}}"#;
    let spoil = client.update_item().table_name(&table);
    let spoil = spoil.set_key(Some(attributes(stock)));
    let spoil = spoil.update_expression("ADD available :one");
    let spoil = spoil.expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
    spoil.send().await.unwrap();

    let (is_right, page) = served.audit(&["--repair"]);
    assert!(!is_right, "{page}");
    assert!(
        page.starts_with("product TEA-01: stock-does-not-add-up\n"),
        "{page}"
    );
    assert!(page.contains("docs/runbook.md"), "{page}");
    // It only printed the adjustment.
    let (is_right, again) = served.audit(&["--repair"]);
    assert!(!is_right, "{again}");

    let repair = || {
        let update = client.update_item().table_name(&table);
        let update = update.set_key(Some(attributes(option(&page, "key"))));
        let update = update.update_expression(option(&page, "update-expression"));
        let update = update.condition_expression(option(&page, "condition-expression"));
        let values = attributes(option(&page, "expression-attribute-values"));
        update.set_expression_attribute_values(Some(values)).send()
    };
    repair().await.unwrap();
    let (is_right, after) = served.audit(&[]);
    assert!(
        is_right && after.starts_with("The books are right."),
        "{after}"
    );
    let twice = repair().await.unwrap_err().into_service_error();
    assert!(twice.is_conditional_check_failed_exception(), "{twice:?}");
}
