//! Owns foreign text on its way to Discord: cleaned, escaped, cut where a reader would cut.
//!
//! Discord counts UTF-16 code units. A text is first split into grapheme
//! clusters, each is escaped, and the escaped pieces are taken until the next
//! one no longer fits: so neither an emoji nor an escape is ever cut in two.

use unicode_segmentation::UnicodeSegmentation as _;

/// What a cut text ends with.
pub(crate) const ELLIPSIS: char = '…';

/// Breaks what Discord would otherwise recognise, and shows nothing.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// How a place in a message reads what is written there.
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
    /// A footer: no markdown is read, so a backslash would be seen.
    Plain,
}

/// The length Discord counts.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text that fits, and whether something had to go.
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
    // Where the text may be cut and still have room for the ellipsis.
    let mut cut_at = 0;
    let mut before = Before::default();
    for grapheme in clean.graphemes(true) {
        let piece = escape(grapheme, style, &mut before);
        let piece_units = units(&piece);
        if units_max < used + piece_units {
            text.truncate(cut_at);
            // A white-space before the ellipsis is a unit for nothing.
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

/// Removes what can only deceive: control characters, characters that change
/// the direction of the text after them, and invisible ones that could hide a word.
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

/// Marks of direction, and invisible characters other than the joiners that
/// emoji and some scripts are made with (U+200C and U+200D stay).
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

/// What stood before a character, as far as escaping needs to know.
struct Before {
    /// Only white-space, or digits of a list's number, since the line began.
    line: Line,
    /// The lower-case letters that end here, to recognise Discord's own names.
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
                // A bracket would end the label, and Discord reads no escape there.
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

/// Discord takes a backslash before any punctuation as "this character, as it
/// is". Only those are escaped that could be markup where they stand: a phone
/// shows notifications without reading the markup, and a name should stay legible.
fn escape_markdown(character: char, before: &Before, escaped: &mut String) {
    let markup = match character {
        // Emphasis, spoilers, code, mentions, emoji, time stamps, masked links, the escape itself.
        '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '[' => true,
        // Headings, lists, quotes; `-#` is small print.
        '#' | '-' | '+' | '>' => before.line != Line::Inside,
        '.' | ')' if before.line == Line::Number => true,
        // `discord.gg/…` is an invitation even without a scheme.
        '.' => ["discord", "discordapp"]
            .iter()
            .any(|name| before.word.ends_with(name)),
        // `https://…` would be a link, in the middle of a word too.
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
