//! Reads Discord's markdown as its clients do, for the page and to find mentions.
//!
//! Source: "Markdown Text 101" of Discord's support pages and "Message Formatting" of its developer
//! documentation.

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Words.
    Text(String),
    /// `**strong**`, `*emphasis*`, `__underline__`, `~~strike~~`, `||spoiler||`.
    Styled(Style, Vec<Node>),
    /// `` `code` ``.
    Code(String),
    /// ```` ```code``` ````.
    Fence(String),
    /// `[label](https://…)`.
    Link(Vec<Node>, String),
    /// A bare `https://…` or `<https://…>`.
    Autolink(String),
    /// An invitation without a scheme.
    Invite(String),
    /// `@everyone` or `@here`.
    Everyone(String),
    /// `<@id>`.
    User(String),
    /// `<@&id>`.
    Role(String),
    /// `<#id>`, `</command:id>`, `<id:…>`, `<:emoji:id>`.
    Reference(String),
    /// `<t:seconds:style>`.
    Time(i64, char),
    /// The mark that makes a line a heading, small print, a quote or a list item.
    Line(String),
}

/// The style of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each variant is named for what it is")]
pub enum Style {
    Strong,
    Emphasis,
    Underline,
    Strike,
    Spoiler,
}

/// Deeper nesting is read as plain text, so no text can exhaust the stack.
const DEPTH_MAX: usize = 16;

/// Reads a text.
pub fn parse(text: &str) -> Vec<Node> {
    inline(text, true, DEPTH_MAX)
}

/// The text as a reader sees it, without its markup.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    walk(&parse(text), &mut |node| match node {
        Node::Text(text) | Node::Code(text) | Node::Fence(text) => plain.push_str(text),
        Node::Autolink(url) | Node::Invite(url) => plain.push_str(url),
        Node::Everyone(name) | Node::Reference(name) => plain.push_str(name),
        Node::User(id) | Node::Role(id) => {
            plain.push('@');
            plain.push_str(id);
        }
        Node::Time(seconds, _) => plain.push_str(&time(*seconds)),
        Node::Line(_) | Node::Styled(..) | Node::Link(..) => {}
    });
    plain
}

/// A time stamp as text.
fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}

/// Visits every node, the outer ones first.
pub fn walk(nodes: &[Node], visit: &mut impl FnMut(&Node)) {
    for node in nodes {
        visit(node);
        if let Node::Styled(_, inner) | Node::Link(inner, _) = node {
            walk(inner, visit);
        }
    }
}

fn inline(text: &str, mut line_start: bool, depth: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let found = if line_start { line_mark(rest) } else { None };
        let found = found.or_else(|| special(rest, depth));
        if let Some((node, taken)) = found {
            if !words.is_empty() {
                nodes.push(Node::Text(std::mem::take(&mut words)));
            }
            line_start = matches!(node, Node::Line(_));
            nodes.push(node);
            rest = rest.get(taken..).unwrap_or_default();
            continue;
        }
        let (literal, taken) = literal(rest, character);
        words.push(literal);
        line_start = literal == '\n' || (line_start && literal.is_whitespace());
        rest = rest.get(taken..).unwrap_or_default();
    }
    if !words.is_empty() {
        nodes.push(Node::Text(words));
    }
    nodes
}

/// The next literal character, which a backslash may precede, and the bytes it takes.
fn literal(rest: &str, character: char) -> (char, usize) {
    if character == '\\'
        && let Some(next) = rest.get(1..).and_then(|after| after.chars().next())
        && !next.is_ascii_alphanumeric()
        && !next.is_whitespace()
    {
        return (next, 1 + next.len_utf8());
    }
    (character, character.len_utf8())
}

type Found = Option<(Node, usize)>;

/// A mark at the start of a line, such as `# `, `-# `, `> `, `- ` and `1. `.
fn line_mark(rest: &str) -> Found {
    let digits = rest.len()
        - rest
            .trim_start_matches(|character: char| character.is_ascii_digit())
            .len();
    let numbered = rest
        .get(digits..)
        .is_some_and(|after| after.starts_with(". "));
    if 0 < digits && numbered {
        return Some((
            Node::Line(rest.get(..digits)?.to_owned() + ". "),
            digits + 2,
        ));
    }
    ["### ", "## ", "# ", "-# ", ">>> ", "> ", "- ", "* ", "+ "]
        .iter()
        .find(|mark| rest.starts_with(**mark))
        .map(|mark| (Node::Line((*mark).to_owned()), mark.len()))
}

fn special(rest: &str, depth: usize) -> Found {
    fence(rest)
        .or_else(|| code(rest))
        .or_else(|| styled(rest, depth))
        .or_else(|| link(rest, depth))
        .or_else(|| angle(rest))
        .or_else(|| bare(rest))
}

fn fence(rest: &str) -> Found {
    let inside = rest.strip_prefix("```")?;
    let end = inside.find("```").filter(|end| 0 < *end)?;
    let code = inside.get(..end)?;
    Some((Node::Fence(code.trim_matches('\n').to_owned()), end + 6))
}

fn code(rest: &str) -> Found {
    let ticks = rest.len() - rest.trim_start_matches('`').len();
    if ticks == 0 {
        return None;
    }
    let mark = rest.get(..ticks)?;
    let inside = rest.get(ticks..)?;
    let end = inside.find(mark).filter(|end| 0 < *end)?;
    Some((Node::Code(inside.get(..end)?.to_owned()), end + 2 * ticks))
}

