//! Any input becomes a message that Discord accepts. Nothing panics.

use std::collections::BTreeMap;

use alert_forwarder::{Detail, Notification, Options, Style, fit, parse, render, units, unwrap};
use proptest::prelude::*;
use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation as _;

use super::sample::{judged, names, notification, read, sample, within_limits};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!("")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{1,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Replaces the `at`th value in a JSON document.
fn replace(value: &mut Value, at: &mut usize, with: &Value) {
    if *at == 0 {
        *value = with.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, at, with)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|item| replace(item, at, with)),
        Value::String(text) => {
            // A text may be a JSON document itself.
            if let Ok(mut inner @ Value::Object(_)) = serde_json::from_str(text) {
                replace(&mut inner, at, with);
                *text = inner.to_string();
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_become_a_message_within_limits(bytes in prop::collection::vec(any::<u8>(), 0..1_500), subject in ".{0,400}") {
        let text = String::from_utf8_lossy(&bytes);
        within_limits(&read(Some(&subject), &text));
        within_limits(&parse(&notification(&text)));
    }

    #[test]
    fn any_json_becomes_a_message_within_limits(json in any_json()) {
        for notification in unwrap(&json, "r").notifications {
            within_limits(&parse(&notification));
        }
        within_limits(&parse(&notification(&json.to_string())));
    }

    #[test]
    fn any_sample_with_any_value_exchanged_becomes_a_message_within_limits(
        name in prop::sample::select(names()),
        at in 0_usize..90,
        with in any_json(),
    ) {
        let mut invocation = sample(&name);
        replace(&mut invocation, &mut at.clone(), &with);
        for notification in unwrap(&invocation, "r").notifications {
            within_limits(&parse(&notification));
        }
    }

    #[test]
    fn any_text_is_cut_at_a_grapheme_boundary_within_the_limit(
        pieces in prop::collection::vec(prop_oneof![
            any::<char>().prop_map(String::from),
            prop::sample::select(&["👨\u{200d}👩\u{200d}👧", "e\u{301}", "🇰🇷", "각", "🔴", "\u{600}a", "नि", "*", "@"][..])
                .prop_map(str::to_owned),
        ], 0..60),
        units_max in 1_usize..80,
    ) {
        let text = pieces.concat();
        for style in [Style::Markdown, Style::Line, Style::Code, Style::Plain, Style::Label] {
            let fitted = fit(&text, style, units_max);
            prop_assert!(units(&fitted.text) <= units_max);
            let whole = fit(&text, style, usize::MAX).text;
            prop_assert_eq!(fitted.cut, units_max < units(&whole));
            if style == Style::Plain && fitted.cut {
                let kept = fitted.text.strip_suffix('…').unwrap();
                let clean = alert_forwarder::clean(&text, style);
                let mut starts = clean.grapheme_indices(true).map(|(start, _)| start);
                let kept = kept.replace("@\u{200b}", "@");
                let after = clean.strip_prefix(&kept);
                prop_assert!(after.is_some(), "{:?} of {:?}", kept, clean);
                // White-space before the ellipsis is dropped, so the cut may be after it.
                let cut_at = clean.len() - after.unwrap().trim_start().len();
                prop_assert!(starts.any(|start| start == kept.len() || start == cut_at));
            }
        }
    }
}

#[test]
fn every_sample_cut_anywhere_becomes_a_message_within_limits() {
    for name in names() {
        let text = sample(&name).to_string();
        for end in (0..text.len())
            .step_by(97)
            .filter(|end| text.is_char_boundary(*end))
        {
            within_limits(&read(Some("s"), text.get(..end).unwrap()));
        }
    }
}

#[test]
fn the_message_of_every_sample_cut_anywhere_becomes_a_message_within_limits() {
    for name in names() {
        for whole in unwrap(&sample(&name), "r").notifications {
            let ends = (0..whole.message.len()).step_by(13);
            for end in ends.filter(|end| whole.message.is_char_boundary(*end)) {
                let message = whole.message.get(..end).unwrap();
                // With the attributes of the envelope, and without them.
                for attributes in [whole.attributes.clone(), BTreeMap::new()] {
                    let event = parse(&Notification {
                        attributes,
                        json: serde_json::from_str(message).ok(),
                        message: message.to_owned(),
                        ..whole.clone()
                    });
                    judged(&render(&event, &Options::default(), Detail::Full));
                }
            }
        }
    }
}

#[test]
fn json_nested_deeper_than_the_parser_goes_is_shown_as_text() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    within_limits(&read(Some("s"), &deep));
}
