//! Reads JSON strictly: text that two readers could take for two values is refused.
//!
//! `serde_json` keeps the last of two members with the same name, and reads `1.0`
//! into a float. Here a repeated member is refused or reported, and an integer is
//! only what is written as one. The limits are arguments, since the readers differ
//! on purpose: a token is refused as a whole, and the client of an API gets a list
//! of everything that is wrong with its request.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::{Category, Error};

/// The deepest nesting that can be allowed: `serde_json` itself refuses more.
pub const DEPTH_MAX: usize = 127;

/// A JSON value that borrows from its text where it can.
///
/// It has no `Debug`, since the text can be a token or hold a key.
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number written as an integer that fits 64 bits, signed or not.
    Integer(i128),
    /// Any other number, such as `1.5`, `1.0` and `1e3`.
    Fraction,
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// The members of a JSON object, in the order of the text.
///
/// It has no `Debug`, for the reason that [`Json`] has none.
#[derive(Default)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// What happens to an object that has two members with the same name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repeats {
    /// The whole text is refused.
    Refused,
    /// [`Object::repeated`] lists the names. The caller must look there.
    Kept,
}

/// Why a text was not read. It quotes nothing of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonError {
    /// The text ends inside the value.
    #[error("the JSON ends too early")]
    Incomplete,
    /// The text is not one JSON value, or nests deeper than [`DEPTH_MAX`].
    #[error("this is not JSON: line {line}, column {column}")]
    Syntax {
        /// The line of the fault, from 1.
        line: usize,
        /// The column of the fault in bytes, from 1 (0 at the start of a line).
        column: usize,
    },
    /// A member is repeated, or the value nests deeper than the caller allows.
    #[error("the JSON repeats a member or nests too deep")]
    Refused,
}

impl From<Error> for JsonError {
    fn from(error: Error) -> Self {
        match error.classify() {
            Category::Eof => Self::Incomplete,
            Category::Data => Self::Refused,
            Category::Syntax | Category::Io => Self::Syntax {
                line: error.line(),
                column: error.column(),
            },
        }
    }
}

/// Reads one JSON value, with nothing around it but white space.
///
/// At most `depth_max` arrays and objects stand inside each other; a limit above
/// [`DEPTH_MAX`] means [`DEPTH_MAX`].
pub fn parse(text: &[u8], depth_max: usize, repeats: Repeats) -> Result<Json<'_>, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let rules = Rules {
        depth_left: depth_max,
        repeats,
    };
    let value = rules.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

impl Json<'_> {
    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null
            | Self::Bool(_)
            | Self::Integer(_)
            | Self::Fraction
            | Self::Array(_)
            | Self::Object(_) => None,
        }
    }

    /// The number, if this is an integer.
    pub fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Null
            | Self::Bool(_)
            | Self::Fraction
            | Self::String(_)
            | Self::Array(_)
            | Self::Object(_) => None,
        }
    }

    /// The texts, if this is an array that holds only strings.
    pub fn as_strings(&self) -> Option<Vec<&str>> {
        let Self::Array(items) = self else {
            return None;
        };
        items.iter().map(Json::as_str).collect()
    }
}

impl<'a> Object<'a> {
    /// The value of the first member with this name.
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.members()
            .find(|(member, _)| *member == name)
            .map(|(_, value)| value)
    }

    /// Removes every member with this name, and returns the first one's value.
    ///
    /// The members that are left may change their order.
    pub fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let index = self.0.iter().position(|(member, _)| member == name)?;
        let (_, value) = self.0.swap_remove(index);
        self.0.retain(|(member, _)| member != name);
        Some(value)
    }

    /// The names and values.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The name of each member that has the name of an earlier one.
    pub fn repeated(&self) -> impl Iterator<Item = &str> {
        let mut earlier = BTreeSet::new();
        self.members()
            .map(|(name, _)| name)
            .filter(move |name| !earlier.insert(*name))
    }
}

/// The rules for one value: how deep it may nest, and whether members may repeat.
#[derive(Clone, Copy)]
struct Rules {
    depth_left: usize,
    repeats: Repeats,
}

impl Rules {
    /// The rules for what is inside an array or object.
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(E::custom("nests too deep")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Rules {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rules {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Fraction)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let inside = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let inside = self.inside()?;
        let mut object = Object::default();
        while let Some(name) = access.next_key_seed(Name)? {
            object.0.push((name, access.next_value_seed(inside)?));
        }
        if self.repeats == Repeats::Refused && object.repeated().next().is_some() {
            return Err(A::Error::custom("a member is repeated"));
        }
        Ok(Json::Object(object))
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

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(text: &str) -> Result<Json<'_>, JsonError> {
        parse(text.as_bytes(), DEPTH_MAX, Repeats::Refused)
    }

    #[track_caller]
    fn check(text: &str, expected: Result<(), JsonError>) {
        assert_eq!(strict(text).map(|_| ()), expected, "{text}");
    }

    #[test]
    fn a_repeated_member_is_refused_at_every_depth_and_in_every_spelling() {
        for repeated in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"o": {"a": 1, "b": 2, "a": 3}}"#,
            r#"{"l": [{"a": 1, "a": 1}]}"#,
            r#"{"exp": 1, "\u0065xp": 2}"#,
        ] {
            check(repeated, Err(JsonError::Refused));
        }
        check(r#"{"a": 1, "A": 1}"#, Ok(()));
    }

    #[test]
    fn repeats_that_are_kept_are_listed_and_taken_together() {
        let text = br#"{"a": 1, "b": 2, "a": 3, "c": 4, "\u0061": 5}"#;
        let Ok(Json::Object(mut object)) = parse(text, DEPTH_MAX, Repeats::Kept) else {
            panic!("the text is an object");
        };
        assert_eq!(object.repeated().collect::<Vec<_>>(), ["a", "a"]);
        let first = object.take("a").and_then(|value| value.as_integer());
        assert_eq!(first, Some(1));
        assert!(object.get("a").is_none() && object.take("a").is_none());
        let mut left: Vec<_> = object.members().map(|(name, _)| name).collect();
        left.sort_unstable();
        assert_eq!(left, ["b", "c"]);
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth: usize| {
            let inner = depth - 1;
            format!(r#"{{"a":{}{}}}"#, "[".repeat(inner), "]".repeat(inner))
        };
        let read = |depth: usize, depth_max: usize| {
            parse(nested(depth).as_bytes(), depth_max, Repeats::Refused).map(|_| ())
        };
        assert_eq!(read(32, 32), Ok(()));
        assert_eq!(read(33, 32), Err(JsonError::Refused));
        assert_eq!(read(DEPTH_MAX, DEPTH_MAX), Ok(()));
        for (depth, depth_max) in [(DEPTH_MAX + 1, DEPTH_MAX + 1), (100_000, usize::MAX)] {
            assert!(matches!(
                read(depth, depth_max),
                Err(JsonError::Syntax { line: 1, .. })
            ));
        }
    }

    #[test]
    fn only_a_number_written_as_an_integer_is_one() {
        let read = |number: &str| strict(number).ok().and_then(|value| value.as_integer());
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
        for text in [&b"{\"a\": \"\xff\"}"[..], b"{\"a\": \"\\ud800\"}"] {
            assert!(parse(text, DEPTH_MAX, Repeats::Refused).is_err());
        }
    }

    #[test]
    fn an_error_says_where_and_quotes_nothing() {
        check("{\"n\": 1", Err(JsonError::Incomplete));
        check(
            "{\"n\": 1}\nsecret",
            Err(JsonError::Syntax { line: 2, column: 1 }),
        );
    }
}
