//! Writes `alert.txt`: the whole event, unescaped, for what does not fit into a message.

use std::fmt::Write as _;

use crate::event::{Event, Rich, Span};
use crate::message::{FILE_BYTES_MAX, File};

/// The event as a text file.
pub(crate) fn file(event: &Event) -> File {
    let mut text = format!("{} · {}\n\n", event.headline(), event.title);
    for part in [plain(&event.reason), event.code.clone().unwrap_or_default()] {
        if !part.trim().is_empty() && part != event.raw {
            text.push_str(&part);
            text.push_str("\n\n");
        }
    }
    let common = event.common_fields().into_iter();
    let links = event.links_field(|_| true);
    for field in common.chain(links).chain(event.fields.clone()) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}: {}", field.name, plain(&field.value));
    }
    text.push_str("\nThe original message:\n\n");
    text.push_str(&event.raw);
    text.push('\n');
    File {
        name: "alert.txt",
        content_type: "text/plain; charset=utf-8",
        bytes: cut(text, FILE_BYTES_MAX).into_bytes(),
    }
}

fn plain(rich: &Rich) -> String {
    let mut text = String::new();
    for span in &rich.0 {
        // Writing to a String cannot fail.
        let _ = match span {
            Span::Text(words) => write!(text, "{words}"),
            Span::Link(link) => write!(text, "{} <{}>", link.label, link.url.as_str()),
            Span::Time(at) => write!(text, "{at}"),
        };
    }
    text
}

/// Cuts a text between characters, and says at its end how much was kept.
fn cut(mut text: String, bytes_max: usize) -> String {
    let bytes = text.len();
    if bytes <= bytes_max {
        return text;
    }
    let note = |kept: usize| format!("\n[cut: {kept} of {bytes} bytes]\n");
    // The longest note has two numbers of equal length.
    let room = bytes_max.saturating_sub(note(bytes).len());
    let kept = text.floor_char_boundary(room);
    text.truncate(kept);
    text + &note(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_the_limit_is_cut_to_it_and_says_so() {
        let text = cut("é".repeat(100), 100);
        assert!(text.len() <= 100, "{}", text.len());
        assert!(text.ends_with(" of 200 bytes]\n"), "{text}");
        let kept: usize = text.matches('é').count() * 2;
        assert!(text.contains(&format!("[cut: {kept} of")), "{text}");
    }

    #[test]
    fn a_file_at_the_limit_is_not_cut() {
        assert_eq!(cut("é".repeat(50), 100), "é".repeat(50));
    }
}
