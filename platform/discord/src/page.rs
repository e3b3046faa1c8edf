//! The page that looks like the channel: one document that loads nothing and escapes everything.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use serde_json::Value;

use crate::channel::Discord;
use crate::markdown::{self, Node, Style};
use crate::message::{File, Message};

/// Seconds between two refreshes.
const REFRESH_SECONDS: u32 = 3;
/// The number of messages on the page; it shows the newest.
const SHOWN_MAX: usize = 200;
/// The number of characters that are shown of a text file.
const FILE_CHARACTERS_MAX: usize = 20_000;

/// Lets no script run and nothing be loaded, even if an escape were missing.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "
:root{color-scheme:dark}
*{box-sizing:border-box}
body{margin:0;background:#313338;color:#dbdee1;font:16px/1.4 'gg sans','Noto Sans',Helvetica,Arial,sans-serif}
header{position:sticky;top:0;background:#313338;border-bottom:1px solid #1f2023;padding:12px 16px;font-weight:600;color:#f2f3f5}
header span{color:#80848e;margin-right:6px}
main{padding:8px 0 32px}
article{display:flex;gap:16px;padding:8px 16px}
article:hover{background:#2e3035}
.avatar{flex:0 0 40px;height:40px;border-radius:50%;background:#5865f2;display:grid;place-items:center;font-size:20px}
.body{min-width:0;flex:1}
.name{color:#f2f3f5;font-weight:500}
.bot{background:#5865f2;color:#fff;font-size:10px;border-radius:3px;padding:1px 4px;margin:0 4px;vertical-align:middle}
time,.small{color:#949ba4;font-size:12px}
.text,.embed p{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
.embed{display:grid;max-width:520px;background:#2b2d31;border-left:4px solid #1e1f22;border-radius:4px;padding:8px 16px 16px 12px;margin-top:6px;gap:8px}
.embed h2{font-size:16px;margin:8px 0 0;color:#f2f3f5;overflow-wrap:anywhere}
.fields{display:grid;grid-template-columns:repeat(3,1fr);gap:8px}
.fields div{grid-column:1/-1;min-width:0;font-size:14px;white-space:pre-wrap;overflow-wrap:anywhere}
.fields .inline{grid-column:auto}
.fields b{display:block;color:#f2f3f5}
a{color:#00a8fc;text-decoration:none}a:hover{text-decoration:underline}
code{background:#1e1f22;border-radius:3px;padding:0 3px;font-size:85%}
pre{background:#1e1f22;border:1px solid #1a1b1e;border-radius:4px;padding:8px;margin:6px 0 0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:14px}
.mention{background:rgba(88,101,242,.3);color:#c9cdfb;border-radius:3px;padding:0 2px}
details{max-width:520px;background:#2b2d31;border:1px solid #232428;border-radius:8px;padding:10px;margin-top:6px}
summary{cursor:pointer;color:#00a8fc}
.none{padding:48px 16px;text-align:center;color:#949ba4}
@media (max-width:480px){.fields{grid-template-columns:1fr 1fr}.avatar{display:none}}
";

/// `GET /`.
pub(crate) async fn page(State(discord): State<Arc<Discord>>) -> Response {
    let page = render(&discord.messages(), discord.now());
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(page)).into_response()
}

/// Renders the channel. The newest message is first, so a reload shows it without scrolling.
fn render(messages: &[Message], now: Timestamp) -> String {
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content='width=device-width,initial-scale=1'>\
         <meta http-equiv=refresh content={REFRESH_SECONDS}>\
         <title>#alerts ({})</title><style>{STYLE}</style>\
         <header><span>#</span>alerts</header><main>",
        messages.len()
    );
    if messages.is_empty() {
        page.push_str("<p class=none>No messages yet.</p>");
    }
    for message in messages.iter().rev().take(SHOWN_MAX) {
        article(message, now, &mut page);
    }
    page.push_str("</main></html>");
    page
}

fn article(message: &Message, now: Timestamp, page: &mut String) {
    let name = escape(message.username.as_deref().unwrap_or("Surefire"));
    let edited = message
        .edited_at
        .map_or("", |_| " <span class=small>(edited)</span>");
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        page,
        "<article><div class=avatar>🔥</div><div class=body>\
         <div><span class=name>{name}</span><span class=bot>APP</span>{}{edited}</div>",
        time_tag(message.at, now),
    );
    if !message.content.is_empty() {
        let content = html(&markdown::parse(&message.content), now);
        let _ = write!(page, "<div class=text>{content}</div>");
    }
    for one in &message.embeds {
        embed(one, now, page);
    }
    for one in &message.files {
        file(one, page);
    }
    page.push_str("</div></article>");
}

fn embed(embed: &Value, now: Timestamp, page: &mut String) {
    let text = |pointer: &str| {
        embed
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let rich = |text: &str| html(&markdown::parse(text), now);
    let color = embed
        .get("color")
        .and_then(Value::as_u64)
        .unwrap_or(0x001E_1F22)
        & 0x00FF_FFFF;
    let _ = write!(
        page,
        "<div class=embed style='border-left-color:#{color:06x}'>"
    );
    if !text("/author/name").is_empty() {
        let _ = write!(
            page,
            "<div class=small>{}</div>",
            escape(text("/author/name"))
        );
    }
    if !text("/title").is_empty() {
        let title = rich(text("/title"));
        let _ = match safe_link(text("/url")) {
            Some(url) => write!(
                page,
                "<h2><a href='{url}' rel='noreferrer noopener'>{title}</a></h2>"
            ),
            None => write!(page, "<h2>{title}</h2>"),
        };
    }
    if !text("/description").is_empty() {
        let _ = write!(page, "<p>{}</p>", rich(text("/description")));
    }
    fields(embed, now, page);
    let at = text("/timestamp").parse::<Timestamp>().ok();
    if !text("/footer/text").is_empty() || at.is_some() {
        let at = at.map(|at| time_tag(at, now)).unwrap_or_default();
        let _ = write!(
            page,
            "<div class=small>{} {at}</div>",
            escape(text("/footer/text"))
        );
    }
    page.push_str("</div>");
}

fn fields(embed: &Value, now: Timestamp, page: &mut String) {
    let rich = |text: &str| html(&markdown::parse(text), now);
    let fields = embed
        .get("fields")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !fields.is_empty() {
        page.push_str("<div class=fields>");
        for field in fields {
            let text = |name: &str| field.get(name).and_then(Value::as_str).unwrap_or_default();
            let inline = field
                .get("inline")
                .and_then(Value::as_bool)
                .unwrap_or(false);
            let class = if inline { " class=inline" } else { "" };
            let _ = write!(
                page,
                "<div{class}><b>{}</b>{}</div>",
                rich(text("name")),
                rich(text("value"))
            );
        }
        page.push_str("</div>");
    }
}

/// A file's name and, if it is text, its folded content.
fn file(file: &File, page: &mut String) {
    let name = escape(&file.name);
    let bytes = file.bytes.len();
    let _ = write!(
        page,
        "<details><summary>{name} <span class=small>{bytes} bytes</span></summary>"
    );
    if let Ok(text) = std::str::from_utf8(&file.bytes) {
        let shown: String = text.chars().take(FILE_CHARACTERS_MAX).collect();
        let _ = write!(page, "<pre>{}</pre>", escape(&shown));
    }
    page.push_str("</details>");
}

fn html(nodes: &[Node], now: Timestamp) -> String {
    let mut out = String::new();
    for node in nodes {
        let _ = match node {
            Node::Text(text) => write!(out, "{}", escape(text)),
            Node::Styled(style, inner) => {
                let tag = match style {
                    Style::Strong => "strong",
                    Style::Emphasis => "em",
                    Style::Underline => "u",
                    Style::Strike => "s",
                    Style::Spoiler => "mark",
                };
                write!(out, "<{tag}>{}</{tag}>", html(inner, now))
            }
            Node::Code(code) => write!(out, "<code>{}</code>", escape(code)),
            Node::Fence(code) => write!(out, "<pre>{}</pre>", escape(code)),
            Node::Link(label, url) => anchor(&mut out, &html(label, now), url),
            Node::Autolink(url) => anchor(&mut out, &escape(url), url),
            Node::Invite(text) | Node::Everyone(text) | Node::Reference(text) => {
                write!(out, "<span class=mention>{}</span>", escape(text))
            }
            Node::User(id) | Node::Role(id) => {
                write!(out, "<span class=mention>@{}</span>", escape(id))
            }
            Node::Time(seconds, style) => match Timestamp::from_second(*seconds) {
                Ok(at) if *style == 'R' => write!(out, "{}", time_tag(at, now)),
                // Discord shows it in the reader's time zone.
                Ok(at) => write!(out, "<time>{}</time>", at.strftime("%F %H:%M UTC")),
                Err(_) => write!(out, "{seconds}"),
            },
            Node::Line(mark) => write!(out, "<span class=small>{}</span>", escape(mark)),
        };
    }
    out
}

fn anchor(out: &mut String, label: &str, url: &str) -> std::fmt::Result {
    match safe_link(url) {
        Some(url) => write!(out, "<a href='{url}' rel='noreferrer noopener'>{label}</a>"),
        None => write!(out, "{label}"),
    }
}

/// The escaped URL, if its scheme is safe.
fn safe_link(url: &str) -> Option<String> {
    (url.starts_with("https://") || url.starts_with("http://")).then(|| escape(url))
}

/// A relative time, such as `3 min ago`, with the time itself as the title.
fn time_tag(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second());
    let count = seconds.unsigned_abs();
    let (count, unit) = match count {
        0..60 => (count, "s"),
        60..3_600 => (count / 60, "min"),
        3_600..86_400 => (count / 3_600, "h"),
        _ => (count / 86_400, "d"),
    };
    let relative = if seconds < 0 {
        format!("in {count} {unit}")
    } else {
        format!("{count} {unit} ago")
    };
    format!("<time title='{at}'>{relative}</time>")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(text: &str) -> Message {
        Message {
            id: "1".to_owned(),
            webhook_id: "1".to_owned(),
            thread_id: None,
            thread_name: None,
            components: Vec::new(),
            flags: 0,
            content: text.to_owned(),
            embeds: vec![json!({
                "title": text, "url": text, "description": text, "color": 0x00E7_4C3C,
                "author": {"name": text},
                "fields": [{"name": text, "value": text, "inline": true}],
                "footer": {"text": text}, "timestamp": "2026-07-19T10:00:00Z",
            })],
            files: vec![File {
                id: "2".to_owned(),
                name: text.to_owned(),
                content_type: "text/plain".to_owned(),
                bytes: text.as_bytes().to_vec(),
            }],
            pings: Vec::new(),
            allowed_mentions: None,
            username: Some(text.to_owned()),
            at: Timestamp::UNIX_EPOCH,
            edited_at: None,
        }
    }

    #[test]
    fn markup_in_a_message_is_escaped() {
        let now = Timestamp::UNIX_EPOCH;
        let clean = render(&[message("clean")], now).matches('<').count();
        for text in [
            "<script>alert(1)</script>",
            "'\"><img src=x onerror=alert(1)>",
            "&lt;b&gt;",
            "javascript:alert('1')",
        ] {
            let page = render(&[message(text)], now);
            assert_eq!(page.matches('<').count(), clean, "{text}");
            assert!(!page.contains("<script") && !page.contains("<img"));
            assert!(!page.contains("href='javascript"));
        }
    }

    #[test]
    fn a_link_cannot_break_out_of_its_attribute() {
        let page = render(
            &[message("[a](https://x.example/'onclick='alert(1))")],
            Timestamp::UNIX_EPOCH,
        );
        assert!(
            page.contains("href='https://x.example/&#39;onclick=&#39;alert(1'"),
            "{page}"
        );
    }

    #[test]
    fn the_page_shows_colours_fields_and_times_like_the_channel() {
        let now: Timestamp = "2026-07-19T10:05:00Z".parse().unwrap();
        let page = render(
            &[message("**Orders** <t:1784455200:R> <t:1784455200:f>")],
            now,
        );
        assert!(page.contains("border-left-color:#e74c3c"));
        assert!(page.contains("<div class=inline><b><strong>Orders</strong>"));
        assert!(
            page.contains("<time title='2026-07-19T10:00:00Z'>5 min ago</time>"),
            "{page}"
        );
        assert!(page.contains("<time>2026-07-19 10:00 UTC</time>"), "{page}");
        assert!(page.contains("http-equiv=refresh"));
        assert!(!page.contains("src=") && !page.contains("@import"));
    }
}
