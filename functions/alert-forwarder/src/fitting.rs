//! Makes fields and rich text fit into an embed: escapes and cuts text, and drops fields from the end.

use crate::event::{Event, Field, Link, Rich, Span};
use crate::linked;
use crate::message::{EmbedField, FIELD_NAME_UNITS_MAX, FIELD_VALUE_UNITS_MAX, FIELDS_MAX};
use crate::text::{ELLIPSIS, Fitted, Style, fit, units};

const LINK_LABEL_UNITS_MAX: usize = 200;

/// Fields that fit. The event's own come first. The common ones (when and where) are few and dropped
/// last.
#[derive(Debug, Default)]
pub(crate) struct FittedFields {
    own: Vec<EmbedField>,
    common: Vec<EmbedField>,
    pub(crate) units: usize,
    pub(crate) cut: bool,
}

impl FittedFields {
    fn fit(&mut self, field: &Field) -> EmbedField {
        let name = fit(&field.name, Style::Line, FIELD_NAME_UNITS_MAX);
        let value = rich(&field.value, FIELD_VALUE_UNITS_MAX);
        self.cut |= name.cut || value.cut;
        let field = EmbedField {
            name: or_else(name.text, "(no name)"),
            value: or_else(value.text, "(blank)"),
            inline: field.inline,
        };
        self.units += units_of(&field);
        field
    }

    /// Drops fields from the end until the rest fits.
    pub(crate) fn shrink(&mut self, units_max: usize) {
        while units_max < self.units
            && let Some(field) = self.own.pop().or_else(|| self.common.pop())
        {
            self.units -= units_of(&field);
            self.cut = true;
        }
    }

    pub(crate) fn into_fields(self) -> Vec<EmbedField> {
        let mut fields = self.own;
        fields.extend(self.common);
        fields
    }
}

fn units_of(field: &EmbedField) -> usize {
    units(&field.name) + units(&field.value)
}

/// The fields of an event, within Discord's limit of fields and a limit of units. `linked` says which of
/// the event's links belong into a field.
pub(crate) fn fields(
    event: &Event,
    linked: impl Fn(&Link) -> bool,
    units_max: usize,
) -> FittedFields {
    let mut fitted = FittedFields::default();
    let links = event.links_field(linked);
    for field in event.common_fields().into_iter().chain(links) {
        let field = fitted.fit(&field);
        fitted.common.push(field);
    }
    let own_max = FIELDS_MAX - fitted.common.len();
    for field in event.fields.iter().take(own_max) {
        let field = fitted.fit(field);
        fitted.own.push(field);
    }
    fitted.cut |= own_max < event.fields.len();
    fitted.shrink(units_max);
    fitted
}

/// Replaces a blank text: Discord refuses a name or value of white-space only.
fn or_else(text: String, instead: &str) -> String {
    if text.trim().is_empty() {
        instead.to_owned()
    } else {
        text
    }
}

/// Escapes a text but for its links, which a reader can open. A link shows its whole address.
fn words_with_links(words: &str, units_max: usize) -> Fitted {
    let mut text = String::new();
    for part in linked::parts(words) {
        let room = units_max - units(&text);
        let piece = match part {
            linked::Part::Words(words) => fit(words, Style::Markdown, room),
            linked::Part::Url(url) => whole_or_cut(format!("<{}>", url.as_str()), room),
        };
        text.push_str(&piece.text);
        if piece.cut {
            return Fitted { text, cut: true };
        }
    }
    Fitted { text, cut: false }
}

/// Renders rich text as markdown. A link or time that does not fit is left out whole.
pub(crate) fn rich(rich: &Rich, units_max: usize) -> Fitted {
    let mut text = String::new();
    for span in joined(rich) {
        let room = units_max - units(&text);
        let piece = match span {
            Span::Text(words) => words_with_links(&words, room),
            Span::Link(link) => {
                let label = fit(&link.label, Style::Label, LINK_LABEL_UNITS_MAX);
                let label = or_else(label.text, "link");
                whole_or_cut(format!("[{label}]({})", link.url.as_str()), room)
            }
            Span::Time(at) => {
                let at = at.as_second();
                whole_or_cut(format!("<t:{at}:R> (<t:{at}:f>)"), room)
            }
        };
        text.push_str(&piece.text);
        if piece.cut {
            return Fitted { text, cut: true };
        }
    }
    let text = if text.trim().is_empty() {
        String::new()
    } else {
        text
    };
    Fitted { text, cut: false }
}

fn whole_or_cut(piece: String, room: usize) -> Fitted {
    if units(&piece) <= room {
        return Fitted {
            text: piece,
            cut: false,
        };
    }
    let text = if 0 < room {
        ELLIPSIS.to_string()
    } else {
        String::new()
    };
    Fitted { text, cut: true }
}

/// Joins neighbouring texts into one, so that escaping sees markup that spans them.
fn joined(rich: &Rich) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::with_capacity(rich.0.len());
    for span in &rich.0 {
        if let (Some(Span::Text(before)), Span::Text(after)) = (spans.last_mut(), span) {
            before.push_str(after);
        } else {
            spans.push(span.clone());
        }
    }
    spans
}
