//! Each limit of Discord: reached exactly, and exceeded by one.

use alert_forwarder::{
    Detail, Event, FILE_BYTES_MAX, Field, Message, Options, Rich, Style, fit, render, units,
};
use jiff::Timestamp;

use super::sample::{acceptable, accepted, event_of_text};

/// A generic event without any content.
fn plain() -> Event {
    let mut event = event_of_text(Some("s"), "m");
    event.reason = Rich::default();
    event.region = None;
    event.account = None;
    event.occurred_at = alert_forwarder::Moment::Unknown;
    event
}

fn embed_of(message: &Message) -> &alert_forwarder::Embed {
    &message.payload.embeds[0]
}

/// Checks that a text of exactly `limit` units is kept, and a text of one more is cut to `limit`.
#[track_caller]
fn exactly(limit: usize, put: impl Fn(&mut Event, String), take: impl Fn(&Message) -> String) {
    let rendered = |length: usize| {
        let mut event = plain();
        put(&mut event, "a".repeat(length));
        acceptable(&event)
    };
    let fits = rendered(limit);
    assert_eq!(units(&take(&fits)), limit);
    assert!(!take(&fits).ends_with('…'));
    assert!(fits.files.is_empty());
    let exceeds = rendered(limit + 1);
    assert_eq!(units(&take(&exceeds)), limit);
    assert!(take(&exceeds).ends_with('…'));
    assert_eq!(
        exceeds.files.len(),
        1,
        "a message that was cut has an attachment"
    );
}

#[test]
fn each_length_limit_is_used_fully_and_never_exceeded() {
    let head = units("🟠 WARNING · ");
    exactly(
        256 - head,
        |event, text| event.title = text,
        |message| {
            let title = &embed_of(message).title;
            title.strip_prefix("🟠 WARNING · ").unwrap().to_owned()
        },
    );
    exactly(
        4_096,
        |event, text| event.reason = text.into(),
        |message| embed_of(message).description.clone(),
    );
    exactly(
        256,
        |event, text| event.fields = vec![Field::short(text, "v")],
        |message| embed_of(message).fields[0].name.clone(),
    );
    exactly(
        1_024,
        |event, text| event.fields = vec![Field::short("n", text)],
        |message| embed_of(message).fields[0].value.clone(),
    );
}

#[test]
fn the_footer_and_the_plain_content_stay_within_their_limits() {
    let mut event = plain();
    event.source = "s".repeat(3_000);
    let message = acceptable(&event);
    assert_eq!(units(&embed_of(&message).footer.text), 2_048);
    event.reason = "r".repeat(3_000).into();
    let last = render(&event, &Options::default(), Detail::Plain);
    accepted(&last);
    assert!(units(&last.payload.content) <= 2_000);
    assert!(1_990 < units(&last.payload.content));
}

#[test]
fn an_embed_has_6_000_units_at_most_and_the_description_is_cut_before_the_fields() {
    let mut event = plain();
    event.reason = "r".repeat(4_096).into();
    event.fields = (0..4)
        .map(|index| Field::long(format!("field {index}"), "v".repeat(1_000)))
        .collect();
    let message = acceptable(&event);
    let embed = embed_of(&message);
    let fields: usize = embed
        .fields
        .iter()
        .map(|field| units(&field.name) + units(&field.value))
        .sum();
    let sum = units(&embed.title) + units(&embed.description) + units(&embed.footer.text) + fields;
    assert_eq!(sum, 6_000);
    assert_eq!(embed.fields.len(), 4);
    assert!(embed.description.ends_with('…'));
    assert_eq!(message.files.len(), 1);
}

#[test]
fn fields_that_do_not_fit_are_attached_and_the_description_keeps_its_share() {
    let mut event = plain();
    event.reason = "r".repeat(4_096).into();
    event.fields = (0..20)
        .map(|index| Field::long(format!("field {index}"), format!("{index:04}").repeat(250)))
        .collect();
    let message = acceptable(&event);
    let embed = embed_of(&message);
    assert!(
        1_400 < units(&embed.description),
        "{}",
        units(&embed.description)
    );
    assert!(embed.fields.len() < 6);
    let file = String::from_utf8(message.files[0].bytes.clone()).unwrap();
    for index in 0..20 {
        assert!(file.contains(&format!("field {index}: {index:04}")));
    }
}

