//! The runbook fits the alarms, and what it says to type can be typed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use template::Stack;

use super::alarm::{Alarm, alarms, anchor, full};
use super::logged::{fields_of, of_query};
use super::names;
use super::transformed::program;

const PAGE: &str = include_str!("../../docs/runbook.md");

/// The pages that share shell functions with the runbook.
const DEPLOY: &str = include_str!("../../docs/deploy.md");

/// Sections that are not about one alarm.
const GENERAL: [&str; 2] = ["before-you-start", "restore-the-table"];

/// What each section about an alarm says.
const PARTS: [&str; 5] = [
    "**Means.**",
    "**Customers.**",
    "**Look.**",
    "**Do.**",
    "**Stop** when",
];

/// The sections of a page by their anchors.
fn sections(page: &str) -> BTreeMap<String, &str> {
    let parts = page.split("\n## ").skip(1);
    parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(heading, text)| (anchor(heading), text))
        .collect()
}

/// The first four cells of each row: alarm, severity, message, section.
fn rows(page: &str) -> BTreeMap<&str, [&str; 3]> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let name = cells.next()?.trim_matches('`');
        Some((name, [cells.next()?, cells.next()?, cells.next()?]))
    })
    .collect()
}

/// Where an alarm's message comes from, as the table says it.
fn message(alarm: &Alarm<'_>, all: &[Alarm<'_>], email: Option<&str>) -> String {
    let short = |name: &str| name.trim_start_matches("surefire-").to_owned();
    match alarm.actions().first() {
        Some(topic) if Some(*topic) == email => "e-mail".to_owned(),
        Some(_) => "Discord".to_owned(),
        None => {
            let mut parents = all.iter();
            let is_parent =
                |it: &&Alarm<'_>| it.children().iter().any(|(_, name)| *name == alarm.name);
            let parent = parents.find(is_parent).map_or("", |parent| parent.name);
            format!("by `{}`", short(parent))
        }
    }
}

/// What the page lacks, or has too much of.
fn incomplete(page: &str) -> Vec<String> {
    let stack = full(&super::text()).unwrap();
    let all = alarms(&stack);
    let (sections, mut rows) = (sections(page), rows(page));
    let mut faults = Vec::new();
    let email = stack.resources["AlertEmailTopic"].reference.as_deref();
    for alarm in &all {
        let name = alarm.name.trim_start_matches("surefire-");
        let Some([severity, from, section]) = rows.remove(name) else {
            faults.push(format!("the table has no row for {name}"));
            continue;
        };
        let description = alarm.properties["AlarmDescription"].as_str();
        if !description.is_some_and(|text| text.contains(&format!("severity: {severity},"))) {
            faults.push(format!("the table has another severity for {name}"));
        }
        let expected = message(alarm, &all, email);
        if from != expected {
            faults.push(format!(
                "the table must say that the message of {name} is {expected:?}"
            ));
        }
        if !section.ends_with(&format!("](#{})", alarm.section())) {
            faults.push(format!("the table sends {name} to another section"));
        }
    }
    faults.extend(
        rows.keys()
            .map(|name| format!("the table has {name}, which is no alarm")),
    );
    let used: BTreeSet<&str> = all.iter().map(Alarm::section).collect();
    for (section, text) in &sections {
        if GENERAL.contains(&section.as_str()) {
            continue;
        }
        if !used.contains(section.as_str()) {
            faults.push(format!("no alarm leads to the section {section}"));
        }
        for part in PARTS.iter().filter(|part| !text.contains(**part)) {
            faults.push(format!("the section {section} has no {part}"));
        }
        let look = text.split_once("**Look.**\n\n```sh\n");
        if look.is_none_or(|(_, code)| code.starts_with("```")) {
            faults.push(format!("the section {section} has nothing to look at"));
        }
    }
    faults
}

#[test]
fn the_runbook_has_a_row_and_a_whole_section_for_every_alarm() {
    assert_eq!(incomplete(PAGE), [""; 0]);
}

