//! Prepares foreign text for Discord: cleans it, escapes it, and cuts it between characters.
//!
//! Discord counts UTF-16 code units. A text is split into grapheme clusters, and each is escaped. The
//! escaped pieces are kept until the next one does not fit, so neither an emoji nor an escape is cut in
//! two.

use unicode_segmentation::UnicodeSegmentation as _;

/// The end of a text that was cut.
pub(crate) const ELLIPSIS: char = '…';

/// Invisible. Breaks up what Discord would recognise otherwise.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// How Discord reads text at a place in a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Markdown over many lines: descriptions, field values, content.
    Markdown,
    /// Markdown on one line: titles and the names of fields.
    Line,
    /// The label of a masked link.
    Label,
    /// Inside a fenced code block.
    Code,
    /// A footer. Discord reads no markdown there, so a backslash would be visible.
    Plain,
}

/// The length of a text as Discord counts it.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text that fits, and whether it was cut.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fitted {
    /// The escaped text.
    pub text: String,
    /// Whether the text was cut.
    pub cut: bool,
}

/// Cleans and escapes a foreign text, and cuts it to `units_max`.
pub fn fit(foreign: &str, style: Style, units_max: usize) -> Fitted {
    let clean = clean(foreign, style);
    let mut text = String::new();
    let mut used = 0;
    // The last place to cut with room for the ellipsis.
    let mut cut_at = 0;
    let mut before = Before::default();
    for grapheme in clean.graphemes(true) {
        let piece = escape(grapheme, style, &mut before);
        let piece_units = units(&piece);
        if units_max < used + piece_units {
            text.truncate(cut_at);
            // White-space before the ellipsis would waste a unit.
            text.truncate(text.trim_end().len());
            if 0 < units_max {
                text.push(ELLIPSIS);
            }
            return Fitted { text, cut: true };
        }
        text.push_str(&piece);
        used += piece_units;
        if used < units_max {
            cut_at = text.len();
        }
    }
    Fitted { text, cut: false }
}

/// Escapes a foreign text of any length.
pub fn escaped(foreign: &str, style: Style) -> String {
    fit(foreign, style, usize::MAX).text
}

/// Removes characters that can only deceive: control characters, those that change the direction of
/// text, and invisible ones that could hide a word.
pub fn clean(foreign: &str, style: Style) -> String {
    let mut clean = String::with_capacity(foreign.len());
    let mut characters = foreign.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' if one_line(style) => clean.push(' '),
            '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\n' => clean.push('\n'),
            '\t' => clean.push_str("  "),
            character if character.is_control() || is_deceptive(character) => {}
            character => clean.push(character),
        }
    }
    clean
}

const fn one_line(style: Style) -> bool {
    match style {
        Style::Line | Style::Label | Style::Plain => true,
        Style::Markdown | Style::Code => false,
    }
}

/// Whether a character changes the direction of text or is invisible. The joiners U+200C and U+200D stay:
/// emoji and some scripts need them.
const fn is_deceptive(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// What stands before a character, as far as escaping depends on it.
struct Before {
    /// The part of the line before the character.
    line: Line,
    /// The letters directly before the character, in lower case: a scheme or host that Discord knows.
    word: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Line {
    Start,
    Number,
    Inside,
}

impl Default for Before {
    fn default() -> Self {
        Self {
            line: Line::Start,
            word: String::new(),
        }
    }
}

impl Before {
    fn step(&mut self, character: char) {
        self.line = match (self.line, character) {
            (_, '\n') => Line::Start,
            (Line::Start, space) if space.is_whitespace() => Line::Start,
            (Line::Start | Line::Number, digit) if digit.is_ascii_digit() => Line::Number,
            _ => Line::Inside,
        };
        if character.is_ascii_alphabetic() {
            self.word.push(character.to_ascii_lowercase());
        } else {
            self.word.clear();
        }
    }
}

fn escape(grapheme: &str, style: Style, before: &mut Before) -> String {
    let mut escaped = String::with_capacity(grapheme.len() + 1);
    for character in grapheme.chars() {
        match style {
            Style::Markdown | Style::Line => escape_markdown(character, before, &mut escaped),
            Style::Label => match character {
                // A bracket would end the label, and Discord reads no escape in a label.
                '[' => escaped.push('('),
                ']' => escaped.push(')'),
                character => escape_markdown(character, before, &mut escaped),
            },
            Style::Code => {
                escaped.push(character);
                if matches!(character, '`' | '@') {
                    escaped.push(ZERO_WIDTH_SPACE);
                }
            }
            Style::Plain => {
                escaped.push(character);
                if character == '@' {
                    escaped.push(ZERO_WIDTH_SPACE);
                }
            }
        }
        before.step(character);
    }
    escaped
}

/// A backslash makes Discord show the punctuation after it unchanged. Only characters that could be
/// markup at their place get one: a phone shows notifications with the backslashes, and a name should
/// stay readable.
fn escape_markdown(character: char, before: &Before, escaped: &mut String) {
    let markup = match character {
        // Emphasis, spoilers, code, mentions, emoji, time stamps, masked links, the escape itself.
        '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '[' => true,
        // Headings, lists, quotes, and small print (`-#`).
        '#' | '-' | '+' | '>' => before.line != Line::Inside,
        '.' | ')' if before.line == Line::Number => true,
        // `discord.gg/…` is an invitation even without a scheme.
        '.' => ["discord", "discordapp"]
            .iter()
            .any(|name| before.word.ends_with(name)),
        // `https://…` is a link, also in the middle of a word.
        ':' => ["http", "https", "steam", "discord", "mailto", "tel", "sms"]
            .iter()
            .any(|scheme| before.word.ends_with(scheme)),
        _ => false,
    };
    if markup {
        escaped.push('\\');
    }
    escaped.push(character);
    if character == '@' {
        // A backslash does not stop `@everyone`.
        escaped.push(ZERO_WIDTH_SPACE);
    }
}
