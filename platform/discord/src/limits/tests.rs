//! Payloads at each limit, and one above it.

use super::*;

/// The paths and codes of a refusal, such as `a.b CODE`.
fn refused(payload: &Value) -> Vec<String> {
    fn walk(at: &str, value: &Value, found: &mut Vec<String>) {
        for (name, inner) in value.as_object().unwrap() {
            if name == "_errors" {
                for error in inner.as_array().unwrap() {
                    found.push(format!("{at} {}", error["code"].as_str().unwrap()));
                }
            } else {
                walk(format!("{at}.{name}").trim_start_matches('.'), inner, found);
            }
        }
    }
    let Err(refusal) = check(payload, &[]) else {
        return Vec::new();
    };
    assert_eq!(refusal.body["code"], 50035);
    let mut found = Vec::new();
    walk("", &refusal.body["errors"], &mut found);
    found
}

fn embed(member: &str, value: impl Into<Value>) -> Value {
    let value = value.into();
    json!({"embeds": [{member: value}]})
}

fn of(length: usize) -> Value {
    Value::String("a".repeat(length))
}

#[test]
fn each_limit_holds_exactly() {
    let long = "BASE_TYPE_MAX_LENGTH";
    let field = |name: usize, value: usize| {
        embed("fields", json!([{"name": of(name), "value": of(value)}]))
    };
    let cases: Vec<(Value, Value, String)> = vec![
        (
            json!({"content": of(2_000)}),
            json!({"content": of(2_001)}),
            format!("content {long}"),
        ),
        (
            embed("title", of(256)),
            embed("title", of(257)),
            format!("embeds.0.title {long}"),
        ),
        (
            embed("description", of(4_096)),
            embed("description", of(4_097)),
            format!("embeds.0.description {long}"),
        ),
        (
            embed("footer", json!({"text": of(2_048)})),
            embed("footer", json!({"text": of(2_049)})),
            format!("embeds.0.footer.text {long}"),
        ),
        (
            embed("author", json!({"name": of(256)})),
            embed("author", json!({"name": of(257)})),
            format!("embeds.0.author.name {long}"),
        ),
        (
            field(256, 1),
            field(257, 1),
            format!("embeds.0.fields.0.name {long}"),
        ),
        (
            field(1, 1_024),
            field(1, 1_025),
            format!("embeds.0.fields.0.value {long}"),
        ),
        (
            embed(
                "fields",
                json!(vec![json!({"name": "a", "value": "b"}); 25]),
            ),
            embed(
                "fields",
                json!(vec![json!({"name": "a", "value": "b"}); 26]),
            ),
            format!("embeds.0.fields {long}"),
        ),
        (
            json!({"embeds": vec![json!({"title": "a"}); 10]}),
            json!({"embeds": vec![json!({"title": "a"}); 11]}),
            format!("embeds {long}"),
        ),
        (
            json!({"embeds": [{"description": of(3_000)}, {"description": of(3_000)}]}),
            json!({"embeds": [{"description": of(3_000)}, {"description": of(3_001)}]}),
            "embeds MAX_EMBED_SIZE_EXCEEDED".to_owned(),
        ),
        (
            embed("color", json!(COLOR_MAX)),
            embed("color", json!(COLOR_MAX + 1)),
            "embeds.0.color NUMBER_TYPE_MAX".to_owned(),
        ),
    ];
    for (fits, exceeds, expected) in cases {
        assert_eq!(refused(&fits), Vec::<String>::new());
        assert_eq!(refused(&exceeds), [expected]);
    }
}

#[test]
fn a_length_is_in_utf_16_units_without_surrounding_white_space() {
    assert!(refused(&json!({"content": "🔴".repeat(1_000)})).is_empty());
    assert!(!refused(&json!({"content": "🔴".repeat(1_001)})).is_empty());
    assert!(refused(&json!({"content": format!(" {} ", "a".repeat(2_000))})).is_empty());
}

#[test]
fn a_blank_or_malformed_member_is_refused_with_its_path() {
    let field = embed("fields", json!([{"name": "a", "value": " \n"}]));
    assert_eq!(
        refused(&field),
        ["embeds.0.fields.0.value BASE_TYPE_REQUIRED"]
    );
    let link = embed("url", json!("javascript:alert(1)"));
    assert_eq!(refused(&link), ["embeds.0.url URL_TYPE_INVALID_SCHEME"]);
    let time = embed("timestamp", json!("yesterday"));
    assert_eq!(refused(&time), ["embeds.0.timestamp DATE_TIME_TYPE_PARSE"]);
    let both = json!({"content": "a", "allowed_mentions": {"parse": ["roles"], "roles": ["1"]}});
    assert_eq!(
        refused(&both),
        ["allowed_mentions MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"]
    );
    let missing = json!({"content": "a", "attachments": [{"id": 0, "filename": "a"}]});
    assert_eq!(refused(&missing), ["attachments.0.id ATTACHMENT_NOT_FOUND"]);
}

#[test]
fn an_empty_message_and_a_large_file_have_their_own_errors() {
    assert_eq!(
        check(&json!({"content": " "}), &[]).unwrap_err().body["code"],
        50006
    );
    let file = |bytes| File {
        id: "0".to_owned(),
        name: "a".to_owned(),
        content_type: "text/plain".to_owned(),
        bytes: vec![0; bytes],
    };
    check(&json!({}), &[file(FILE_BYTES_MAX)]).unwrap();
    assert_eq!(
        check(&json!({}), &[file(FILE_BYTES_MAX + 1)])
            .unwrap_err()
            .status,
        413
    );
}
