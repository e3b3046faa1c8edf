//! The page that looks like the channel: one document that loads nothing and escapes everything.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use serde_json::Value;

use crate::channel::Discord;
use crate::markdown::{self, Node, Style};
use crate::message::{File, GUILD_ID, Message};
use crate::thread::Thread;

/// Seconds between two refreshes, for a browser without scripts.
const REFRESH_SECONDS: u32 = 3;
/// The emoji that a reader can react with. The first two say that somebody looks at an alarm.
const EMOJI: [&str; 3] = ["✅", "👀", "🎉"];
/// The flag of a message without a sound.
const SILENT: u64 = 1 << 12;
/// The number of messages on the page; it shows the newest.
const SHOWN_MAX: usize = 200;
/// The number of characters that are shown of a text file.
const FILE_CHARACTERS_MAX: usize = 20_000;

/// Lets only the page's own script run and only its own images load, even if an escape were missing.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// The types of images that are shown. Others, such as SVG, could contain scripts.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const STYLE: &str = include_str!("page.css");
/// Renews the messages in place, so that what a reader has opened stays open.
const SCRIPT: &str = include_str!("page.js");

/// `GET /`.
pub(crate) async fn page(State(discord): State<Arc<Discord>>, uri: OriginalUri) -> Response {
    // The page may be at any path of another server.
    let base = uri.path().trim_end_matches('/');
    let threads = discord.threads();
    let page = render(&discord.messages(), &threads, base, discord.now());
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(page)).into_response()
}

/// `GET /page.js`.
pub(crate) async fn script() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, SCRIPT).into_response()
}

/// `POST /reactions/{id}/{emoji}`: a reader's click. A page of another site cannot send its header.
pub(crate) async fn react(
    State(discord): State<Arc<Discord>>,
    Path((id, emoji)): Path<(String, String)>,
    headers: HeaderMap,
) -> StatusCode {
    if !headers.contains_key("x-reaction") || !EMOJI.contains(&emoji.as_str()) {
        return StatusCode::FORBIDDEN;
    }
    discord.react(&id, &emoji);
    StatusCode::NO_CONTENT
}

/// `GET /images/{id}`: an attached image.
pub(crate) async fn image(State(discord): State<Arc<Discord>>, Path(id): Path<String>) -> Response {
    let messages = discord.messages();
    let mut files = messages.iter().flat_map(|message| &message.files);
    let Some(file) = files.find(|file| file.id == id && is_image(file)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, file.content_type.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        ),
    ];
    (headers, file.bytes.clone()).into_response()
}

fn is_image(file: &File) -> bool {
    IMAGES.contains(&file.content_type.as_str())
}

/// Renders the channel. In the document the newest message is first; the style draws it last, as Discord
/// does, and begins at that end.
fn render(
    messages: &[Message],
    threads: &BTreeMap<String, Thread>,
    base: &str,
    now: Timestamp,
) -> String {
    let base = escape(base);
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content='width=device-width,initial-scale=1'>\
         <noscript><meta http-equiv=refresh content={REFRESH_SECONDS}></noscript>\
         <script src='{base}/page.js' defer></script>\
         <title>#alerts ({})</title><style>{STYLE}</style>\
         <header><h1><span>#</span>alerts</h1></header><main>",
        messages.len()
    );
    if messages.is_empty() {
        page.push_str("<p class=none>No messages yet.</p>");
    }
    for message in messages.iter().rev().take(SHOWN_MAX) {
        let thread = message.thread_id.as_ref().and_then(|id| threads.get(id));
        article(message, thread.copied(), &base, now, &mut page);
    }
    page.push_str("</main></html>");
    page
}

