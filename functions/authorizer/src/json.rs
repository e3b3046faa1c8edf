//! Owns strict JSON: no member twice, nothing nested too deep, nothing after the value.
//!
//! `serde_json` keeps the last of two equal members. Two readers that keep
//! different ones disagree about who a token is for, so a token or key set
//! with a member twice is refused (RFC 7515 section 4, RFC 7519 section 4).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How deep a value may nest. Real tokens nest two or three deep.
pub(crate) const DEPTH_MAX: usize = 32;

/// A JSON value that borrows from its text where it can.
///
/// It has no `Debug`: what is read here is a token's, or a key's.
pub(crate) enum Json<'a> {
    Null,
    Bool,
    /// A number written as an integer that fits 64 bits, signed or not.
    Integer(i128),
    /// Any other number, `1.0` and `1e3` among them.
    Fraction,
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// The members of a JSON object.
pub(crate) type Object<'a> = BTreeMap<Cow<'a, str>, Json<'a>>;

impl Json<'_> {
    /// The text, if this is a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null
            | Self::Bool
            | Self::Integer(_)
            | Self::Fraction
            | Self::Array(_)
            | Self::Object(_) => None,
        }
    }

    /// The number, if this is an integer.
    pub(crate) fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Null
            | Self::Bool
            | Self::Fraction
            | Self::String(_)
            | Self::Array(_)
            | Self::Object(_) => None,
        }
    }

    /// The texts, if this is an array of strings and of nothing else.
    pub(crate) fn as_strings(&self) -> Option<Vec<&str>> {
        let Self::Array(items) = self else {
            return None;
        };
        items.iter().map(Json::as_str).collect()
    }
}

/// Reads one JSON object, and nothing around it but white space.
pub(crate) fn object(bytes: &[u8]) -> Option<Object<'_>> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).ok()?;
    // The library's error is dropped here on purpose: it can quote the input.
    reader.end().ok()?;
    match value {
        Json::Object(members) => Some(members),
        Json::Null
        | Json::Bool
        | Json::Integer(_)
        | Json::Fraction
        | Json::String(_)
        | Json::Array(_) => None,
    }
}

/// Reads one value at a depth.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if DEPTH_MAX <= self.depth {
            return Err(E::custom("nested too deep"));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Fraction)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let inner = self.deeper()?;
        let mut members = Object::new();
        while let Some(name) = access.next_key_seed(Name)? {
            let value = access.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(Json::Object(members))
    }
}

/// Reads a member's name. (`Cow`'s own implementation always copies.)
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
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
    fn a_member_twice_is_refused_at_every_depth_and_in_every_spelling() {
        check(r#"{"a": 1, "a": 1}"#, false);
        check(r#"{"o": {"a": 1, "b": 2, "a": 3}}"#, false);
        check(r#"{"l": [{"a": 1, "a": 1}]}"#, false);
        check(r#"{"exp": 1, "\u0065xp": 2}"#, false);
        check(r#"{"a": 1, "A": 1}"#, true);
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth: usize| {
            let inner = depth - 1;
            format!(r#"{{"a":{}{}}}"#, "[".repeat(inner), "]".repeat(inner))
        };
        check(&nested(DEPTH_MAX), true);
        check(&nested(DEPTH_MAX + 1), false);
        check(&nested(100_000), false);
    }

    #[test]
    fn only_a_number_written_as_an_integer_is_one() {
        let read = |number: &str| {
            let text = format!(r#"{{"n":{number}}}"#);
            object(text.as_bytes()).and_then(|members| members.get("n").and_then(Json::as_integer))
        };
        assert_eq!(read("18446744073709551615"), Some(i128::from(u64::MAX)));
        assert_eq!(read("-7"), Some(-7));
        for other in [
            "1.0",
            "1e3",
            "1e300",
            "18446744073709551616",
            "\"1\"",
            "true",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(read("1e999"), None);
        assert_eq!(read("01"), None);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused() {
        assert!(object(b"{\"a\": \"\xff\"}").is_none());
        assert!(object(b"{\"a\": \"\\ud800\"}").is_none());
    }
}
