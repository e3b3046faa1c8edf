//! Reads a request's JSON body member by member, and reports every fault with its place.
//!
//! An unknown or repeated member is a fault, and `1.0` is not an integer: two
//! bodies that differ in meaning never look alike.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use shared::json::{DEPTH_MAX, Json, Object as Members, Repeats, parse};

use crate::fault::{Fault, Faults};

/// The longest name of a member that a pointer shows, in characters.
const NAME_CHARACTERS_MAX: usize = 64;

/// Reads a body that must be one JSON object. `take` takes its members.
///
/// # Errors
/// Returns all faults, each with its JSON pointer.
pub(crate) fn read<'body, T>(
    body: &'body [u8],
    take: impl FnOnce(Object<'body>, &mut Faults) -> Option<T>,
) -> Result<T, Vec<Fault>> {
    let mut faults = Faults::default();
    // Repeated members are kept here. `Object::of` reports them beside all other
    // faults.
    let object = match parse(body, DEPTH_MAX, Repeats::Kept) {
        Ok(json) => Object::of(json, String::new(), &mut faults),
        Err(error) => {
            faults.add("", error.to_string());
            None
        }
    };
    let taken = object.and_then(|object| take(object, &mut faults));
    faults.or(taken)
}

/// An object that is being read. Each member is taken out by its name.
pub(crate) struct Object<'body> {
    pointer: String,
    members: Members<'body>,
}

impl<'body> Object<'body> {
    fn of(json: Json<'body>, pointer: String, faults: &mut Faults) -> Option<Self> {
        let Json::Object(members) = json else {
            faults.add(&pointer, "must be an object");
            return None;
        };
        for name in members.repeated() {
            faults.add(&member_pointer(&pointer, name), "is repeated");
        }
        Some(Self { pointer, members })
    }

    /// Takes a required string and parses it.
    pub(crate) fn text<T>(&mut self, name: &str, faults: &mut Faults) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let pointer = self.pointer_to(name);
        match self.required(name, faults)? {
            Json::String(text) => match text.parse() {
                Ok(value) => return Some(value),
                Err(error) => faults.add(&pointer, error.to_string()),
            },
            _ => faults.add(&pointer, "must be a string"),
        }
        None
    }

    /// Takes a string that may be missing, and parses it. `null` is not missing.
    pub(crate) fn optional_text<T>(&mut self, name: &str, faults: &mut Faults) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.has(name).then(|| self.text(name, faults)).flatten()
    }

    /// Takes an integer that may be missing. `null` is not missing.
    pub(crate) fn optional_integer(
        &mut self,
        name: &str,
        range: &RangeInclusive<i64>,
        faults: &mut Faults,
    ) -> Option<i64> {
        self.has(name)
            .then(|| self.integer(name, range, faults))
            .flatten()
    }

    /// Takes a required integer within a range.
    pub(crate) fn integer(
        &mut self,
        name: &str,
        range: &RangeInclusive<i64>,
        faults: &mut Faults,
    ) -> Option<i64> {
        let pointer = self.pointer_to(name);
        let value = match self.required(name, faults)? {
            Json::Integer(integer) => i64::try_from(integer).ok(),
            Json::Fraction => None,
            _ => {
                faults.add(&pointer, "must be an integer");
                return None;
            }
        };
        let within = value.filter(|value| range.contains(value));
        if within.is_none() {
            let (least, most) = (range.start(), range.end());
            faults.add(
                &pointer,
                format!("must be an integer from {least} to {most}"),
            );
        }
        within
    }

    /// Takes a required boolean.
    pub(crate) fn truth(&mut self, name: &str, faults: &mut Faults) -> Option<bool> {
        let pointer = self.pointer_to(name);
        if let Json::Bool(value) = self.required(name, faults)? {
            return Some(value);
        }
        faults.add(&pointer, "must be true or false");
        None
    }

    /// Takes a required list of objects, of a length within a range.
    pub(crate) fn objects(
        &mut self,
        name: &str,
        lengths: &RangeInclusive<usize>,
        faults: &mut Faults,
    ) -> Option<Vec<Self>> {
        let pointer = self.pointer_to(name);
        let Json::Array(list) = self.required(name, faults)? else {
            faults.add(&pointer, "must be a list");
            return None;
        };
        if !lengths.contains(&list.len()) {
            let (least, most) = (lengths.start(), lengths.end());
            faults.add(
                &pointer,
                format!("must have {least} to {most} elements, not {}", list.len()),
            );
            return None;
        }
        list.into_iter()
            .enumerate()
            .map(|(index, json)| Self::of(json, format!("{pointer}/{index}"), faults))
            .collect()
    }

    /// Takes an object of texts that may be missing. `take` parses each name and
    /// text, or says what is wrong with it.
    pub(crate) fn optional_texts<T>(
        &mut self,
        name: &str,
        faults: &mut Faults,
        take: impl Fn(&str, &str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        if !self.has(name) {
            return None;
        }
        let pointer = self.pointer_to(name);
        let object = Self::of(self.required(name, faults)?, pointer.clone(), faults)?;
        let mut taken = Vec::new();
        for (name, json) in object.members.members() {
            let pointer = member_pointer(&pointer, name);
            let Json::String(text) = json else {
                faults.add(&pointer, "must be a string");
                continue;
            };
            match take(name, text) {
                Ok(value) => taken.push(value),
                Err(detail) => faults.add(&pointer, detail),
            }
        }
        Some(taken)
    }

    /// Whether there is such a member.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.members().any(|(other, _)| other == name)
    }

    /// The pointer to a member.
    pub(crate) fn pointer_to(&self, name: &str) -> String {
        member_pointer(&self.pointer, name)
    }

    /// Ends the reading. A member that was not taken is unknown, which is a fault.
    pub(crate) fn end(self, faults: &mut Faults) {
        for (name, _) in self.members.members() {
            faults.add(&self.pointer_to(name), "is not a known member");
        }
    }

    /// Takes a member out. Its repeats were reported when the object was opened.
    fn required(&mut self, name: &str, faults: &mut Faults) -> Option<Json<'body>> {
        let json = self.members.take(name);
        if json.is_none() {
            faults.add(&self.pointer_to(name), "is required");
        }
        json
    }
}

