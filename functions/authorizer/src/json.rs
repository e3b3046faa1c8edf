//! Reads the JSON of tokens, key sets, secrets and the configuration: always one object.
//!
//! Of two members with the same name, one reader keeps the first and another the
//! last. They would disagree about the caller, so a text that repeats a member is
//! refused (RFC 7515 section 4, RFC 7519 section 4).

use shared::json::{Json, Object, Repeats, parse};

/// How deep a value may nest. Real tokens nest two or three levels deep.
const DEPTH_MAX: usize = 32;

/// Reads one JSON object, with nothing around it but white space.
pub(crate) fn object(bytes: &[u8]) -> Option<Object<'_>> {
    match parse(bytes, DEPTH_MAX, Repeats::Refused) {
        Ok(Json::Object(members)) => Some(members),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, accepted: bool) {
        assert_eq!(object(text.as_bytes()).is_some(), accepted, "{text}");
    }

    #[test]
    fn an_object_is_read_and_anything_else_is_not() {
        check(r#" {"a": 1, "b": [true, null, "x"]} "#, true);
        for other in [
            "",
            "[]",
            "null",
            "1",
            "\"{}\"",
            "{",
            "{}}",
            "{} {}",
            "\u{feff}{}",
        ] {
            check(other, false);
        }
    }

    #[test]
    fn a_repeated_member_and_a_33rd_level_are_refused() {
        check(r#"{"a": 1, "a": 1}"#, false);
        let nested =
            |arrays: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(arrays), "]".repeat(arrays));
        check(&nested(31), true);
        check(&nested(32), false);
    }
}
