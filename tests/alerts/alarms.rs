//! Changes, mutes and contributors of alarms, and the directives in their descriptions.

use alert_forwarder::{Severity, State};

use super::parsing::at;
use super::sample::{acceptable, event, field, has_field, link, words};

#[test]
fn changing_an_alarm_that_fires_is_silent_information_that_says_what_changed() {
    let event = event("alarm-changed");
    assert_eq!(event.kind.name(), "alarm-change");
    assert_eq!(
        (event.severity, event.state),
        (Severity::Info, State::Notice)
    );
    assert!(event.silent);
    assert_eq!(event.title, "Alarm orders-5xx changed");
    assert_eq!(field(&event, "threshold"), "70 → 80");
    assert_eq!(field(&event, "Alarm's state"), "ALARM");
    assert_eq!(acceptable(&event).payload.embeds[0].color, 0x0034_98DB);
    assert!(link(&event, "Console").ends_with("#alarmsV2:alarm/orders-5xx"));
}

#[test]
fn deleting_an_alarm_that_fires_is_silent_information() {
    let event = event("alarm-deleted");
    assert_eq!(
        (event.severity, event.state),
        (Severity::Info, State::Notice)
    );
    assert!(event.silent);
    assert_eq!(event.title, "Alarm orders-5xx deleted");
    assert!(words(&event.reason).contains("It will not turn OK."));
}

#[test]
fn a_muted_alarm_says_until_when_and_mentions_nobody() {
    let event = event("alarm-muted");
    assert!(event.muted);
    assert_eq!(event.state, State::Firing);
    assert_eq!(event.muted_until, Some(at("2026-07-19T12:00:00Z")));
    assert_eq!(field(&event, "Muted by"), "deploys");
    let embed = &acceptable(&event).payload.embeds[0];
    assert_eq!(embed.title, "🔴 ALARM (muted) · orders-5xx");
    let until = embed
        .fields
        .iter()
        .find(|field| field.name == "Muted until");
    assert!(until.unwrap().value.starts_with("<t:1784462400:R>"));
}

#[test]
fn a_message_after_a_mute_window_says_that_it_is_late() {
    let late = event("alarm-after-mute");
    assert!(!late.muted);
    assert!(field(&late, "Delayed").contains("in a mute window"));
    assert!(!has_field(&event("metric-alarm"), "Delayed"));
}

#[test]
fn a_contributor_that_is_ok_does_not_resolve_the_alarm() {
    let firing = event("alarm-contributor");
    assert_eq!(firing.state, State::Firing);
    assert_eq!(firing.severity, Severity::Critical);
    assert_eq!(firing.title, "orders-5xx for TableName=orders-prod");
    let resolved = event("alarm-contributor-ok");
    assert_eq!(resolved.state, State::Notice);
    assert_eq!(resolved.severity, Severity::Info);
    assert!(resolved.silent);
    assert_eq!(
        resolved.title,
        "orders-5xx: resolved for TableName=orders-prod"
    );
    assert!(field(&resolved, "The alarm itself").starts_with("is not OK yet"));
    let alarm = event("alarm-after-mute").fingerprint;
    assert_ne!(firing.fingerprint, alarm);
    assert_ne!(resolved.fingerprint, alarm);
}

#[test]
fn severity_and_runbook_are_read_in_any_spelling_and_links_can_be_opened() {
    let brackets = event("severity-in-brackets");
    assert_eq!(brackets.severity, Severity::Critical);
    let description = &acceptable(&brackets).payload.embeds[0].description;
    assert!(
        description.starts_with(
            "See <https://grafana.example/d/orders> and <https://wiki.example/runbooks/orders>\n"
        ),
        "{description}"
    );
    for (name, page) in [
        ("severity-in-markdown", "https://wiki.example/r"),
        ("severity-equals", "https://wiki.example/b"),
    ] {
        let event = event(name);
        assert_eq!(event.severity, Severity::Critical, "{name}");
        assert_eq!(link(&event, "Runbook"), page);
        assert!(
            words(&event.reason).starts_with("Threshold Crossed"),
            "{name}"
        );
    }
}

#[test]
fn the_name_of_an_alarm_with_slashes_is_encoded_in_its_link() {
    let event = event("alarm-name-with-slash");
    assert!(
        link(&event, "Console").ends_with("#alarmsV2:alarm/ecs%2Fservice%2Fupscale"),
        "{:?}",
        event.links
    );
}

#[test]
fn the_query_of_an_alarm_is_a_code_block() {
    let event = event("metrics-insights");
    assert!(
        event
            .code
            .as_deref()
            .unwrap()
            .starts_with("SELECT SUM(Errors)")
    );
    assert!(!has_field(&event, "Threshold"));
    assert!(!has_field(&event, "q1"));
}

#[test]
fn values_and_thresholds_have_their_unit() {
    let event = event("alarm-bytes");
    assert_eq!(field(&event, "Threshold"), "< 2.15 GB");
    assert_eq!(field(&event, "Value"), "1.91 GB");
}
