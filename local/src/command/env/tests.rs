//! Each format of an environment, read back.

use clap::Parser as _;

use super::*;
use crate::command::{Arguments, Command};

/// Variables with values that a format could change.
const VALUES: [(&str, &str); 5] = [
    ("EMPTY", ""),
    ("JSON", r#"[{"name": "local", "audiences": ["surefire"]}]"#),
    ("NUMBER", "50"),
    ("SHELL", r#"$HOME "$(id)" # \ `id` "#),
    ("URL", "http://127.0.0.1:1/?a=b#c"),
];

fn variables() -> BTreeMap<String, String> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    VALUES.into_iter().map(owned).collect()
}

/// The value of a variable in a shell that has read the text.
fn in_a_shell(text: &str, name: &str) -> String {
    let script = format!("{text}printf %s \"${name}\"");
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

#[test]
fn a_shell_reads_every_value_back() {
    let mut variables = variables();
    variables.insert("APOSTROPHE".to_owned(), "it's".to_owned());
    let text = written(Format::Shell, "F", &variables).unwrap();
    for (name, value) in variables {
        assert_eq!(in_a_shell(&text, &name), value, "{text}");
    }
}

#[test]
fn dotenv_has_a_line_with_the_exact_value_of_each_variable() {
    let text = written(Format::Dotenv, "F", &variables()).unwrap();
    let expected = VALUES.map(|(name, value)| format!("{name}='{value}'\n"));
    assert_eq!(text, expected.concat());
    // A shell reads the same file.
    for (name, value) in VALUES {
        assert_eq!(in_a_shell(&text, name), value, "{text}");
    }
}

#[test]
fn a_variable_whose_value_dotenv_would_change_is_refused() {
    assert_eq!(in_dotenv("it's").as_deref(), Some("`it's`"));
    for value in ["it's `this`", r"a\nb"] {
        let variables = BTreeMap::from([("ODD".to_owned(), value.to_owned())]);
        let error = written(Format::Dotenv, "F", &variables).unwrap_err();
        assert!(error.starts_with("ODD cannot be written"), "{error}");
    }
}

#[test]
fn sam_finds_the_variables_under_the_functions_logical_id() {
    let text = written(Format::Sam, "OrdersFunction", &variables()).unwrap();
    let read: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(&text).unwrap();
    assert_eq!(
        read,
        BTreeMap::from([("OrdersFunction".to_owned(), variables())])
    );
}

#[test]
fn the_default_format_is_shell() {
    let format = |line: &[&str]| {
        let words = ["surefire", "env", "orders"].iter().chain(line);
        match Arguments::try_parse_from(words).unwrap().command {
            Some(Command::Env(arguments)) => arguments.format,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(format(&[]), Format::Shell);
    assert_eq!(format(&["--format", "dotenv"]), Format::Dotenv);
    assert_eq!(format(&["--format", "sam"]), Format::Sam);
}
