//! Reads YAML: text in, a tree of nodes with their tags and lines out.
//!
//! A tree of JSON values would lose the tags (`!Ref`), which CloudFormation needs, and the lines,
//! which errors name.

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::fault::Fault;

/// A value in the text, with its line and its tag.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// The line it begins on, from 1.
    pub(crate) line: usize,
    /// Its tag as written, without the `!`.
    pub(crate) tag: Option<String>,
    /// Its content.
    pub(crate) content: Content,
}

/// The content of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// A scalar. Without quotes it may be a number, a boolean or null.
    Scalar {
        /// The text, after YAML's escapes.
        text: String,
        /// Whether it is written without quotes.
        plain: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text.
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// The line of the key.
    pub(crate) line: usize,
    /// The value.
    pub(crate) value: Node,
}

impl Node {
    /// The entries of a mapping; empty for another node.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            Content::Scalar { .. } | Content::List(_) => &[],
        }
    }

    /// The value of a key of this mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// The value at a path of keys.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a scalar without a tag.
    pub(crate) fn text(&self) -> Option<&str> {
        match (&self.content, &self.tag) {
            (Content::Scalar { text, .. }, None) => Some(text),
            _ => None,
        }
    }

    /// The value of a key that this mapping must have.
    pub(crate) fn need(&self, key: &str) -> Result<&Node, Fault> {
        self.get(key)
            .ok_or_else(|| self.fault(format!("the key `{key}` is missing here")))
    }

    /// The nodes of a list, which this node must be.
    pub(crate) fn list(&self) -> Result<&[Node], Fault> {
        match &self.content {
            Content::List(nodes) => Ok(nodes),
            Content::Scalar { .. } | Content::Map(_) => Err(self.fault("a list is needed here")),
        }
    }

    /// A fault at this node.
    pub(crate) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault {
            line: self.line,
            message: message.into(),
        }
    }
}

/// Reads the one document of a text.
pub(crate) fn read(text: &str) -> Result<Node, Fault> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        line: 1,
    };
    let node = match reader.next()? {
        (Event::StreamEnd, span) => return Err(fault(line(&span), "the file is empty")),
        (event, span) => reader.node(event, &span)?,
    };
    match reader.next()? {
        (Event::StreamEnd, _) => Ok(node),
        (_, span) => Err(fault(line(&span), "a second YAML document begins here")),
    }
}

struct Reader<'text> {
    events: Parser<'text, granit_parser::StrInput<'text>>,
    line: usize,
}

impl<'text> Reader<'text> {
    /// The next event that is part of a value.
    fn next(&mut self) -> Result<(Event<'text>, Span), Fault> {
        loop {
            let (event, span) = match self.events.next_event() {
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    return Err(fault(error.marker().line(), format!("not YAML: {error}")));
                }
                None => return Err(fault(self.line, "the file ends too early")),
            };
            self.line = line(&span);
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => return Ok((event, span)),
            }
        }
    }

    fn node(&mut self, event: Event<'text>, span: &Span) -> Result<Node, Fault> {
        let line = line(span);
        let (tag, content) = match event {
            Event::Scalar(text, style, _, tag) => {
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                (tag, Content::Scalar { text, plain })
            }
            Event::SequenceStart(_, _, tag) => (tag, Content::List(self.list()?)),
            Event::MappingStart(_, _, tag) => (tag, Content::Map(self.map()?)),
            _ => {
                return Err(fault(
                    line,
                    "not supported by CloudFormation, such as an alias (`*name`)",
                ));
            }
        };
        Ok(Node {
            line,
            tag: tag.map(|tag| name(&tag)),
            content,
        })
    }

    fn list(&mut self) -> Result<Vec<Node>, Fault> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(nodes),
                (event, span) => nodes.push(self.node(event, &span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Vec<Entry>, Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (key, key_line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, ..), span) => (text.into_owned(), line(&span)),
                (_, span) => return Err(fault(line(&span), "a key must be a text")),
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let message = format!(
                    "the key `{key}` is here twice, first on line {}",
                    first.line
                );
                return Err(fault(key_line, message));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, &span)?;
            entries.push(Entry {
                key,
                line: key_line,
                value,
            });
        }
    }
}

fn name(tag: &Tag) -> String {
    tag.original().trim_start_matches('!').to_owned()
}

fn line(span: &Span) -> usize {
    span.start.line()
}

fn fault(line: usize, message: impl Into<String>) -> Fault {
    Fault {
        line,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_knows_its_tag_and_its_line() {
        let node = read("a:\n  - !Sub x${Y}\n  - b: !GetAtt T.Arn\n    c: 'true'\n").unwrap();
        let Content::List(list) = &node.get("a").unwrap().content else {
            panic!("{node:?}")
        };
        assert_eq!(list[0].tag.as_deref(), Some("Sub"));
        assert_eq!(list[0].line, 2);
        let attribute = list[1].get("b").unwrap();
        assert_eq!(
            (attribute.tag.as_deref(), attribute.line),
            (Some("GetAtt"), 3)
        );
        assert_eq!(
            list[1].get("c").unwrap().content,
            Content::Scalar {
                text: "true".to_owned(),
                plain: false
            }
        );
    }

    #[track_caller]
    fn check_fault(text: &str, line: usize, words: &str) {
        let fault = read(text).unwrap_err();
        assert_eq!(fault.line, line, "{fault:?}");
        assert!(fault.message.contains(words), "{fault:?}");
    }

    #[test]
    fn what_is_not_a_template_is_refused_with_its_line() {
        check_fault("a: 1\nb: 2\na: 3\n", 3, "first on line 1");
        check_fault("a: &x 1\nb: *x\n", 2, "alias");
        check_fault("a: 1\n---\nb: 2\n", 3, "second YAML document");
        check_fault("a: [1\nb: 2\n", 2, "not YAML");
        check_fault("", 1, "empty");
    }
}
