//! What a phone shows of a message before it is opened: the headline, the sound, the buttons.

use std::time::Duration;

use alert_forwarder::State::{Firing, NoData, Notice, Resolved};
use alert_forwarder::{
    Answer, Call, Detail, Discord, Event, Moment, Options, Severity, Timeouts, WebhookUrl, render,
    units,
};
use serde_json::json;

use super::posting::post;
use super::sample::{event, event_of_text, names};
use super::stage::{Setting, Stage, alarm, alarm_message, record, serve};
use super::watch::TOKEN;

const SILENT: u32 = 4_096;
const DETAILS: [Detail; 5] = [
    Detail::Full,
    Detail::NoButtons,
    Detail::NoImage,
    Detail::NoFields,
    Detail::Plain,
];

fn alarm_event() -> Event {
    event_of_text(None, &alarm_message("orders-5xx").to_string())
}

fn content(event: &Event) -> String {
    render(event, &Options::default(), Detail::Full)
        .payload
        .content
}

#[tokio::test]
async fn the_content_says_what_broke_and_since_when() {
    let stage = Stage::usual().await;
    stage.handed_back(&[alarm("orders-5xx")]).await;
    assert_eq!(
        stage.discord.messages()[0].content,
        "🔴 ALARM · orders-5xx · since 2026-07-19 10:00 UTC"
    );
}

#[test]
fn the_content_of_every_kind_begins_with_the_title_in_every_detail() {
    for name in names() {
        let event = event(&name);
        let title = render(&event, &Options::default(), Detail::Full)
            .payload
            .embeds[0]
            .title
            .clone();
        for detail in DETAILS {
            let content = render(&event, &Options::default(), detail).payload.content;
            assert!(content.starts_with(&title), "{name} {detail:?}: {content}");
            assert!(units(&content) <= 2_000);
        }
    }
}

#[test]
fn a_time_that_cannot_be_read_is_shown_as_text_and_a_missing_one_is_left_out() {
    let mut event = alarm_event();
    event.occurred_at = Moment::Unreadable("yesterday @everyone".to_owned());
    assert_eq!(
        content(&event),
        "🔴 ALARM · orders-5xx · since yesterday @\u{200b}everyone"
    );
    event.occurred_at = Moment::Unknown;
    assert_eq!(content(&event), "🔴 ALARM · orders-5xx");
    event.state = Notice;
    event.occurred_at = Moment::At("2026-07-19T10:00:59Z".parse().unwrap());
    let content = content(&event);
    assert!(
        content.ends_with("orders-5xx · at 2026-07-19 10:00 UTC"),
        "{content}"
    );
}

#[test]
fn the_longest_headline_and_all_roles_fit_into_the_content() {
    let mut event = alarm_event();
    event.severity = Severity::Critical;
    event.title = "*".repeat(300);
    event.account_name = Some("_".repeat(64));
    event.occurred_at = Moment::Unreadable("~".repeat(300));
    let options = Options {
        roles: (0..60)
            .map(|id| format!("{}", 10_000_000_000_000_000_000_u64 + id))
            .collect(),
        mention_from: Some(Severity::Critical),
        ..Options::default()
    };
    for detail in DETAILS {
        let message = render(&event, &options, detail);
        assert!(units(&message.payload.content) <= 2_000);
        assert_eq!(post(&message).pings.len(), 60, "{detail:?}");
    }
}

#[test]
fn what_is_over_or_suppressed_or_only_information_makes_no_sound() {
    let flags = |state, severity, muted, silent| {
        let mut event = alarm_event();
        (event.state, event.severity) = (state, severity);
        (event.muted, event.silent) = (muted, silent);
        let options = Options {
            roles: vec!["112233445566778899".to_owned()],
            mention_from: Some(Severity::Critical),
            ..Options::default()
        };
        let payload = render(&event, &options, Detail::Full).payload;
        let mentions = payload.content.contains("<@&");
        assert!(payload.flags == 0 || !mentions, "{}", payload.content);
        (payload.flags, mentions)
    };
    let critical = Severity::Critical;
    assert_eq!(flags(Firing, critical, false, false), (0, true));
    assert_eq!(flags(Firing, critical, true, false), (SILENT, false));
    assert_eq!(flags(Firing, critical, false, true), (SILENT, false));
    assert_eq!(flags(Notice, critical, false, true), (SILENT, false));
    assert_eq!(flags(Resolved, critical, false, false), (SILENT, false));
    assert_eq!(flags(NoData, critical, false, false), (0, false));
    assert_eq!(flags(Firing, Severity::Error, false, false), (0, false));
    assert_eq!(flags(Notice, Severity::Warning, false, false), (0, false));
    assert_eq!(flags(Notice, Severity::Info, false, false), (SILENT, false));
}