fn article(
    message: &Message,
    thread: Option<Thread>,
    base: &str,
    now: Timestamp,
    page: &mut String,
) {
    let name = escape(message.username.as_deref().unwrap_or("Surefire"));
    let edited = message
        .edited_at
        .map(|at| format!(" <span class=small title='{at}'>(edited)</span>"))
        .unwrap_or_default();
    let silent = if message.flags & SILENT == 0 {
        ""
    } else {
        " <span class=small title='no sound'>🔕</span>"
    };
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        page,
        "<article id='m{}'{}><div class=avatar>🔥</div><div class=body>\
         <div><span class=name>{name}</span><span class=bot>APP</span>{}{edited}{silent}</div>",
        escape(&message.id),
        if message.thread_id.is_some() && message.thread_name.is_none() {
            " class=reply"
        } else {
            ""
        },
        time_tag(message.at, now),
    );
    place(message, thread, page);
    if !message.content.is_empty() {
        let content = html(&markdown::parse(&message.content), now);
        let _ = write!(page, "<div class=text>{content}</div>");
    }
    for one in &message.embeds {
        embed(one, now, page);
    }
    for one in &message.files {
        file(one, base, page);
    }
    buttons(&message.components, page);
    reactions(message, base, page);
    page.push_str("</div></article>");
}

/// The thread that a message began or is in, its state, and whom the message pinged when it was posted.
fn place(message: &Message, thread: Option<Thread>, page: &mut String) {
    let state = match thread {
        None | Some(Thread::Open) => "",
        Some(Thread::Archived) => " · archived",
        Some(Thread::Locked) => " · locked 🔒",
        Some(Thread::Gone) => " · deleted",
    };
    // Writing to a String cannot fail, here and below.
    let _ = match (&message.thread_name, &message.thread_id) {
        (Some(name), _) => write!(page, "<div class=thread>💬 {}{state}</div>", escape(name)),
        (None, Some(id)) => write!(
            page,
            "<div class=small>↳ in the thread {}{state}</div>",
            escape(id)
        ),
        (None, None) => Ok(()),
    };
    if !message.pinged.is_empty() {
        let pinged = escape(&message.pinged.join(", "));
        let _ = write!(page, "<div class=pings>🔔 pings {pinged}</div>");
    }
}

/// A button for each reaction. The page's script sends it, so that the reader stays where he is.
fn reactions(message: &Message, base: &str, page: &mut String) {
    let id = escape(&message.id);
    page.push_str("<div class=reactions>");
    for emoji in EMOJI {
        let is_on = message.reactions.iter().any(|one| one == emoji);
        let class = if is_on { " class=on" } else { "" };
        let _ = write!(
            page,
            "<button{class} data-react='{base}/reactions/{id}/{emoji}' aria-pressed={is_on}>{emoji}</button>"
        );
    }
    page.push_str("</div>");
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
                "<h2><a href='{url}' target=_blank rel='noreferrer noopener'>{title}</a></h2>"
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

/// The buttons, each of which opens a page.
fn buttons(rows: &[Value], page: &mut String) {
    let list = |of: &Value| {
        let list = of.get("components").and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    for row in rows {
        page.push_str("<div class=buttons>");
        for button in list(row) {
            let text = |name: &str| button.get(name).and_then(Value::as_str).unwrap_or_default();
            let _ = anchor(page, &format!("{} ↗", escape(text("label"))), text("url"));
        }
        page.push_str("</div>");
    }
}

/// An image, or a file's name and, if it is text, its folded content.
fn file(file: &File, base: &str, page: &mut String) {
    let name = escape(&file.name);
    let id = escape(&file.id);
    if is_image(file) {
        let _ = write!(page, "<img src='{base}/images/{id}' alt='{name}'>");
        return;
    }
    let bytes = file.bytes.len();
    let _ = write!(
        page,
        "<details id='{id}'><summary>{name} <span class=small>{bytes} bytes</span></summary>"
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

/// A link. One to a message of this server leads to it on this page.
fn anchor(out: &mut String, label: &str, url: &str) -> std::fmt::Result {
    let own = format!("https://discord.com/channels/{GUILD_ID}/");
    if let Some((_, id)) = url.strip_prefix(&own).and_then(|rest| rest.split_once('/')) {
        return write!(out, "<a href='#m{}'>{label}</a>", escape(id));
    }
    match safe_link(url) {
        Some(url) => write!(
            out,
            "<a href='{url}' target=_blank rel='noreferrer noopener'>{label}</a>"
        ),
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
mod tests;
