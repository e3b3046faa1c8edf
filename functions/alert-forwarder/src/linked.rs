//! Finds the links in a text.

use crate::link::SafeUrl;

/// A part of a text.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Part<'a> {
    /// Words, to be escaped.
    Words(&'a str),
    /// An address that is safe to open.
    Url(SafeUrl),
}

/// Splits a text into words and links. An address that is not safe to open stays words, and so does one in
/// the middle of a word. Angle brackets around a link are dropped.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut words_from = 0;
    let mut search_from = 0;
    while let Some((start, end)) = next(text, search_from) {
        search_from = end;
        let before = text.get(..start).unwrap_or_default();
        let is_inside_word = before
            .chars()
            .next_back()
            .is_some_and(char::is_alphanumeric);
        let url = text.get(start..end).and_then(SafeUrl::in_text);
        let Some(url) = url.filter(|_| !is_inside_word) else {
            continue;
        };
        let in_brackets =
            before.ends_with('<') && text.get(end..).is_some_and(|after| after.starts_with('>'));
        let words = text.get(words_from..start - usize::from(in_brackets));
        parts.extend(words.filter(|words| !words.is_empty()).map(Part::Words));
        parts.push(Part::Url(url));
        words_from = end + usize::from(in_brackets);
        search_from = words_from;
    }
    let rest = text.get(words_from..).unwrap_or_default();
    if !rest.is_empty() {
        parts.push(Part::Words(rest));
    }
    parts
}

/// Where the next address begins and ends.
fn next(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    let start = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| rest.find(scheme))
        .min()?;
    let address = rest.get(start..)?;
    let length = address
        .find(|character: char| {
            !character.is_ascii_graphic() || matches!(character, '<' | '>' | '"' | '`' | '\\' | '|')
        })
        .unwrap_or(address.len());
    let mut address = address.get(..length)?;
    // Punctuation at the end belongs to the sentence, and so does a bracket that was opened before.
    loop {
        let opens = |open| address.matches(open).count();
        let is_end = match address.chars().next_back() {
            Some('.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~') => true,
            Some(')') => opens('(') < opens(')'),
            Some(']') => opens('[') < opens(']'),
            Some('}') => opens('{') < opens('}'),
            _ => false,
        };
        if !is_end {
            break;
        }
        address = address.get(..address.len() - 1)?;
    }
    Some((from + start, from + start + address.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let shown: Vec<String> = parts(text)
            .iter()
            .map(|part| match part {
                Part::Words(words) => (*words).to_owned(),
                Part::Url(url) => format!("<{}>", url.as_str()),
            })
            .collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn links_are_found_without_the_punctuation_around_them() {
        check(
            "See https://a.example/x, and (http://b.example/y).",
            &[
                "See ",
                "<https://a.example/x>",
                ", and (",
                "<http://b.example/y>",
                ").",
            ],
        );
        check("<https://a.example/x>!", &["<https://a.example/x>", "!"]);
        check(
            "[a](https://a.example/x_(y))",
            &["[a](", "<https://a.example/x_%28y%29>", ")"],
        );
        check("no link", &["no link"]);
        check("", &[]);
    }

    #[test]
    fn what_is_not_safe_to_open_stays_text() {
        for text in [
            "https://discord.gg/abcdef",
            "xhttps://a.example/",
            "javascript:alert(1)",
            "https://user:password@a.example/",
            "https://",
        ] {
            check(text, &[text]);
        }
    }
}
