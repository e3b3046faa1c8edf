//! Short names of services, and texts that are cut to a length.

/// What the names of most services begin with.
const PREFIXES: [&str; 3] = ["Amazon ", "Amazon", "AWS "];

/// `Simple Storage Service` for `Amazon Simple Storage Service`, in at most so many characters.
pub(crate) fn service(name: &str, characters_max: usize) -> String {
    let short = PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    text(short, characters_max)
}

/// A text on one line, in at most so many characters, with `…` at the end of one that was cut.
pub(crate) fn text(whole: &str, characters_max: usize) -> String {
    let line = whole.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= characters_max {
        return line;
    }
    let kept: String = line
        .chars()
        .take(characters_max.saturating_sub(1))
        .collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(service("Amazon DynamoDB", 24), "DynamoDB");
        assert_eq!(service("AWS Lambda", 24), "Lambda");
        assert_eq!(service("AmazonCloudWatch", 24), "CloudWatch");
        assert_eq!(service("Tax", 24), "Tax");
        let long = service(&"é".repeat(200), 24);
        assert_eq!(long.chars().count(), 24);
        assert!(long.ends_with('…'));
        assert_eq!(text("a\nb  c", 9), "a b c");
    }
}