#[test]
fn what_the_runbook_lacks_is_named() {
    for (from, to, expected) in [
        (
            "| `overdue-holds` |",
            "| `overdue` |",
            "no row for overdue-holds",
        ),
        (
            "| `overdue-holds` |",
            "| `overdue` |",
            "has overdue, which is no alarm",
        ),
        (
            "| `overdue-holds` | error |",
            "| `overdue-holds` | info |",
            "another severity for overdue-holds",
        ),
        (
            "| `alerts-wait` | critical | e-mail |",
            "| `alerts-wait` | critical | Discord |",
            "message of alerts-wait is \"e-mail\"",
        ),
        (
            "(#overdue-holds) |",
            "(#duration) |",
            "sends overdue-holds to another section",
        ),
        (
            "\n## Overdue holds",
            "\n## Old holds",
            "no alarm leads to the section old-holds",
        ),
        (
            "**Customers.** A product looks sold",
            "A product looks sold",
            "the section overdue-holds has no **Customers.**",
        ),
    ] {
        assert_eq!(PAGE.matches(from).count(), 1, "{from}");
        names(incomplete, &PAGE.replace(from, to), expected);
    }
}

/// The code of a page: fenced blocks for the shell, and what is between backticks in the text.
fn code(page: &str) -> (Vec<String>, Vec<String>) {
    let (mut blocks, mut inline) = (Vec::new(), Vec::new());
    let mut block: Option<String> = None;
    let mut text = String::new();
    for line in page.lines() {
        match &mut block {
            Some(code) if line.trim() == "```" => {
                blocks.push(std::mem::take(code));
                block = None;
            }
            Some(code) => {
                code.push_str(line.trim_start());
                code.push('\n');
            }
            None if line.trim_start().starts_with("```") => block = Some(String::new()),
            None => {
                text.push_str(line.trim());
                text.push(' ');
            }
        }
    }
    inline.extend(text.split('`').skip(1).step_by(2).map(str::to_owned));
    (blocks, inline)
}

/// Each command of a page in one line.
fn commands(page: &str) -> Vec<String> {
    let (blocks, inline) = code(page);
    let blocks = blocks.iter().map(|block| block.replace("\\\n", " "));
    let lines: Vec<String> = blocks
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .chain(inline)
        .collect();
    let starts = |line: &&String| ["ask ", "aws "].iter().any(|word| line.starts_with(word));
    lines.iter().filter(starts).cloned().collect()
}

/// The queries of a page: log group and text.
fn queries(page: &str) -> Vec<(String, String)> {
    let commands = commands(page);
    let asks = commands.iter().filter_map(|line| line.strip_prefix("ask "));
    asks.map(|ask| {
        let (group, rest) = ask.split_once(' ').unwrap_or((ask, ""));
        let query = rest.split('\'').nth(1).unwrap_or_default();
        (group.to_owned(), query.to_owned())
    })
    .collect()
}

/// Fields that no log has, and logs and resources that do not exist.
fn not_there(page: &str) -> Vec<String> {
    let stack = full(&super::text()).unwrap();
    let mut faults = Vec::new();
    for (group, query) in queries(page) {
        let Some(resource) = stack.resources.get(&group) else {
            faults.push(format!("there is no log group {group}"));
            continue;
        };
        assert_eq!(resource.kind, "AWS::Logs::LogGroup", "{group}");
        let fields = fields_of(&stack, &group);
        match of_query(&query) {
            Ok(names) => {
                let unknown = names.iter().filter(|name| !fields.contains(**name));
                faults.extend(unknown.map(|name| format!("{group} has no field {name}: {query}")));
            }
            Err(fault) => faults.push(format!("{fault}: {query}")),
        }
    }
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for (function, known) in [("resource", resources(&stack)), ("output", outputs())] {
        for part in page.split(&format!("$({function} ")).skip(1) {
            let name = part.split([')', ' ']).next().unwrap_or_default();
            if !name.starts_with('$') && !known.contains(name) {
                faults.push(format!("there is no {function} {name}"));
            }
        }
    }
    faults
}

fn resources(stack: &Stack) -> BTreeSet<String> {
    stack.resources.keys().cloned().collect()
}

