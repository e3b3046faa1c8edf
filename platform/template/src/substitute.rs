//! The patterns of `Sub`: `${Name}` is replaced by a value, `${!Name}` by the text `${Name}`.

use crate::fault::Fault;

/// Replaces each `${Name}` of a pattern with the name's value.
pub(crate) fn fill(
    pattern: &str,
    mut value: impl FnMut(&str) -> Result<String, Fault>,
) -> Result<String, Fault> {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            filled.push_str("${");
            rest = after;
            continue;
        };
        match name.strip_prefix('!') {
            Some(literal) => {
                filled.push_str("${");
                filled.push_str(literal);
                filled.push('}');
            }
            None => filled.push_str(&value(name.trim())?),
        }
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: &str) {
        let filled = fill(pattern, |name| Ok(format!("<{name}>"))).unwrap();
        assert_eq!(filled, expected);
    }

    #[test]
    fn names_are_replaced_and_escaped_ones_are_kept() {
        check("a${B}c${AWS::Region}", "a<B>c<AWS::Region>");
        check("${!Literal} $ {x} $${A}", "${Literal} $ {x} $<A>");
        check("open ${ended", "open ${ended");
    }
}
