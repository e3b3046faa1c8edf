//! Checks the buttons of a message.
//!
//! A webhook that belongs to no application may only have buttons that open a page.
//! Source: "Component Reference" and "Execute Webhook", Discord developer documentation.

use serde_json::Value;

const ROWS_MAX: usize = 5;
const BUTTONS_MAX: usize = 5;
const LABEL_UNITS_MAX: usize = 80;
const URL_UNITS_MAX: usize = 512;
const ACTION_ROW: u64 = 1;
const BUTTON: u64 = 2;
const LINK: u64 = 5;

/// What is wrong with a component: its place, and Discord's code and message.
pub(crate) struct Fault {
    pub(crate) at: Vec<String>,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// Checks the components of a payload.
pub(crate) fn check(payload: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    let rows = list(payload);
    if ROWS_MAX < rows.len() {
        faults.push(too_long(&["components"], ROWS_MAX));
    }
    for (row_index, row) in rows.iter().enumerate() {
        let row_index = row_index.to_string();
        let at = ["components", row_index.as_str()];
        let buttons = list(row);
        if number(row, "type") != Some(ACTION_ROW) {
            faults.push(fault(
                &[&at[..], &["type"]].concat(),
                "UNION_TYPE_CHOICES",
                "Value of field \"type\" must be one of (1,).",
            ));
        }
        if buttons.is_empty() || BUTTONS_MAX < buttons.len() {
            let message = "Must be between 1 and 5 in length.";
            faults.push(fault(
                &[&at[..], &["components"]].concat(),
                "BASE_TYPE_BAD_LENGTH",
                message,
            ));
        }
        for (index, button) in buttons.iter().enumerate() {
            let index = index.to_string();
            check_button(
                button,
                &[&at[..], &["components", &index]].concat(),
                &mut faults,
            );
        }
    }
    faults
}

fn check_button(button: &Value, at: &[&str], faults: &mut Vec<Fault>) {
    let inside = |member| [at, &[member]].concat();
    if number(button, "type") != Some(BUTTON) || number(button, "style") != Some(LINK) {
        let message = "Only buttons that open a page may be used by this webhook.";
        faults.push(fault(at, "COMPONENT_TYPE_INVALID", message));
    }
    let text = |member| {
        button
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (label, url) = (text("label").trim(), text("url"));
    if label.is_empty() {
        let message = "A label or an emoji is required.";
        faults.push(fault(
            &inside("label"),
            "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED",
            message,
        ));
    }
    if LABEL_UNITS_MAX < units(label) {
        faults.push(too_long(&inside("label"), LABEL_UNITS_MAX));
    }
    if URL_UNITS_MAX < units(url) {
        faults.push(too_long(&inside("url"), URL_UNITS_MAX));
    }
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("http" | "https" | "discord")) {
        let message = "Scheme must be one of ('http', 'https', 'discord').";
        faults.push(fault(&inside("url"), "URL_TYPE_INVALID_SCHEME", message));
    }
}

fn list(of: &Value) -> &[Value] {
    of.get("components")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn number(of: &Value, member: &str) -> Option<u64> {
    of.get(member)?.as_u64()
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn too_long(at: &[&str], most: usize) -> Fault {
    fault(
        at,
        "BASE_TYPE_MAX_LENGTH",
        &format!("Must be {most} or fewer in length."),
    )
}

fn fault(at: &[&str], code: &'static str, message: &str) -> Fault {
    Fault {
        at: at.iter().map(|part| (*part).to_owned()).collect(),
        code,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn button(label: usize, url: usize) -> Value {
        let url = format!("https://a.example/{}", "u".repeat(url - 18));
        json!({"type": 2, "style": 5, "label": "l".repeat(label), "url": url})
    }

    #[track_caller]
    fn refused(rows: &Value, expected: &[&str]) {
        let faults = check(&json!({"components": rows}));
        let found: Vec<String> = faults
            .iter()
            .map(|fault| format!("{} {}", fault.at.join("."), fault.code))
            .collect();
        assert_eq!(found, expected);
    }

    fn row(buttons: &[Value]) -> Value {
        json!({"type": 1, "components": buttons})
    }

    #[test]
    fn each_limit_of_buttons_holds_exactly() {
        let one = || button(80, 512);
        refused(&json!([row(&[one(), one(), one(), one(), one()])]), &[]);
        refused(
            &json!([row(&[one(), one(), one(), one(), one(), one()])]),
            &["components.0.components BASE_TYPE_BAD_LENGTH"],
        );
        refused(
            &json!([row(&[])]),
            &["components.0.components BASE_TYPE_BAD_LENGTH"],
        );
        refused(
            &json!([row(&[button(81, 100)])]),
            &["components.0.components.0.label BASE_TYPE_MAX_LENGTH"],
        );
        refused(
            &json!([row(&[button(1, 513)])]),
            &["components.0.components.0.url BASE_TYPE_MAX_LENGTH"],
        );
        let six: Vec<Value> = (0..6).map(|_| row(&[one()])).collect();
        refused(&json!(six), &["components BASE_TYPE_MAX_LENGTH"]);
    }

    #[test]
    fn only_buttons_that_open_a_page_are_accepted() {
        let pressed = json!({"type": 2, "style": 1, "label": "a", "url": "https://a.example"});
        refused(
            &json!([row(&[pressed])]),
            &["components.0.components.0 COMPONENT_TYPE_INVALID"],
        );
        let script = json!({"type": 2, "style": 5, "label": "a", "url": "javascript:alert(1)"});
        refused(
            &json!([row(&[script])]),
            &["components.0.components.0.url URL_TYPE_INVALID_SCHEME"],
        );
    }
}
