//! Refuses messages that exceed Discord's limits, with Discord's error objects.
//!
//! Source: "Embed limits", "Execute Webhook" and "Error messages", Discord developer documentation.
//! Lengths are UTF-16 code units of the text without the white-space around it.

use serde_json::{Map, Value, json};

use crate::component;
use crate::message::File;

const CONTENT_UNITS_MAX: usize = 2_000;
const EMBEDS_MAX: usize = 10;
const EMBEDS_UNITS_MAX: usize = 6_000;
const FIELDS_MAX: usize = 25;
const FILES_MAX: usize = 10;
const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;
const ROLES_MAX: usize = 100;
const COLOR_MAX: i64 = 0x00FF_FFFF;
const URL_UNITS_MAX: usize = 2_048;

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The status: 400 or 413.
    pub status: u16,
    /// The body: `{"code", "message", "errors"}`.
    pub body: Value,
}

/// Checks a new message.
pub fn check(payload: &Value, files: &[File]) -> Result<(), Refusal> {
    if files.iter().any(|file| FILE_BYTES_MAX < file.bytes.len()) {
        return Err(too_large());
    }
    let mut errors = Errors::default();
    if FILES_MAX < files.len() {
        errors.add(
            &["files"],
            "BASE_TYPE_MAX_LENGTH",
            "Must be 10 or fewer in length.",
        );
    }
    check_members(payload, files, &mut errors);
    if let Some(refusal) = errors.refusal() {
        return Err(refusal);
    }
    let said = |name: &str| {
        payload
            .get(name)
            .and_then(Value::as_str)
            .is_some_and(|text| !text.trim().is_empty())
    };
    let shown = payload
        .get("embeds")
        .and_then(Value::as_array)
        .is_some_and(|embeds| !embeds.is_empty());
    if !said("content") && !shown && files.is_empty() {
        return Err(Refusal {
            status: 400,
            body: json!({"message": "Cannot send an empty message", "code": 50006}),
        });
    }
    Ok(())
}

/// 413, for a file or a whole request.
pub(crate) fn too_large() -> Refusal {
    Refusal {
        status: 413,
        body: json!({"message": "Request entity too large", "code": 40005}),
    }
}

/// 400, for a body that is not JSON.
pub(crate) fn not_json() -> Refusal {
    Refusal {
        status: 400,
        body: json!({"message": "The request body contains invalid JSON.", "code": 50109}),
    }
}

fn check_members(payload: &Value, files: &[File], errors: &mut Errors) {
    text(
        payload,
        "content",
        &[],
        CONTENT_UNITS_MAX,
        Required::No,
        errors,
    );
    if let Some(name) = payload.get("username").and_then(Value::as_str) {
        text(payload, "username", &[], 80, Required::Filled, errors);
        if ["discord", "clyde"]
            .iter()
            .any(|taken| name.to_lowercase().contains(taken))
        {
            let message = "Username cannot contain \"discord\"";
            errors.add(&["username"], "USERNAME_INVALID_CONTAINS", message);
        }
    }
    let embeds = list(payload, "embeds", &[], EMBEDS_MAX, errors);
    for (index, embed) in embeds.iter().enumerate() {
        check_embed(embed, &["embeds", &index.to_string()], errors);
    }
    if EMBEDS_UNITS_MAX < embeds.iter().map(sum).sum() {
        let message = "Embed size exceeds maximum size of 6000";
        errors.add(&["embeds"], "MAX_EMBED_SIZE_EXCEEDED", message);
    }
    check_mentions(payload, errors);
    for fault in component::check(payload) {
        let at: Vec<&str> = fault.at.iter().map(String::as_str).collect();
        errors.add(&at, fault.code, &fault.message);
    }
    for (index, attachment) in list(payload, "attachments", &[], FILES_MAX, errors)
        .iter()
        .enumerate()
    {
        let number = match attachment.get("id") {
            Some(Value::String(id)) => id.parse().ok(),
            Some(id) => id.as_u64(),
            None => None,
        };
        // A small number is the index of a file in this request, a large one the id of an earlier
        // file.
        let known = number.is_some_and(|number| {
            usize::try_from(number).is_ok_and(|number| number < files.len()) || 1_000_000 < number
        });
        if !known {
            let message = "Attachment data cannot be found";
            errors.add(
                &["attachments", &index.to_string(), "id"],
                "ATTACHMENT_NOT_FOUND",
                message,
            );
        }
    }
}