fn styled(rest: &str, depth: usize) -> Found {
    const MARKS: [(&str, Style); 6] = [
        ("**", Style::Strong),
        ("__", Style::Underline),
        ("~~", Style::Strike),
        ("||", Style::Spoiler),
        ("*", Style::Emphasis),
        ("_", Style::Emphasis),
    ];
    let depth = depth.checked_sub(1)?;
    MARKS.iter().find_map(|(mark, style)| {
        let inside = rest.strip_prefix(mark)?;
        let end = closing(inside, mark)?;
        let inner = inline(inside.get(..end)?, false, depth);
        Some((Node::Styled(*style, inner), end + 2 * mark.len()))
    })
}

/// Where a mark is repeated, unless it is escaped or follows at once.
fn closing(inside: &str, mark: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = inside.get(at..) {
        let character = rest.chars().next()?;
        if 0 < at && rest.starts_with(mark) {
            return Some(at);
        }
        at += literal(rest, character).1;
    }
    None
}

/// A link. Its label ends at the first bracket, even at an escaped one.
fn link(rest: &str, depth: usize) -> Found {
    let depth = depth.checked_sub(1)?;
    let inside = rest.strip_prefix('[')?;
    let middle = inside.find("](").filter(|middle| 0 < *middle)?;
    let label = inside.get(..middle)?;
    if label.contains('[') {
        return None;
    }
    let target = inside.get(middle + 2..)?;
    let end = target.find(')')?;
    let url = target.get(..end)?;
    let is_url = (url.starts_with("https://") || url.starts_with("http://"))
        && !url.contains(char::is_whitespace);
    is_url.then(|| {
        (
            Node::Link(inline(label, false, depth), url.to_owned()),
            middle + end + 4,
        )
    })
}

fn angle(rest: &str) -> Found {
    let inside = rest.strip_prefix('<')?;
    let end = inside.find('>')?;
    let inside = inside.get(..end)?;
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let node = if let Some(id) = inside.strip_prefix("@&").filter(|id| is_id(id)) {
        Node::Role(id.to_owned())
    } else if let Some(id) = inside
        .strip_prefix('@')
        .map(|id| id.trim_start_matches('!'))
        .filter(|id| is_id(id))
    {
        Node::User(id.to_owned())
    } else if let Some(stamp) = inside.strip_prefix("t:") {
        let (seconds, style) = stamp.split_once(':').unwrap_or((stamp, "f"));
        Node::Time(
            seconds.parse().ok()?,
            style
                .chars()
                .next()
                .filter(|style| "tTdDfFR".contains(*style))?,
        )
    } else if inside.starts_with("https://") || inside.starts_with("http://") {
        Node::Autolink(inside.to_owned())
    } else {
        let id = inside.rsplit([':', '#']).next().unwrap_or_default();
        let begins = ["#", ":", "a:", "/", "id:"]
            .iter()
            .any(|start| inside.starts_with(start));
        if !begins || !(is_id(id) || inside.starts_with("id:")) {
            return None;
        }
        Node::Reference(inside.to_owned())
    };
    Some((node, end + 2))
}

/// Links, invitations and mentions without brackets.
fn bare(rest: &str) -> Found {
    for name in ["@everyone", "@here"] {
        if rest.starts_with(name) {
            return Some((Node::Everyone(name.to_owned()), name.len()));
        }
    }
    let until = |text: &str| {
        text.find(|character: char| character.is_whitespace() || character == '<')
            .unwrap_or(text.len())
    };
    let starts = |prefix: &str| {
        rest.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    for scheme in ["https://", "http://", "steam://", "discord://"] {
        if starts(scheme) && scheme.len() < until(rest) {
            let end = until(rest);
            return Some((Node::Autolink(rest.get(..end)?.to_owned()), end));
        }
    }
    for invite in [
        "discord.gg/",
        "discord.com/invite/",
        "discordapp.com/invite/",
    ] {
        if starts(invite) && invite.len() < until(rest) {
            let end = until(rest);
            return Some((Node::Invite(rest.get(..end)?.to_owned()), end));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[Node]) {
        assert_eq!(parse(text), expected, "{text}");
    }

    fn words(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn markup_is_read_as_discord_reads_it() {
        check(
            "a **b** c",
            &[
                words("a "),
                Node::Styled(Style::Strong, vec![words("b")]),
                words(" c"),
            ],
        );
        check(
            "[a](https://b.example)",
            &[Node::Link(vec![words("a")], "https://b.example".to_owned())],
        );
        check(
            "<t:1:R> <@&7>",
            &[Node::Time(1, 'R'), words(" "), Node::Role("7".to_owned())],
        );
        check("# a", &[Node::Line("# ".to_owned()), words("a")]);
        check("a # b", &[words("a # b")]);
        check("```\na*b*\n```", &[Node::Fence("a*b*".to_owned())]);
        check(
            "hi@everyone",
            &[words("hi"), Node::Everyone("@everyone".to_owned())],
        );
        check(
            "x discord.gg/abc",
            &[words("x "), Node::Invite("discord.gg/abc".to_owned())],
        );
    }

    #[test]
    fn markup_after_a_backslash_is_text() {
        check(
            r"\*\*b\*\* \[a](x) \<@&7> https\://a \# b \`c\`",
            &[words("**b** [a](x) <@&7> https://a # b `c`")],
        );
        check(r"\@everyone", &[words("@everyone")]);
        check(r"a\b", &[words(r"a\b")]);
    }

    #[test]
    fn deep_nesting_is_limited() {
        let text = "**_".repeat(2_000) + "a" + &"_**".repeat(2_000);
        assert!(plain(&text).contains('a'));
    }
}