#[test]
fn information_makes_a_sound_on_a_route_that_mentions_somebody_for_it() {
    let mut event = alarm_event();
    event.severity = Severity::Info;
    let options = Options {
        roles: vec!["112233445566778899".to_owned()],
        mention_from: Some(Severity::Info),
        ..Options::default()
    };
    let payload = render(&event, &options, Detail::Full).payload;
    assert_eq!(payload.flags, 0);
    assert!(payload.content.ends_with("<@&112233445566778899>"));
}

#[tokio::test]
async fn the_links_of_an_alert_are_buttons_and_not_in_the_embed() {
    let stage = Stage::usual().await;
    let mut message = alarm_message("orders-5xx");
    message["AlarmDescription"] = "runbook: https://wiki.example/orders".into();
    assert!(stage.handed_back(&[record("1", &message)]).await.is_empty());
    let message = stage.discord.messages().pop().unwrap();
    let urls: Vec<_> = message.components[0]["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|button| button["url"].as_str().unwrap())
        .collect();
    assert!(urls[0].ends_with("#alarmsV2:alarm/orders-5xx"), "{urls:?}");
    assert!(urls.contains(&"https://wiki.example/orders"), "{urls:?}");
    let fields = message.embeds[0]["fields"].to_string();
    assert!(!fields.contains("Where to look"), "{fields}");
}

#[test]
fn a_link_that_is_too_long_for_a_button_stays_in_the_embed() {
    for (length, is_button) in [(512, true), (513, false)] {
        let mut message = alarm_message("a");
        let url = "https://wiki.example/";
        let url = format!("{url}{}", "u".repeat(length - url.len()));
        message["AlarmDescription"] = format!("runbook: {url}").into();
        let event = event_of_text(None, &message.to_string());
        let message = render(&event, &Options::default(), Detail::Full);
        post(&message);
        let buttons = serde_json::to_string(&message.payload.components).unwrap();
        assert_eq!(buttons.contains(&url), is_button, "{length}");
        let fields = serde_json::to_string(&message.payload.embeds[0].fields).unwrap();
        assert_eq!(fields.contains(&url), !is_button, "{length}");
    }
}

#[test]
fn a_message_without_links_has_no_buttons() {
    let event = event_of_text(Some("s"), "m");
    assert!(event.links.is_empty());
    let message = render(&event, &Options::default(), Detail::Full);
    assert!(message.payload.components.is_empty());
}

#[tokio::test]
async fn an_edit_keeps_sound_and_thread_out_of_its_body() {
    let stand_in = discord::Discord::new();
    let host = serve(discord::router(stand_in.clone())).await;
    stand_in.make_forum("7", false);
    let webhook = WebhookUrl::parse(&format!("{host}/api/webhooks/7/{TOKEN}")).unwrap();
    let client = Discord::new(Timeouts::default()).unwrap();
    let patience = Duration::from_secs(8);
    let mut event = alarm_event();
    event.state = Resolved;
    let options = Options {
        thread_name: Some("{name}".to_owned()),
        ..Options::default()
    };
    let message = render(&event, &options, Detail::Full);
    let posted = client
        .send(&webhook, None, Call::Post, &message, patience)
        .await;
    let Answer::Accepted(Some(id)) = posted.answer else {
        panic!("{posted:?}")
    };
    // The first message of a forum's thread has the thread's id.
    let edited = client
        .send(&webhook, Some(&id), Call::Edit(&id), &message, patience)
        .await;
    assert_eq!(edited.answer, Answer::Accepted(Some(id)));
    let calls = stand_in.calls();
    let edit = calls.iter().find(|call| call.method == "PATCH").unwrap();
    assert_eq!(edit.payload.get("flags"), None);
    assert_eq!(edit.payload.get("thread_name"), None);
    assert!(edit.payload["content"].is_string());
    assert_eq!(stand_in.messages()[0].flags, u64::from(SILENT));
    assert!(!stand_in.messages()[0].components.is_empty());
}

#[tokio::test]
async fn an_account_with_a_name_is_shown_by_it() {
    let stage = Stage::set(Setting {
        accounts: Some(r#"{"123456789012": "production"}"#),
        routes: Some(r#"[{"name": "prod", "match": {"account": "123456789012"}}]"#),
        ..Setting::default()
    })
    .await;
    stage.handed_back(&[alarm("orders-5xx")]).await;
    let message = stage.discord.messages().pop().unwrap();
    assert_eq!(
        message.content,
        "🔴 ALARM · orders-5xx · production · since 2026-07-19 10:00 UTC"
    );
    let account = json!({"name": "Account", "value": "production (123456789012)", "inline": true});
    let fields = message.embeds[0]["fields"].as_array().unwrap();
    assert!(fields.contains(&account), "{fields:?}");
}