fn member_pointer(pointer: &str, name: &str) -> String {
    let mut escaped = name.replace('~', "~0").replace('/', "~1");
    if let Some((cut, _)) = escaped.char_indices().nth(NAME_CHARACTERS_MAX) {
        escaped.truncate(cut);
        escaped.push('…');
    }
    format!("{pointer}/{escaped}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FAULTS_MAX, Place};

    fn read_n(body: &str) -> Result<i64, Vec<(String, String)>> {
        let n = read(body.as_bytes(), |mut object, faults| {
            let n = object.integer("n", &(1..=10), faults);
            object.end(faults);
            n
        });
        n.map_err(|faults| {
            faults
                .into_iter()
                .map(|fault| match fault.place {
                    Place::Body(pointer) => (pointer, fault.detail),
                    Place::Parameter(name) => (name.to_owned(), fault.detail),
                })
                .collect()
        })
    }

    #[track_caller]
    fn check_fault(body: &str, pointer: &str, detail: &str) {
        assert_eq!(
            read_n(body),
            Err(vec![(pointer.to_owned(), detail.to_owned())])
        );
    }

    #[test]
    fn an_integer_within_its_range_is_read() {
        assert_eq!(read_n(r#" {"n": 10} "#), Ok(10));
    }

    #[test]
    fn what_only_looks_like_an_integer_is_refused() {
        let range = "must be an integer from 1 to 10";
        check_fault(r#"{"n": 0}"#, "/n", range);
        check_fault(r#"{"n": -1}"#, "/n", range);
        check_fault(r#"{"n": 9223372036854775808}"#, "/n", range);
        check_fault(r#"{"n": 99999999999999999999999}"#, "/n", range);
        check_fault(r#"{"n": 1.5}"#, "/n", range);
        check_fault(r#"{"n": 1.0}"#, "/n", range);
        check_fault(r#"{"n": 1e0}"#, "/n", range);
        check_fault(r#"{"n": "1"}"#, "/n", "must be an integer");
        check_fault(r#"{"n": null}"#, "/n", "must be an integer");
        check_fault(r#"{"n": false}"#, "/n", "must be an integer");
    }

    #[test]
    fn an_unknown_and_a_repeated_member_are_named_by_an_escaped_pointer() {
        check_fault(
            r#"{"n": 1, "a/b~c": 2}"#,
            "/a~1b~0c",
            "is not a known member",
        );
        check_fault(r#"{"n": 1, "n": 1}"#, "/n", "is repeated");
    }

    #[test]
    fn a_body_that_is_not_a_json_object_is_one_fault_of_the_whole_body() {
        check_fault("", "", "the JSON ends too early");
        check_fault("{\"n\": 1", "", "the JSON ends too early");
        check_fault("[1]", "", "must be an object");
        check_fault("{\"n\": 1} x", "", "this is not JSON: line 1, column 10");
        check_fault("\u{feff}{}", "", "this is not JSON: line 1, column 1");
        check_fault(
            &"[".repeat(10_000),
            "",
            "this is not JSON: line 1, column 128",
        );
    }

    #[test]
    fn an_answer_lists_a_bounded_number_of_faults_with_bounded_names() {
        let members: Vec<_> = (0..100)
            .map(|n| format!(r#""{}{n}": 0"#, "x".repeat(100)))
            .collect();
        let faults = read_n(&format!("{{{}}}", members.join(","))).unwrap_err();
        assert_eq!(faults.len(), FAULTS_MAX);
        assert!(
            faults
                .iter()
                .all(|(pointer, _)| pointer.chars().count() <= NAME_CHARACTERS_MAX + 2)
        );
    }
}
