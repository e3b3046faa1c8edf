//! Foreign text stays text, and mentions nobody.

use std::time::Duration;

use alert_forwarder::State::{Firing, NoData, Resolved};
use alert_forwarder::{
    Answer, Call, Detail, Discord, Event, Options, Severity, Style, Timeouts, WebhookUrl, escaped,
    render,
};
use discord::markdown::{self, Node};
use proptest::prelude::*;
use serde_json::json;

use super::sample::{acceptable, event_of_text, mentions};
use super::stage::{Setting, Stage, alarm_message, record, serve};
use super::watch::{TOKEN, Watch};

const ROLE: &str = "123456789012345678";
const HOSTILE: &str = "@everyone @here <@&123456789012345678> <@1> <#2> <:a:3> </x:4>";

fn hostile() -> Event {
    let mut message = alarm_message(HOSTILE);
    message["NewStateReason"] = HOSTILE.into();
    message["AlarmDescription"] = format!("severity: critical {HOSTILE}").into();
    event_of_text(None, &message.to_string())
}

/// The parts of a text that are not plain text.
fn markup(text: &str) -> Vec<Node> {
    let mut found = Vec::new();
    markdown::walk(&markdown::parse(text), &mut |node| {
        if !matches!(node, Node::Text(_)) {
            found.push(node.clone());
        }
    });
    found
}

#[test]
fn names_and_reasons_mention_nobody_in_any_detail() {
    let event = hostile();
    for detail in [Detail::Full, Detail::NoFields, Detail::Plain] {
        let options = Options {
            roles: vec![ROLE.to_owned()],
            mention_from: None,
            ..Options::default()
        };
        let message = render(&event, &options, detail);
        assert_eq!(mentions(&message), Vec::<String>::new());
        let ours = |node: &Node| matches!(node, Node::Autolink(url) if url.starts_with("https://eu-west-1.console."));
        let mut content = markup(&message.payload.content);
        content.retain(|node| !ours(node));
        assert_eq!(content, []);
        for embed in &message.payload.embeds {
            assert_eq!(markup(&embed.title), []);
            assert_eq!(markup(&embed.description), []);
        }
    }
}

#[test]
fn a_role_is_mentioned_only_for_an_alarm_that_is_severe_enough_and_firing() {
    let mut event = hostile();
    let mut roles = |severity, muted, state, from| {
        event.severity = severity;
        event.muted = muted;
        event.state = state;
        let options = Options {
            roles: vec![ROLE.to_owned()],
            mention_from: Some(from),
            ..Options::default()
        };
        let message = render(&event, &options, Detail::Full);
        let named = message.payload.content.ends_with(&format!(" <@&{ROLE}>"));
        assert_eq!(named, mentions(&message) == [ROLE]);
        assert!(named || markup(&message.payload.content).is_empty());
        named
    };
    assert!(roles(Severity::Critical, false, Firing, Severity::Critical));
    assert!(roles(Severity::Critical, false, Firing, Severity::Error));
    assert!(!roles(Severity::Error, false, Firing, Severity::Critical));
    assert!(!roles(Severity::Critical, true, Firing, Severity::Critical));
    assert!(!roles(
        Severity::Critical,
        false,
        Resolved,
        Severity::Critical
    ));
    assert!(!roles(
        Severity::Critical,
        false,
        NoData,
        Severity::Critical
    ));
}

#[tokio::test]
async fn a_posted_message_notifies_only_the_configured_role() {
    let stage = Stage::set(Setting {
        routes: Some(
            r#"[{"name": "all", "roles": ["987654321098765432"], "mention_from": "critical"}]"#,
        ),
        ..Setting::default()
    })
    .await;
    let mut message = alarm_message(HOSTILE);
    assert!(stage.handed_back(&[record("1", &message)]).await.is_empty());
    message["AlarmDescription"] = format!("severity: critical {HOSTILE}").into();
    message["AlarmArn"] = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:another".into();
    assert!(stage.handed_back(&[record("2", &message)]).await.is_empty());
    let messages = stage.discord.messages();
    assert_eq!(messages[0].pings, Vec::<String>::new());
    assert_eq!(
        messages[1].pings,
        ["<@&987654321098765432>"],
        "only the configured role is mentioned"
    );
}