fn check_embed(embed: &Value, at: &[&str], errors: &mut Errors) {
    if !embed.is_object() {
        errors.add(
            at,
            "DICT_TYPE_CONVERT",
            "Only dictionaries may be used in a DictType",
        );
        return;
    }
    text(embed, "title", at, 256, Required::No, errors);
    text(embed, "description", at, 4_096, Required::No, errors);
    url(embed, "url", at, errors);
    for (inner, member, most, required) in [
        ("footer", "text", 2_048, Required::Filled),
        ("author", "name", 256, Required::Filled),
    ] {
        if let Some(value) = embed.get(inner).filter(|value| !value.is_null()) {
            text(
                value,
                member,
                &[at, &[inner]].concat(),
                most,
                required,
                errors,
            );
            url(value, "icon_url", &[at, &[inner]].concat(), errors);
        }
    }
    for inner in ["image", "thumbnail"] {
        if let Some(value) = embed.get(inner).filter(|value| !value.is_null()) {
            url(value, "url", &[at, &[inner]].concat(), errors);
        }
    }
    check_color(embed, at, errors);
    check_timestamp(embed, at, errors);
    for (index, field) in list(embed, "fields", at, FIELDS_MAX, errors)
        .iter()
        .enumerate()
    {
        let index = index.to_string();
        let at = [at, &["fields", &index]].concat();
        text(field, "name", &at, 256, Required::Filled, errors);
        text(field, "value", &at, 1_024, Required::Filled, errors);
    }
}

fn check_color(embed: &Value, at: &[&str], errors: &mut Errors) {
    match embed.get("color") {
        None | Some(Value::Null) => {}
        Some(color)
            if color
                .as_i64()
                .is_some_and(|color| (0..=COLOR_MAX).contains(&color)) => {}
        Some(_) => {
            let message = "int value should be between 0 and 16777215.";
            errors.add(&[at, &["color"]].concat(), "NUMBER_TYPE_MAX", message);
        }
    }
}

fn check_timestamp(embed: &Value, at: &[&str], errors: &mut Errors) {
    if let Some(time) = embed.get("timestamp").filter(|time| !time.is_null()) {
        let read = time
            .as_str()
            .and_then(|time| time.parse::<jiff::Timestamp>().ok());
        if read.is_none() {
            let message = "Could not parse. Should be ISO8601.";
            errors.add(
                &[at, &["timestamp"]].concat(),
                "DATE_TIME_TYPE_PARSE",
                message,
            );
        }
    }
}

