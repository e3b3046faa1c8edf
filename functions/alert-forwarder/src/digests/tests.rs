//! What a digest says.

use super::*;

fn member(place: Place, name: &str, state: Watched, lasted: Option<i64>) -> Member {
    Member {
        incident: name.to_owned(),
        opening: 1,
        place,
        name: name.to_owned(),
        state,
        lasted,
    }
}

fn flood(place: Place, states: &[Watched]) -> Flood {
    let named = |(number, state): (usize, &Watched)| {
        let name = format!("alarm {number}");
        member(place, &name, *state, None)
    };
    Flood {
        members: states.iter().enumerate().map(named).collect(),
        ..Flood::default()
    }
}

fn of(flood: &Flood, place: Place) -> Message {
    let options = Options {
        roles: vec!["7".to_owned()],
        ..Options::default()
    };
    let at = minute_of("flood#ops#29740920#0");
    message(flood, place, at, &options)
}

#[test]
fn a_digest_counts_what_fires_and_what_is_over() {
    let flood = flood(
        Place::Digest,
        &[Watched::Ok, Watched::Alarm, Watched::NoData],
    );
    let digest = of(&flood, Place::Digest);
    let embed = &digest.payload.embeds[0];
    assert_eq!(embed.title, "🔴 3 alarms in one minute");
    assert_eq!(
        digest.payload.content,
        "🔴 3 alarms in one minute · 2 firing, 1 over · since 2026-07-19 10:00 UTC"
    );
    assert_eq!(
        embed.description,
        "🔴 ALARM · alarm 1\n⚪ NO DATA · alarm 2\n🟢 OK · alarm 0"
    );
    assert_eq!((embed.color, digest.files.len()), (0x00E7_4C3C, 0));
    // An ordinary digest mentions nobody.
    assert_eq!(digest.payload.allowed_mentions.roles, [""; 0]);
}

#[test]
fn a_digest_of_critical_alarms_mentions_until_all_are_over() {
    let place = Place::CriticalDigest;
    let firing = of(&flood(place, &[Watched::Ok, Watched::Alarm]), place);
    assert!(firing.payload.content.ends_with(" <@&7>"), "{firing:?}");
    assert_eq!(firing.payload.allowed_mentions.roles, ["7"]);
    assert!(firing.payload.embeds[0].title.contains("2 critical alarms"));
    let over = of(&flood(place, &[Watched::Ok, Watched::Gone]), place);
    assert_eq!(over.payload.allowed_mentions.roles, [""; 0]);
    assert!(!over.payload.content.contains("<@&"), "{over:?}");
    let embed = &over.payload.embeds[0];
    assert_eq!(
        (embed.title.as_str(), embed.color),
        ("🟢 2 critical alarms in one minute", 0x002E_CC71)
    );
}

#[test]
fn a_line_says_the_state_the_name_and_how_long_it_lasted() {
    let line = |state, lasted| said(&member(Place::Digest, "name", state, lasted));
    assert_eq!(
        line(Watched::Ok, Some(180_000)),
        "🟢 OK · name · after 3 min"
    );
    assert_eq!(line(Watched::Gone, None), "⚪ DELETED · name");
    assert_eq!(line(Watched::Calm, None), "🔵 CALM · name");
}

#[test]
fn lines_that_do_not_fit_are_counted_and_attached() {
    let lines: Vec<String> = (0..100).map(|_| "x".repeat(99)).collect();
    // 100 units each with the line's end; the last line's own end is not needed, and 80 are kept for the note.
    let (text, is_cut) = fitting(&lines);
    let shown = (DESCRIPTION_UNITS_MAX - 80 - 99) / 100 + 1;
    let note = format!("… and {} more, in the attachment", 100 - shown);
    assert!(is_cut && text.ends_with(&note), "{text}");
    assert_eq!(text.lines().count(), shown + 1);
    assert_eq!(fitting(&lines[..shown]), (lines[..shown].join("\n"), false));
    let exactly = "y".repeat(DESCRIPTION_UNITS_MAX - 80);
    assert_eq!(
        fitting(std::slice::from_ref(&exactly)),
        (exactly.clone(), false)
    );
    assert!(fitting(&[exactly + "y"]).1);
}

#[test]
fn a_digest_that_is_cut_has_all_its_lines_in_the_attachment() {
    let flood = flood(Place::Digest, &[Watched::Alarm; 400]);
    let digest = of(&flood, Place::Digest);
    let file = &digest.files[0];
    let text = std::str::from_utf8(&file.bytes).unwrap();
    assert_eq!((file.name, text.lines().count()), ("alarms.txt", 400));
}

#[test]
fn the_minute_is_read_from_the_key() {
    let minute = minute_of("flood#ops#29740920#3").unwrap();
    assert_eq!(minute.to_string(), "2026-07-19T10:00:00Z");
    assert_eq!(minute_of("flood#ops"), None);
    assert_eq!(minute_of("flood#ops#x#3"), None);
}