fn outputs() -> BTreeSet<String> {
    let text = super::text();
    let (_, outputs) = text.split_once("\nOutputs:\n").unwrap();
    let names = outputs.lines().filter_map(|line| line.strip_prefix("  "));
    let names = names.filter(|line| !line.starts_with(' '));
    names
        .map(|line| line.trim_end_matches(':').to_owned())
        .collect()
}

#[test]
fn every_query_of_the_runbook_uses_fields_that_the_logs_have() {
    assert!(20 < queries(PAGE).len());
    assert_eq!(not_there(PAGE), [""; 0]);
}

#[test]
fn a_query_for_a_field_or_a_log_that_does_not_exist_is_named() {
    for (from, to, expected) in [
        (
            "fields @timestamp, route, cause, function",
            "fields @timestamp, route, causes, function",
            "OrdersLogs has no field causes",
        ),
        (
            "ask AuthorizerLogs 180",
            "ask AuthorizersLogs 180",
            "no log group AuthorizersLogs",
        ),
        (
            "filter ispresent(SweeperHeartbeat) |",
            "filter ispresent(Heartbeat) |",
            "OrdersSweeperLogs has no field Heartbeat",
        ),
        (
            "pct(latency, 50) as p50",
            "pct(duration, 50) as p50",
            "ApiLogs has no field duration",
        ),
        (
            "by why, route'",
            "by why, route | order by why'",
            "order is no command",
        ),
        ("SigningSecretArn", "SecretArn", "no output SecretArn"),
        (
            "--queue-url $(resource AlertsQueue) --attribute-names Policy",
            "--queue-url $(resource AlarmsQueue) --attribute-names Policy",
            "no resource AlarmsQueue",
        ),
    ] {
        assert_eq!(PAGE.matches(from).count(), 1, "{from}");
        names(not_there, &PAGE.replace(from, to), expected);
    }
}

/// What the shell, or the AWS CLI, does not understand.
fn not_typed(page: &str) -> Vec<String> {
    let (blocks, _) = code(page);
    let mut faults = Vec::new();
    for block in blocks {
        let (status, error) = piped("bash".as_ref(), &["-n"], &block);
        if !status {
            faults.push(format!("{error}: {block}"));
        }
    }
    let aws: Vec<String> = commands(page)
        .into_iter()
        .filter(|line| line.starts_with("aws "))
        // What follows the command is the shell's.
        .map(|line| line.split([';', '|', '>']).next().unwrap_or_default().trim().to_owned())
        .map(|line| line.replace("$(resource ", "(").replace("$(output ", "("))
        .collect();
    assert!(15 < aws.len());
    let (_, unknown) = piped(
        &program("python3"),
        &["-c", include_str!("commands.py")],
        &(aws.join("\n") + "\n"),
    );
    faults.extend(unknown.lines().map(str::to_owned));
    faults
}

/// Runs a program with an input. Returns whether it succeeded, and what it printed.
fn piped(program: &Path, arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).trim().to_owned();
    (output.status.success(), printed)
}

#[test]
fn slow_every_command_of_the_runbook_can_be_typed() {
    assert_eq!(not_typed(PAGE), [""; 0]);
}

#[test]
fn slow_a_command_that_cannot_be_typed_is_named() {
    for (from, to, expected) in [
        (
            "aws lambda get-account-settings",
            "aws lambda show-account-settings",
            "lambda has no operation show-account-settings",
        ),
        (
            "describe-alarm-history --alarm-name",
            "describe-alarm-history --alarm",
            "has no option --alarm",
        ),
        (
            "  --target-table-name $STACK-restored --restore-date-time 2026-11-26T02:50:00Z",
            "",
            "needs --target-table-name",
        ),
        ("\n  sleep 5\n", "\n  sleep 5 )\n", "syntax error"),
    ] {
        assert_eq!(PAGE.matches(from).count(), 1, "{from}");
        let broken = PAGE.replace(from, to);
        names(not_typed, &broken, expected);
    }
}

/// The functions of the shell are the same on both pages.
#[test]
fn both_pages_define_the_same_shell_functions() {
    let (_, functions) = PAGE.split_once("STACK=surefire\n").unwrap();
    let (functions, _) = functions.split_once("# The alarms").unwrap();
    assert!(DEPLOY.contains(functions), "{functions}");
}