#[tokio::test]
async fn an_edited_message_notifies_nobody() {
    let watch = Watch::begin(tracing::Level::TRACE);
    let stand_in = discord::Discord::new();
    let host = serve(discord::router(stand_in.clone())).await;
    let webhook = WebhookUrl::parse(&format!("{host}/api/webhooks/7/{TOKEN}")).unwrap();
    let client = Discord::new(Timeouts::default()).unwrap();
    let options = Options::default();
    let patience = Duration::from_secs(8);

    let first = render(&hostile(), &options, Detail::Full);
    let posted = client
        .send(&webhook, None, Call::Post, &first, patience)
        .await;
    let Answer::Accepted(Some(id)) = posted.answer else {
        panic!("{posted:?}")
    };
    // The plain detail puts the foreign text into the content, where mentions work.
    let second = render(&hostile(), &options, Detail::Plain);
    let edited = client
        .send(&webhook, None, Call::Edit(&id), &second, patience)
        .await;
    assert_eq!(edited.answer, Answer::Accepted(Some(id)));

    let messages = stand_in.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].edited_at.is_some());
    assert!(
        messages[0].content.contains("everyone"),
        "{}",
        messages[0].content
    );
    assert_eq!(messages[0].pings, Vec::<String>::new());
    let calls = stand_in.calls();
    let patch = calls.iter().find(|call| call.method == "PATCH").unwrap();
    assert_eq!(
        patch.payload["allowed_mentions"],
        json!({"parse": [], "roles": []})
    );
    watch.show(&format!("{webhook:?} {client:?}"));
}

