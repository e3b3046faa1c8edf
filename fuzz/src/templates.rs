//! The target of the template's reader: any text, and the shipped template with changed lines.

use arbitrary::Unstructured;
use template::{SHIPPED_COST, Stack, Template};

/// What a changed line may have as its value.
const VALUES: [&str; 20] = [
    "",
    "~",
    "!Ref Name",
    "!Sub '${A}.${B}'",
    "!If [A, B, C]",
    "!GetAtt A.Arn",
    "!Join ['', [a, !Ref A]]",
    "[",
    "{a: b}",
    "- a",
    "&a [*a]",
    "*a",
    "|",
    ">-",
    "1e999",
    "-1",
    "\"\\u0000\"",
    "!Select [9, [a]]",
    "!Equals [a, b]",
    "<<: *a",
];

/// Lines may be changed by this many decisions.
const CHANGES_MAX: usize = 8;

pub(crate) fn template(data: &[u8]) {
    read(&String::from_utf8_lossy(data));
    let mut input = Unstructured::new(data);
    let mut lines: Vec<String> = SHIPPED_COST.lines().map(str::to_owned).collect();
    for _ in 0..input.int_in_range(0..=CHANGES_MAX).unwrap_or(0) {
        let at = input.int_in_range(0..=lines.len() - 1).unwrap_or(0);
        let Some(line) = lines.get_mut(at) else {
            continue;
        };
        let kept = line.find(':').map_or(0, |colon| colon + 1);
        let kept = line.get(..kept).unwrap_or_default();
        *line = match input.int_in_range(0_u8..=3).unwrap_or(0) {
            0 => String::new(),
            1 => format!("{kept} {}", input.choose(&VALUES).unwrap_or(&"")),
            2 => format!("  {line}"),
            _ => {
                let bytes: Vec<u8> = input.arbitrary().unwrap_or_default();
                format!("{kept} {}", String::from_utf8_lossy(&bytes))
            }
        };
    }
    read(&lines.join("\n"));
}

/// Each mistake has a line of the text.
fn read(text: &str) {
    let lines = text.lines().count() + 1;
    let faults = [Template::read(text, []).err(), Stack::read(text, []).err()];
    for error in faults.into_iter().flatten() {
        let said = error.to_string();
        assert!(!said.is_empty());
        assert!(said.lines().count() <= 10 * lines + 10, "{said}");
    }
}
