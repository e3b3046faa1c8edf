//! Replays the corpus: every input that the search kept, and every input that once failed.

use std::path::PathBuf;

use super::{TARGETS, Target};

fn corpus() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"))
}

fn inputs((name, _): &Target) -> Vec<PathBuf> {
    let folder = corpus().join(name);
    let files = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}: run `./check fuzz`", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Runs a target with every input of its corpus. The path of the last input is printed, so that a
/// failure shows it.
fn replay(name: &str) {
    let target = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let paths = inputs(target);
    assert!(!paths.is_empty(), "the corpus of {name} is empty");
    for path in paths {
        println!("{}", path.display());
        (target.1)(&std::fs::read(&path).unwrap());
    }
}

/// A test for each target, so that they run at the same time.
macro_rules! replays {
    ($($test:ident: $name:literal),* $(,)?) => {
        const REPLAYED: &[&str] = &[$($name),*];

        $(#[test]
        fn $test() {
            replay($name);
        })*
    };
}

replays! {
    the_corpus_of_alerts_finds_nothing: "alert",
    the_corpus_of_authorizer_events_finds_nothing: "authorizer-event",
    the_corpus_of_cost_answers_finds_nothing: "cost-answers",
    the_corpus_of_cursors_finds_nothing: "cursor",
    the_corpus_of_envelopes_finds_nothing: "envelope",
    the_corpus_of_json_finds_nothing: "json",
    the_corpus_of_jwk_sets_finds_nothing: "jwk-set",
    the_corpus_of_order_bodies_finds_nothing: "order-body",
    the_corpus_of_order_requests_finds_nothing: "order-request",
    the_corpus_of_preflights_finds_nothing: "preflight",
    the_corpus_of_redis_entries_finds_nothing: "redis-entry",
    the_corpus_of_templates_finds_nothing: "template",
    the_corpus_of_tokens_finds_nothing: "token",
}

#[test]
fn each_target_has_a_test_that_replays_its_corpus() {
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, REPLAYED, "add the target to `replays!`");
}

#[test]
fn each_folder_of_the_corpus_belongs_to_a_target() {
    for folder in std::fs::read_dir(corpus()).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(super::target(&name).is_some(), "no target is named {name}");
    }
}

#[test]
fn every_target_accepts_no_bytes_and_long_bytes() {
    for (_, run) in TARGETS {
        run(&[]);
        run(&[0; 4_096]);
        run(&[0xFF; 4_096]);
        let counting: Vec<u8> = (0..=255).cycle().take(4_096).collect();
        run(&counting);
    }
}
