//! Replays the corpus of the fuzz targets: nothing in it is allowed, and nothing panics.

use std::fs;
use std::path::{Path, PathBuf};

use super::harness::{answer, app, block_on};
use crate::KeySet;

fn files(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

#[test]
fn no_event_of_the_corpus_is_allowed() {
    let app = app();
    for file in files("event") {
        let Ok(event) = serde_json::from_slice(&fs::read(&file).unwrap()) else {
            continue;
        };
        let answer = block_on(answer(&app, event));
        assert!(!answer.is_allowed(), "{}", file.display());
        let _ = answer.reason();
    }
}

#[test]
fn no_token_of_the_corpus_is_allowed() {
    let app = app();
    for file in files("token") {
        let token = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        let answer = block_on(answer(&app, super::harness::bearer(&token)));
        assert!(!answer.is_allowed(), "{}", file.display());
    }
}

#[test]
fn every_set_and_secret_of_the_corpus_is_read_or_refused() {
    for file in files("keys") {
        let bytes = fs::read(&file).unwrap();
        let set = KeySet::from_jwks(&bytes).map_err(|error| error.to_string());
        let secret = KeySet::from_secret(&String::from_utf8_lossy(&bytes), 32);
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        // The first word of a file's name says what it holds.
        match name.split_once('-').map(|(kind, _)| kind) {
            Some("set") => assert!(set.is_ok(), "{name}"),
            Some("secret") => assert!(secret.is_ok(), "{name}"),
            _ => assert!(set.is_err(), "{name}"),
        }
    }
}