#[test]
fn of_26_fields_25_are_shown_and_all_are_attached() {
    let mut event = plain();
    event.fields = (1..=25)
        .map(|index| Field::short(format!("f{index}"), "v"))
        .collect();
    assert!(acceptable(&event).files.is_empty());
    event.fields.push(Field::short("f26", "the last"));
    let message = acceptable(&event);
    assert_eq!(embed_of(&message).fields.len(), 25);
    let file = String::from_utf8(message.files[0].bytes.clone()).unwrap();
    assert!(file.contains("f26: the last"));
}

#[test]
fn a_value_of_white_space_only_is_shown_as_blank() {
    for blank in [
        "",
        " \n\t ",
        "\u{200b}",
        "\u{a0}\u{2003}",
        "\u{feff}\u{202e}",
        "\u{3164}",
    ] {
        let mut event = plain();
        event.title = blank.to_owned();
        event.fields = vec![Field::short(blank, blank)];
        let message = acceptable(&event);
        let field = &embed_of(&message).fields[0];
        assert_eq!(
            (field.name.as_str(), field.value.as_str()),
            ("(no name)", "(blank)")
        );
    }
}

#[test]
fn a_cut_never_splits_an_emoji_a_combining_mark_or_a_surrogate_pair() {
    let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
    let marked = "e\u{301}\u{323}\u{308}";
    for grapheme in [family, marked, "🔴", "🇰🇷", "각", "*"] {
        let text = grapheme.repeat(300);
        for units_max in 1..60 {
            let fitted = fit(&text, Style::Code, units_max);
            let kept = fitted.text.strip_suffix('…').unwrap();
            assert_eq!(kept, grapheme.repeat(kept.len() / grapheme.len()));
            assert!(units(&fitted.text) <= units_max);
            assert!(units_max < units(&fitted.text) + units(grapheme));
        }
    }
}

#[test]
fn a_grapheme_that_is_too_large_leaves_only_the_ellipsis() {
    let zalgo = format!("a{}", "\u{301}".repeat(2_000));
    assert_eq!(fit(&zalgo, Style::Markdown, 100).text, "…");
    let mut event = plain();
    event.title = zalgo;
    assert!(embed_of(&acceptable(&event)).title.ends_with("· …"));
}

#[test]
fn characters_that_turn_or_hide_text_are_removed() {
    let mut event = plain();
    event.title = "invoice\u{202e}fdp.exe\u{7}\u{1b}[31m\u{200b}\r\nx".to_owned();
    let message = acceptable(&event);
    assert_eq!(
        embed_of(&message).title,
        r"🟠 WARNING · invoicefdp.exe\[31m x"
    );
    event.title = "بيتزا ok".to_owned();
    assert!(embed_of(&acceptable(&event)).title.ends_with("بيتزا ok"));
}

#[test]
fn an_attachment_of_more_than_10_mib_is_cut_to_10_mib() {
    let mut event = plain();
    event.raw = "é".repeat(FILE_BYTES_MAX);
    event.attach_raw = true;
    let message = render(&event, &Options::default(), Detail::Full);
    accepted(&message);
    let bytes = &message.files[0].bytes;
    assert!(FILE_BYTES_MAX - 4 < bytes.len(), "{}", bytes.len());
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.trim_end().ends_with("bytes]"));
}

#[test]
fn a_picture_is_shown_in_the_embed_until_discord_refuses_images() {
    let mut event = plain();
    event.picture = Some(b"\x89PNG\r\n\x1a\n".to_vec());
    event.attach_raw = true;
    acceptable(&event);
    let shown = |detail| {
        let message = render(&event, &Options::default(), detail);
        let image = message
            .payload
            .embeds
            .first()
            .and_then(|it| it.image.clone());
        let names: Vec<_> = message.files.iter().map(|file| file.name).collect();
        (image.map(|image| image.url), names)
    };
    let picture = Some("attachment://picture.png".to_owned());
    for detail in [Detail::Full, Detail::NoButtons] {
        assert_eq!(
            shown(detail),
            (picture.clone(), vec!["picture.png", "alert.txt"])
        );
    }
    for detail in [Detail::NoImage, Detail::NoFields] {
        assert_eq!(shown(detail), (None, vec!["alert.txt"]));
    }
    assert_eq!(shown(Detail::Plain), (None, vec![]));
}

#[test]
fn a_time_at_the_edge_of_the_calendar_is_accepted() {
    let mut event = plain();
    for at in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
        event.fields = vec![Field::short("t", &alert_forwarder::Moment::At(at))];
        acceptable(&event);
    }
}
