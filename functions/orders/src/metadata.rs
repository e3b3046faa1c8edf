//! What an order can carry for its shop: a reference and a few texts.

use std::collections::BTreeMap;

use crate::body::Object;
use crate::fault::Faults;
use crate::text::Text;

/// How many pairs an order can carry.
const PAIRS_MAX: usize = 10;

/// The longest name of a pair, in characters.
const NAME_CHARACTERS_MAX: usize = 40;

/// The longest value of a pair, in characters.
const VALUE_CHARACTERS_MAX: usize = 500;

/// The most that all names and values together may have, in bytes.
const METADATA_BYTES_MAX: usize = 4 * 1_024;

/// The shop's own name for an order, such as a basket's number.
pub(crate) type Reference = Text<100>;

/// Texts of the shop, by name. Surefire stores them and never reads them.
pub(crate) type Metadata = BTreeMap<String, String>;

/// Takes the optional member `metadata`. An empty object is the same as none.
pub(crate) fn take(object: &mut Object<'_>, faults: &mut Faults) -> Metadata {
    let pairs = object.optional_texts("metadata", faults, pair);
    let pairs = pairs.unwrap_or_default();
    let pointer = object.pointer_to("metadata");
    if PAIRS_MAX < pairs.len() {
        let detail = format!("must have at most {PAIRS_MAX} members, not {}", pairs.len());
        faults.add(&pointer, detail);
    }
    let bytes: usize = pairs
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if METADATA_BYTES_MAX < bytes {
        let detail = format!(
            "the names and values must have at most {METADATA_BYTES_MAX} bytes in all, not {bytes}"
        );
        faults.add(&pointer, detail);
    }
    pairs.into_iter().collect()
}

fn pair(name: &str, value: &str) -> Result<(String, String), String> {
    let clean =
        |text: &str, most| text.chars().count() <= most && !text.chars().any(char::is_control);
    if name.is_empty() || !clean(name, NAME_CHARACTERS_MAX) {
        return Err(format!(
            "the name must have 1 to {NAME_CHARACTERS_MAX} characters and no control characters"
        ));
    }
    if !clean(value, VALUE_CHARACTERS_MAX) {
        return Err(format!(
            "must have at most {VALUE_CHARACTERS_MAX} characters and no control characters"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;

    /// Reads metadata, or counts its faults.
    fn read(json: &str) -> Result<Metadata, usize> {
        let body = format!(r#"{{"metadata": {json}}}"#);
        let read = body::read(body.as_bytes(), |mut object, faults| {
            let metadata = take(&mut object, faults);
            object.end(faults);
            Some(metadata)
        });
        read.map_err(|faults| faults.len())
    }

    fn pairs(count: usize, value_bytes: usize) -> String {
        let value = "x".repeat(value_bytes);
        let pairs: Vec<_> = (0..count)
            .map(|n| format!(r#""n{n}": "{value}""#))
            .collect();
        format!("{{{}}}", pairs.join(","))
    }

    #[test]
    fn metadata_is_a_few_texts_by_name() {
        let two = Metadata::from([
            ("gift".to_owned(), "yes".to_owned()),
            ("note".to_owned(), String::new()),
        ]);
        assert_eq!(read(r#"{"note": "", "gift": "yes"}"#), Ok(two));
        assert_eq!(read("{}"), Ok(Metadata::new()));
        for bad in ["null", "[]", r#""x""#, r#"{"a": 1}"#, r#"{"a": null}"#] {
            assert_eq!(read(bad), Err(1), "{bad}");
        }
        assert_eq!(read(r#"{"": "x"}"#), Err(1));
        assert_eq!(read(r#"{"a\n": "x"}"#), Err(1));
        assert_eq!(read(r#"{"a": "x\u0000"}"#), Err(1));
        assert_eq!(read(r#"{"a": "x", "a": "x"}"#), Err(1));
    }

    #[test]
    fn each_limit_of_metadata_is_the_largest_that_is_accepted() {
        assert!(read(&pairs(10, 1)).is_ok());
        assert_eq!(read(&pairs(11, 1)), Err(1));
        assert!(read(&format!(r#"{{"{}": ""}}"#, "é".repeat(40))).is_ok());
        assert_eq!(read(&format!(r#"{{"{}": ""}}"#, "é".repeat(41))), Err(1));
        assert!(read(&format!(r#"{{"a": "{}"}}"#, "é".repeat(500))).is_ok());
        assert_eq!(read(&format!(r#"{{"a": "{}"}}"#, "é".repeat(501))), Err(1));
        // Eight names of two bytes, and 8 * 510 = 4,080 bytes of values.
        let full = pairs(8, 500).replacen("xxxx", &"é".repeat(4), 20);
        assert_eq!(read(&full).map(|it| it.len()), Ok(8));
        let over = pairs(8, 500).replacen("xxxx", &"é".repeat(4), 21);
        assert_eq!(read(&over), Err(1));
    }
}
