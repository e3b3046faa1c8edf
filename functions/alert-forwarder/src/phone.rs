//! Shows a message as the text that a reader sees on a phone.

use crate::message::{Embed, Message, SUPPRESS_NOTIFICATIONS};

/// A message as plain text: markup is resolved, links are written out, times are in UTC.
///
/// The lines are, each only if there is something to show: the content, the bar's colour with the title,
/// the description, a line `name: value` for each field, the link of the title, the footer, the names of
/// the pictures and attachments, the buttons, and whether it makes no sound.
pub fn render_text(message: &Message) -> String {
    let mut lines = Vec::new();
    if !message.payload.content.is_empty() {
        lines.push(resolved(&message.payload.content));
    }
    for embed in &message.payload.embeds {
        show(embed, &mut lines);
    }
    for file in &message.files {
        let word = if file.content_type.starts_with("image/") {
            "picture"
        } else {
            "attached"
        };
        lines.push(format!("{word}: {}", file.name));
    }
    for button in message
        .payload
        .components
        .iter()
        .flat_map(|row| &row.components)
    {
        lines.push(format!("button: {} <{}>", button.label, button.url));
    }
    if message.payload.flags & SUPPRESS_NOTIFICATIONS != 0 {
        lines.push("no sound".to_owned());
    }
    lines.join("\n") + "\n"
}

fn show(embed: &Embed, lines: &mut Vec<String>) {
    let color = color_word(embed.color);
    lines.push(format!("[{color}] {}", resolved(&embed.title)));
    if !embed.description.is_empty() {
        lines.push(resolved(&embed.description));
    }
    for field in &embed.fields {
        let value = resolved(&field.value).replace('\n', "\n  ");
        lines.push(format!("{}: {value}", resolved(&field.name)));
    }
    if let Some(url) = &embed.url {
        lines.push(format!("link: {url}"));
    }
    lines.push(format!("({})", embed.footer.text));
}

/// The name of a colour of `render.rs`.
fn color_word(color: u32) -> String {
    let word = match color {
        0x002E_CC71 => "green",
        0x0095_A5A6 => "grey",
        0x0034_98DB => "blue",
        0x00F3_9C12 => "orange",
        0x00E7_4C3C => "red",
        0x00B0_0020 => "dark red",
        other => return format!("#{other:06x}"),
    };
    word.to_owned()
}

/// Resolves the markup that this crate writes: escapes, masked links, bare links, times and code blocks.
fn resolved(markdown: &str) -> String {
    let mut shown = String::new();
    for (index, part) in markdown.split("```\n").enumerate() {
        if index % 2 == 1 {
            // Inside a code block, only the invisible spaces are ours.
            shown.push_str(&part.replace('\u{200b}', ""));
        } else {
            resolve(part, &mut shown);
        }
    }
    shown.trim_end().trim_end_matches("\n```").to_owned()
}

fn resolve(markdown: &str, shown: &mut String) {
    let mut rest = markdown;
    while let Some(first) = rest.chars().next() {
        if let Some((text, after)) = time(rest)
            .or_else(|| masked_link(rest))
            .or_else(|| bare_link(rest))
        {
            shown.push_str(&text);
            rest = after;
            continue;
        }
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
        match first {
            '\\' => {
                if let Some(escaped) = rest.chars().next() {
                    shown.push(escaped);
                    rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
                }
            }
            '\u{200b}' => {}
            other => shown.push(other),
        }
    }
}

/// `<t:1784455200:R> (<t:1784455200:f>)` as a time in UTC.
fn time(rest: &str) -> Option<(String, &str)> {
    let (seconds, after) = rest.strip_prefix("<t:")?.split_once(":R>")?;
    let at = jiff::Timestamp::from_second(seconds.parse().ok()?).ok()?;
    let after = after
        .strip_prefix(&format!(" (<t:{seconds}:f>)"))
        .unwrap_or(after);
    Some((at.to_string(), after))
}

/// `[label](url)` as `label <url>`.
fn masked_link(rest: &str) -> Option<(String, &str)> {
    let (label, after) = rest.strip_prefix('[')?.split_once("](")?;
    let (url, after) = after.split_once(')')?;
    let mut text = String::new();
    resolve(label, &mut text);
    Some((format!("{text} <{url}>"), after))
}

/// `<https://…>` stays as it is: an address has no escapes.
fn bare_link(rest: &str) -> Option<(String, &str)> {
    let (url, after) = rest.strip_prefix('<')?.split_once('>')?;
    let is_url = url.starts_with("https://") || url.starts_with("http://");
    is_url.then(|| (format!("<{url}>"), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(markdown: &str, expected: &str) {
        assert_eq!(resolved(markdown), expected);
    }

    #[test]
    fn markup_is_shown_as_a_reader_sees_it() {
        check(r"a\_b\*c", "a_b*c");
        check("@\u{200b}everyone", "@everyone");
        check(
            "[a\\_b](https://a.example/x_y)",
            "a_b <https://a.example/x_y>",
        );
        check(
            "see <https://a.example/x_y>.",
            "see <https://a.example/x_y>.",
        );
        check(
            "<t:1784455200:R> (<t:1784455200:f>)",
            "2026-07-19T10:00:00Z",
        );
        check("why\\_\n```\na\\_b\n```", "why_\na\\_b");
    }

    #[test]
    fn an_unknown_colour_is_shown_as_its_number() {
        assert_eq!(color_word(0x0034_98DB), "blue");
        assert_eq!(color_word(0x12), "#000012");
    }
}
