//! Parses `If-Match` and `If-None-Match` (RFC 9110, sections 13.1.1 and 13.1.2).

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::fault::Fault;

/// How many entity tags a header may list.
const TAGS_MAX: usize = 50;

/// What a client requires of the current version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Precondition {
    /// Nothing.
    None,
    /// It exists.
    Exists,
    /// It does not exist.
    Absent,
    /// It is one of these.
    Versions(Vec<i64>),
}

impl Precondition {
    /// Reads both headers.
    ///
    /// An entity tag of another form than this API's matches nothing. A weak one
    /// does not match either: `If-Match` requires the strong comparison.
    ///
    /// # Errors
    /// A header is not a list of entity tags, `If-None-Match` is not `*` (only
    /// reads could use another value), or both headers are sent.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Vec<Fault>> {
        let matches = read(headers, &IF_MATCH, "If-Match")?;
        let none_matches = read(headers, &IF_NONE_MATCH, "If-None-Match")?;
        match (matches, none_matches) {
            (None, None) => Ok(Self::None),
            (Some(Tags::Any), None) => Ok(Self::Exists),
            (Some(Tags::Versions(versions)), None) => Ok(Self::Versions(versions)),
            (None, Some(Tags::Any)) => Ok(Self::Absent),
            (None, Some(Tags::Versions(_))) => Err(fault("If-None-Match", "can only be * here")),
            (Some(_), Some(_)) => Err(fault("If-Match", "cannot be combined with If-None-Match")),
        }
    }

    /// Whether the current version meets the precondition.
    pub(crate) fn allows(&self, version: i64) -> bool {
        match self {
            Self::None | Self::Exists => true,
            Self::Absent => false,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

enum Tags {
    Any,
    Versions(Vec<i64>),
}

fn read(
    headers: &HeaderMap,
    header: &HeaderName,
    name: &'static str,
) -> Result<Option<Tags>, Vec<Fault>> {
    let Some(value) = headers.get(header) else {
        return Ok(None);
    };
    let malformed = || fault(name, "must be * or a list of entity tags such as \"3\"");
    let text = value.to_str().map_err(|_| malformed())?.trim();
    if text == "*" {
        return Ok(Some(Tags::Any));
    }
    if TAGS_MAX < text.split(',').count() {
        return Err(fault(name, "lists too many entity tags"));
    }
    let mut versions = Vec::new();
    for tag in text.split(',').map(str::trim) {
        let (weak, opaque) = match tag.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, tag),
        };
        let opaque = opaque
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .filter(|opaque| !opaque.contains('"'))
            .ok_or_else(malformed)?;
        if let (false, Some(version)) = (weak, version_of(opaque)) {
            versions.push(version);
        }
    }
    Ok(Some(Tags::Versions(versions)))
}

/// A version, if the tag is written exactly as this API writes it.
///
/// The first version is 1. The last number is no version: nothing could follow it.
/// So it is safe to add 1 to a version that a client names.
fn version_of(opaque: &str) -> Option<i64> {
    let version: i64 = opaque.parse().ok()?;
    let possible = (1..i64::MAX).contains(&version);
    (possible && version.to_string() == opaque).then_some(version)
}

fn fault(parameter: &'static str, detail: &str) -> Vec<Fault> {
    vec![Fault::of_parameter(parameter, detail)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn precondition(headers: &[(&'static str, &str)]) -> Result<Precondition, Vec<Fault>> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        Precondition::of(&headers)
    }

    #[test]
    fn an_entity_tag_matches_only_in_the_form_of_this_api() {
        let versions = |value| precondition(&[("if-match", value)]);
        assert_eq!(versions("\"3\""), Ok(Precondition::Versions(vec![3])));
        assert_eq!(
            versions("\"3\", \"4\""),
            Ok(Precondition::Versions(vec![3, 4]))
        );
        assert_eq!(
            versions("\"03\", W/\"4\", \"x\", \"\""),
            Ok(Precondition::Versions(vec![]))
        );
        assert_eq!(
            versions("\"0\", \"-1\", \"9223372036854775807\", \"9223372036854775808\""),
            Ok(Precondition::Versions(vec![]))
        );
        assert_eq!(versions(" * "), Ok(Precondition::Exists));
        assert_eq!(precondition(&[]), Ok(Precondition::None));
        assert_eq!(
            precondition(&[("if-none-match", "*")]),
            Ok(Precondition::Absent)
        );
    }

    #[test]
    fn a_header_lists_at_most_fifty_entity_tags() {
        let tags = |count| vec!["\"3\""; count].join(",");
        let listed = precondition(&[("if-match", &tags(50))]);
        assert_eq!(listed, Ok(Precondition::Versions(vec![3; 50])));
        let faults = precondition(&[("if-match", &tags(51))]).unwrap_err();
        let named = Fault::of_parameter("If-Match", "lists too many entity tags");
        assert_eq!(faults, [named]);
    }

    #[test]
    fn a_header_that_is_not_a_list_of_entity_tags_is_a_fault() {
        for bad in ["3", "\"3", "", "\"a\"\"b\"", "\"3\" \"4\"", "é"] {
            assert!(precondition(&[("if-match", bad)]).is_err(), "{bad}");
        }
        assert!(precondition(&[("if-none-match", "\"3\"")]).is_err());
        assert!(precondition(&[("if-match", "*"), ("if-none-match", "*")]).is_err());
    }
}
