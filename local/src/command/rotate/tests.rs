//! Rotations in a directory and in a running server, and the texts about them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::scratch::Directory;
use crate::serve::Options;

/// A world with a clock that stands still until the test sets it.
fn world_at(second: i64) -> (World, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(second));
    let read = Arc::clone(&clock);
    let world = World::real()
        .with_clock(move || Timestamp::from_second(read.load(Ordering::Relaxed)).unwrap());
    (world, clock)
}

#[tokio::test]
async fn a_rotation_in_a_directory_keeps_the_old_value_and_prints_neither() {
    let directory = Directory::new();
    let data = DataDirectory::new(&directory.0);
    let template = Options::in_memory().read_template().unwrap();
    let issuer = Issuer::of(&template).unwrap();
    let (world, clock) = world_at(1_800_000_000);
    let stages = || {
        let store = Store::open(Some(data.secrets_file()), world.clone()).unwrap();
        let secret = store.find(&issuer.secret_id).unwrap();
        [CURRENT, PREVIOUS].map(|stage| secret.staged(stage).map(|version| version.value.clone()))
    };

    let first = rotate(&issuer, &template, &data, &world).await.unwrap();
    let [new, old] = stages();
    let (new, old) = (new.unwrap(), old.unwrap());
    assert!(new != old && new.len() == 64 && new.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let text = report(&issuer, &first);
    for words in [
        "version",
        "Old tokens  are accepted until 2027-01-16T08:00:00Z",
        "New tokens  are accepted at once; the new value signs them from 2027-01-15T08:05:00Z",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert!(!text.contains("Tokens from before"), "{text}");

    // Too soon: no authorizer may have read the value that signs until then.
    clock.fetch_add(299, Ordering::Relaxed);
    let second = rotate(&issuer, &template, &data, &world).await.unwrap();
    assert_eq!(stages()[1].as_ref(), Some(&new));
    let later = report(&issuer, &second);
    for words in [
        "may be denied until 2027-01-15T08:09:59Z",
        "Tokens from before the rotation of 2027-01-15T08:00:00Z are denied from 2027-01-15T08:09:59Z",
    ] {
        assert!(later.contains(words), "{later}");
    }
    assert!(
        [text, later]
            .iter()
            .all(|text| !text.contains(&old) && !text.contains(&new))
    );

    // The overlap of the second rotation has ended, so the third ends no other.
    clock.fetch_add(86_400, Ordering::Relaxed);
    let third = report(
        &issuer,
        &rotate(&issuer, &template, &data, &world).await.unwrap(),
    );
    assert!(
        third.contains("at once") && !third.contains("Tokens from before"),
        "{third}"
    );
}

#[tokio::test]
async fn a_rotation_beside_a_running_server_is_made_by_the_server() {
    let directory = Directory::new();
    let data = DataDirectory::new(&directory.0);
    let options = Options {
        data: Some(data.clone()),
        ..Options::in_memory()
    };
    let running = crate::serve::start(options).await.unwrap();
    let issuer = Issuer::of(&running.template).unwrap();
    let current = || {
        let secret = running.secrets.find(&issuer.secret_id).unwrap();
        secret.staged(CURRENT).cloned().unwrap()
    };
    let old = current();
    let rotation = rotate(&issuer, &running.template, &data, &World::real())
        .await
        .unwrap();
    assert_ne!(current().value, old.value);
    assert_eq!(rotation.version.id, current().id);
    let text = report(&issuer, &rotation);
    assert!(
        text.contains(&format!("in the server at {}", running.url())),
        "{text}"
    );
    assert!(
        !text.contains(&old.value) && !text.contains(&current().value),
        "{text}"
    );
    running.stop().await;
}
