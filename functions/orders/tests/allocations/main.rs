//! Counts what a placed order costs the process: allocations, and bytes to the database.
//!
//! It is a program of its own, because it counts with an allocator of its own.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod committing;

use committing::{Committing, event, place};

/// What a warm order of one line may allocate, from the event to the answer, without its log. The SDK makes
/// most of it. Each limit is about 5 % above what was counted: 765, 58,362 and 1,423.
const ALLOCATIONS_MAX: u64 = 803;

/// The most that it may hold at once.
const BYTES_AT_ONCE_MAX: u64 = 61_300;

/// The body of the transaction of one line.
const BYTES_SENT_MAX: usize = 1_495;

#[test]
fn a_warm_order_allocates_and_sends_no_more_than_it_did() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let database = Committing::default();
    let app = database.app();
    // The first orders fill caches.
    for key in 0..3 {
        assert_eq!(runtime.block_on(place(&app, &event(key))), 201);
    }
    let fourth = event(3);
    let mut status = 0;
    let measured = allocation_counter::measure(|| status = runtime.block_on(place(&app, &fourth)));
    assert_eq!(status, 201);
    let sent = database.bytes_sent();
    println!(
        "{} allocations of {} bytes, at most {} at once; {sent} bytes sent",
        measured.count_total, measured.bytes_total, measured.bytes_max
    );
    assert!(measured.count_total <= ALLOCATIONS_MAX, "{measured:?}");
    assert!(measured.bytes_max <= BYTES_AT_ONCE_MAX, "{measured:?}");
    assert!(sent <= BYTES_SENT_MAX, "{sent} bytes");
}
