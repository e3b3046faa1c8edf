//! Messages as the page shows them.

use super::*;
use serde_json::json;

fn message(text: &str) -> Message {
    Message {
        id: "1".to_owned(),
        webhook_id: "1".to_owned(),
        thread_id: None,
        thread_name: Some(text.to_owned()),
        components: vec![json!({"components": [{"label": text, "url": text}]})],
        flags: SILENT,
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
        pinged: vec![text.to_owned()],
        allowed_mentions: None,
        username: Some(text.to_owned()),
        at: Timestamp::UNIX_EPOCH,
        edited_at: None,
        edits: Vec::new(),
        reactions: Vec::new(),
    }
}

#[test]
fn markup_in_a_message_is_escaped() {
    let now = Timestamp::UNIX_EPOCH;
    let clean = render(&[message("clean")], &BTreeMap::new(), "", now)
        .matches('<')
        .count();
    for text in [
        "<script>alert(1)</script>",
        "'\"><img src=x onerror=alert(1)>",
        "&lt;b&gt;",
        "javascript:alert('1')",
    ] {
        let page = render(&[message(text)], &BTreeMap::new(), "", now);
        assert_eq!(page.matches('<').count(), clean, "{text}");
        assert_eq!(page.matches("<script").count(), 1, "only the page's own");
        assert!(!page.contains("<img"));
        assert!(!page.contains("href='javascript"));
    }
}

#[test]
fn a_link_cannot_break_out_of_its_attribute() {
    let page = render(
        &[message("[a](https://x.example/'onclick='alert(1))")],
        &BTreeMap::new(),
        "",
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
        &BTreeMap::new(),
        "/_local/discord",
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
    assert_eq!(page.matches("src=").count(), 1);
    assert!(page.contains("<script src='/_local/discord/page.js' defer>"));
    assert!(!page.contains("@import"));
}

#[test]
fn an_image_is_shown_and_a_type_that_could_contain_scripts_is_not() {
    let mut message = message("a");
    for (content_type, shown) in [("image/png", true), ("image/svg+xml", false)] {
        message.files[0].content_type = content_type.to_owned();
        let page = render(
            &[message.clone()],
            &BTreeMap::new(),
            "/d",
            Timestamp::UNIX_EPOCH,
        );
        let image = "<img src='/d/images/2' alt='a'>";
        assert_eq!(page.contains(image), shown, "{content_type}");
        assert_eq!(page.contains("<details id='2'>"), !shown, "{content_type}");
    }
}

#[test]
fn buttons_a_new_thread_and_the_missing_sound_are_shown() {
    let mut message = message("Where");
    message.components =
        vec![json!({"components": [{"label": "Console", "url": "https://a.example/"}]})];
    let page = render(&[message], &BTreeMap::new(), "", Timestamp::UNIX_EPOCH);
    let button = "<div class=buttons><a href='https://a.example/' target=_blank \
                  rel='noreferrer noopener'>Console ↗</a></div>";
    assert!(page.contains(button), "{page}");
    assert!(page.contains("<div class=thread>💬 Where</div>"));
    assert!(page.contains("🔕"));
}
