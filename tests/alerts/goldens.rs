//! What a phone shows of each sample, kept beside the sample as `events/alerts/<sample>.txt`.
//!
//! `WRITE_GOLDENS=1 cargo nextest run --workspace -E 'test(/alerts::goldens/)'` rewrites the files. Read
//! what changed as somebody who is woken by it.

use alert_forwarder::{Detail, Options, parse, render, render_text, unwrap};

use super::sample::{names, sample};

fn path(name: &str) -> String {
    format!("{}/../events/alerts/{name}.txt", env!("CARGO_MANIFEST_DIR"))
}

/// What a phone shows of a sample: all its messages, with an empty line between them.
fn shown(name: &str) -> String {
    let texts: Vec<String> = unwrap(&sample(name), "request-1")
        .notifications
        .iter()
        .map(|notification| {
            let event = parse(notification);
            render_text(&render(&event, &Options::default(), Detail::Full))
        })
        .collect();
    texts.join("\n")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
fn each_sample_looks_as_its_text_file_says() {
    let write = std::env::var("WRITE_GOLDENS").is_ok_and(|value| value == "1");
    let mut changed = Vec::new();
    for name in names() {
        let shown = shown(&name);
        let path = path(&name);
        if std::fs::read_to_string(&path).is_ok_and(|kept| kept == shown) {
            continue;
        }
        if write {
            std::fs::write(&path, shown).unwrap();
        } else {
            changed.push(format!("events/alerts/{name}.txt should be:\n{shown}"));
        }
    }
    assert!(
        changed.is_empty(),
        "{}\nIf these texts are right, write them with WRITE_GOLDENS=1 and commit them.",
        changed.join("\n")
    );
}