#[test]
fn no_text_ends_its_code_block() {
    let event = event_of_text(Some("s"), r#"["```\n@everyone [x](https://evil.example)"]"#);
    let message = acceptable(&event);
    let nodes = markdown::parse(&message.payload.embeds[0].description);
    assert!(matches!(nodes.as_slice(), [Node::Fence(_)]), "{nodes:?}");
}

#[test]
fn links_invitations_and_markup_in_a_text_are_shown_as_text() {
    for text in [
        "[click](https://evil.example)",
        "[click](<https://evil.example>)",
        "see https://evil.example/a?b or http://evil.example",
        "xhttps://evil.example",
        "HTTPS://evil.example",
        "<https://evil.example>",
        "discord.gg/abcdef and DISCORD.gg/abcdef",
        "https://discord.com/invite/abcdef discordapp.com/invite/abcdef",
        "# big\n-# small\n> quote\n>>> quotes\n- item\n* item\n+ item\n12. item",
        "**b** __u__ *e* _e_ ~~s~~ ||spoiler|| `c` ```f```",
        "\\**b**",
        "<t:1:R>",
    ] {
        let shown = escaped(text, Style::Markdown);
        assert_eq!(markup(&shown), [], "{shown}");
        assert_eq!(markdown::plain(&shown).replace('\u{200b}', ""), text);
    }
}

#[test]
fn an_unsafe_runbook_link_is_shown_as_text() {
    for runbook in [
        "javascript:alert(1)",
        "https://discord.gg/abcdef",
        "http://discord.gg/abcdef",
    ] {
        let mut message = alarm_message("a");
        message["AlarmDescription"] = format!("runbook: {runbook}").into();
        let event = event_of_text(None, &message.to_string());
        assert_eq!(event.links.len(), 1, "only the console: {:?}", event.links);
        let embed = &acceptable(&event).payload.embeds[0];
        assert_eq!(markup(&embed.description), [], "{}", embed.description);
    }
}

#[test]
fn an_http_runbook_can_be_opened_but_shows_its_address() {
    let mut message = alarm_message("a");
    message["AlarmDescription"] = "runbook: http://wiki.example/".into();
    let event = event_of_text(None, &message.to_string());
    assert_eq!(event.links.len(), 1, "only the console: {:?}", event.links);
    let embed = &acceptable(&event).payload.embeds[0];
    assert_eq!(
        markup(&embed.description),
        [Node::Autolink("http://wiki.example/".to_owned())]
    );
}

#[test]
fn a_masked_link_in_a_description_shows_its_address_instead() {
    let mut message = alarm_message("a");
    message["AlarmDescription"] = "[the bank](https://evil.example/x)".into();
    let embed = acceptable(&event_of_text(None, &message.to_string()));
    let embed = &embed.payload.embeds[0];
    assert_eq!(
        markup(&embed.description),
        [Node::Autolink("https://evil.example/x".to_owned())]
    );
    assert!(
        embed
            .description
            .starts_with(r"\[the bank](<https://evil.example/x>)"),
        "{}",
        embed.description
    );
}

#[test]
fn the_name_of_a_child_alarm_cannot_end_its_link() {
    let name = "a](https://evil.example) [b";
    let message = json!({
        "AlarmName": "c", "NewStateValue": "ALARM", "AlarmRule": "ALARM(x)",
        "TriggeringChildren": [{"Arn": format!("arn:aws:cloudwatch:eu-west-1:1:alarm:{name}"),
                                "State": {"Value": "ALARM"}}],
    });
    let message = acceptable(&event_of_text(None, &message.to_string()));
    let value = &message.payload.embeds[0].fields[1].value;
    let links: Vec<Node> = markup(value)
        .into_iter()
        .filter(|node| matches!(node, Node::Link(..) | Node::Autolink(_)))
        .collect();
    let [Node::Link(_, url)] = links.as_slice() else {
        panic!("{links:?} {value}")
    };
    assert!(
        url.starts_with("https://eu-west-1.console.aws.amazon.com/"),
        "{url}"
    );
}

/// Text made of Discord's markup in any order, with words between.
fn any_markup() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "*",
        "**",
        "_",
        "__",
        "~~",
        "|",
        "||",
        "`",
        "```",
        "<",
        ">",
        "[",
        "](",
        ")",
        "(",
        "]",
        "\\",
        "#",
        "# ",
        "-# ",
        "> ",
        "- ",
        "+ ",
        "1. ",
        "\n",
        "\r\n",
        " ",
        "@",
        "@everyone",
        "@here",
        "<@&1>",
        "<@1>",
        "<#1>",
        "<t:1:R>",
        "<:a:1>",
        "</a:1>",
        "<id:home>",
        "http",
        "https",
        "://",
        "https://a.b",
        "discord",
        ".gg/x",
        "discord.gg/x",
        "steam://x",
        "\u{200b}",
        "\u{202e}",
        "\u{301}",
        "\u{200d}",
        "👩",
        "é",
        "a",
        "1",
        ".",
        "\u{600}",
        "\u{85}",
        "\u{2028}",
        "\t",
    ];
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn escaping_keeps_any_text_and_removes_its_markup_and_mentions(text in any_markup()) {
        for style in [Style::Markdown, Style::Line] {
            let shown = escaped(&text, style);
            prop_assert_eq!(markup(&shown), vec![], "{:?}", shown);
            let clean = alert_forwarder::clean(&text, style);
            prop_assert_eq!(markdown::plain(&shown).replace('\u{200b}', ""), clean);
        }
    }

    #[test]
    fn any_text_stays_inside_its_code_block(text in any_markup()) {
        let shown = format!("```\n{}\n```", escaped(&text, Style::Code));
        let nodes = markdown::parse(&shown);
        prop_assert!(matches!(nodes.as_slice(), [Node::Fence(_)]), "{:?}", nodes);
    }

    #[test]
    fn any_label_stays_inside_its_link(text in any_markup()) {
        let label = escaped(&text, Style::Label);
        prop_assume!(!label.trim().is_empty());
        let nodes = markdown::parse(&format!("[{label}](https://a.example)"));
        let [Node::Link(label, url)] = nodes.as_slice() else {
            return Err(TestCaseError::fail(format!("{nodes:?}")));
        };
        prop_assert_eq!(url, "https://a.example");
        prop_assert!(label.iter().all(|node| matches!(node, Node::Text(_))), "{:?}", label);
    }
}