/// Checks `allowed_mentions`: a class is either parsed or listed, not both.
fn check_mentions(payload: &Value, errors: &mut Errors) {
    let Some(allowed) = payload
        .get("allowed_mentions")
        .filter(|allowed| !allowed.is_null())
    else {
        return;
    };
    let at = &["allowed_mentions"];
    let parse = list(allowed, "parse", at, 3, errors);
    for (index, class) in parse.iter().enumerate() {
        if !matches!(class.as_str(), Some("roles" | "users" | "everyone")) {
            let message = "Value must be one of ('roles', 'users', 'everyone').";
            errors.add(
                &["allowed_mentions", "parse", &index.to_string()],
                "BASE_TYPE_CHOICES",
                message,
            );
        }
    }
    for class in ["roles", "users"] {
        let ids = list(allowed, class, at, ROLES_MAX, errors);
        if !ids.is_empty() && parse.iter().any(|parsed| parsed.as_str() == Some(class)) {
            let message =
                format!("parse:[\"{class}\"] and {class}: [ids...] are mutually exclusive.");
            errors.add(at, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", &message);
        }
        for (index, id) in ids.iter().enumerate() {
            let digits = id.as_str().is_some_and(|id| id.parse::<u64>().is_ok());
            if !digits && !id.is_u64() {
                let message = format!("Value {id} is not snowflake.");
                errors.add(
                    &["allowed_mentions", class, &index.to_string()],
                    "NUMBER_TYPE_COERCE",
                    &message,
                );
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Required {
    No,
    /// It must exist and contain more than white-space.
    Filled,
}

fn text(
    of: &Value,
    name: &str,
    at: &[&str],
    units_max: usize,
    required: Required,
    errors: &mut Errors,
) {
    let at = [at, &[name]].concat();
    let text = match of.get(name) {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text.trim(),
        Some(_) => {
            errors.add(&at, "STRING_TYPE_CONVERT", "Could not convert to string.");
            return;
        }
    };
    if text.is_empty() && matches!(required, Required::Filled) {
        errors.add(&at, "BASE_TYPE_REQUIRED", "This field is required");
    }
    if units_max < units(text) {
        let message = format!("Must be {units_max} or fewer in length.");
        errors.add(&at, "BASE_TYPE_MAX_LENGTH", &message);
    }
}

fn list<'a>(
    of: &'a Value,
    name: &str,
    at: &[&str],
    most: usize,
    errors: &mut Errors,
) -> &'a [Value] {
    let at = [at, &[name]].concat();
    match of.get(name) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => {
            if most < list.len() {
                let message = format!("Must be {most} or fewer in length.");
                errors.add(&at, "BASE_TYPE_MAX_LENGTH", &message);
            }
            list
        }
        Some(_) => {
            errors.add(
                &at,
                "LIST_TYPE_CONVERT",
                "Only iterables may be used in a ListType",
            );
            &[]
        }
    }
}

fn url(of: &Value, name: &str, at: &[&str], errors: &mut Errors) {
    let Some(value) = of.get(name).filter(|value| !value.is_null()) else {
        return;
    };
    let at = [at, &[name]].concat();
    let text = value.as_str().unwrap_or_default();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let attached = name == "url" && scheme == Some("attachment");
    if !matches!(scheme, Some("http" | "https")) && !attached {
        let scheme = scheme.unwrap_or(text.split(':').next().unwrap_or_default());
        let message = format!(
            "Scheme \"{scheme}\" is not supported. Scheme must be one of ('http', 'https')."
        );
        errors.add(&at, "URL_TYPE_INVALID_SCHEME", &message);
    } else if URL_UNITS_MAX < units(text) || text.contains(char::is_whitespace) {
        errors.add(&at, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
    }
}

/// The units of an embed that count towards the limit over all embeds.
fn sum(embed: &Value) -> usize {
    let of = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .map_or(0, |text| units(text.trim()))
    };
    let inner = |name: &str, member: &str| embed.get(name).map_or(0, |value| of(value, member));
    let fields = embed.get("fields").and_then(Value::as_array);
    let of_fields = |field: &Value| of(field, "name") + of(field, "value");
    of(embed, "title")
        + of(embed, "description")
        + inner("footer", "text")
        + inner("author", "name")
        + fields.into_iter().flatten().map(of_fields).sum::<usize>()
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Discord's error object: a tree with the structure of the payload.
#[derive(Debug, Default)]
struct Errors(Map<String, Value>);

impl Errors {
    fn add(&mut self, at: &[&str], code: &str, message: &str) {
        let mut members = &mut self.0;
        for name in at {
            let inner = members
                .entry((*name).to_owned())
                .or_insert_with(|| json!({}));
            let Value::Object(inner) = inner else { return };
            members = inner;
        }
        let list = members.entry("_errors").or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!({"code": code, "message": message}));
        }
    }

    fn refusal(self) -> Option<Refusal> {
        (!self.0.is_empty()).then(|| Refusal {
            status: 400,
            body: json!({"message": "Invalid Form Body", "code": 50035, "errors": self.0}),
        })
    }
}

#[cfg(test)]
mod tests;
