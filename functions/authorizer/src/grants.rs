//! Finds the scopes that a token grants: in which claims, under which names, and within which limit.

use std::collections::{BTreeMap, BTreeSet};

use shared::json::{Json, Object};

use crate::denial::Denial;

/// The rules of one issuer for its scopes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants {
    /// The claims that hold the scopes, each as a path of member names. Empty for
    /// `scope`, or else `scp`.
    pub(crate) from: Vec<Vec<String>>,
    /// The scopes that each name stands for. Names that are not here are dropped.
    pub(crate) names: Option<BTreeMap<String, Vec<String>>>,
    /// The scopes that the issuer can grant; `None` for every scope.
    pub(crate) may: Option<BTreeSet<String>>,
}

impl Grants {
    /// The scopes of a token with these claims.
    ///
    /// # Errors
    /// [`Denial::Scope`] if a claim that holds scopes has another type, or a text
    /// that cannot be a scope.
    pub(crate) fn of(&self, claims: &Object<'_>) -> Result<BTreeSet<String>, Denial> {
        let words = self.words(claims)?;
        let mut scopes: BTreeSet<String> = match &self.names {
            Some(names) => {
                let granted = words.iter().filter_map(|word| names.get(*word));
                granted.flatten().cloned().collect()
            }
            // The context holds all scopes in one string, separated by spaces. A scope
            // with white space inside would become two scopes there.
            None if !words.iter().copied().all(is_scope) => return Err(Denial::Scope),
            None => words.into_iter().map(str::to_owned).collect(),
        };
        if let Some(may) = &self.may {
            scopes.retain(|scope| may.contains(scope));
        }
        Ok(scopes)
    }

    fn words<'c>(&self, claims: &'c Object<'_>) -> Result<Vec<&'c str>, Denial> {
        if !self.from.is_empty() {
            let found = self.from.iter().filter_map(|path| find(claims, path));
            let words: Result<Vec<_>, _> = found.map(list).collect();
            return Ok(words?.concat());
        }
        // `scope` is a string (RFC 8693 section 4.2). Some issuers write `scp`, as a
        // list or as a string.
        match (claims.get("scope"), claims.get("scp")) {
            (Some(scope), _) => scope.as_str().map(split).ok_or(Denial::Scope),
            (None, Some(scp)) => list(scp),
            (None, None) => Ok(Vec::new()),
        }
    }
}

/// The member at a path. `None` if it, or an object on the way, is missing.
fn find<'c, 'j>(claims: &'c Object<'j>, path: &[String]) -> Option<&'c Json<'j>> {
    let (last, way) = path.split_last()?;
    let mut at = claims;
    for name in way {
        match at.get(name)? {
            Json::Object(members) => at = members,
            _ => return None,
        }
    }
    at.get(last)
}

/// The words of a list, or of a string that separates them by spaces.
fn list<'c>(value: &'c Json<'_>) -> Result<Vec<&'c str>, Denial> {
    match value.as_str() {
        Some(text) => Ok(split(text)),
        None => value.as_strings().ok_or(Denial::Scope),
    }
}

fn split(text: &str) -> Vec<&str> {
    text.split(' ').filter(|word| !word.is_empty()).collect()
}

/// Whether a text is a scope-token of RFC 6749 section 3.3.
pub(crate) fn is_scope(text: &str) -> bool {
    let within = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !text.is_empty() && text.bytes().all(within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[track_caller]
    fn check(payload: &str, expected: Result<&[&str], Denial>) {
        let claims = json::object(payload.as_bytes()).unwrap();
        let scopes = Grants::default().of(&claims);
        let expected = expected.map(|list| list.iter().map(ToString::to_string).collect());
        assert_eq!(scopes, expected, "{payload}");
    }

    #[test]
    fn scopes_are_a_string_or_a_list() {
        check("{}", Ok(&[]));
        check(r#"{"scope": "b a  b"}"#, Ok(&["a", "b"]));
        check(r#"{"scp": ["a", "b"]}"#, Ok(&["a", "b"]));
        check(r#"{"scp": "a b"}"#, Ok(&["a", "b"]));
        check(r#"{"scope": "a", "scp": ["b"]}"#, Ok(&["a"]));
        for bad in [
            r#"{"scope": ["a"]}"#,
            r#"{"scope": null, "scp": ["a"]}"#,
            r#"{"scp": ["a", 1]}"#,
            r#"{"scp": {"a": true}}"#,
        ] {
            check(bad, Err(Denial::Scope));
        }
    }

    #[test]
    fn a_scope_with_white_space_inside_cannot_become_two() {
        for bad in [
            r#"{"scope": "a\tb"}"#,
            r#"{"scp": ["a b"]}"#,
            r#"{"scp": [""]}"#,
            r#"{"scope": "a\"b"}"#,
        ] {
            check(bad, Err(Denial::Scope));
        }
    }
}
