//! Measures an order's way through the function, without the database.
//!
//! Run it with `cargo bench -p orders`. Only compare figures of one run.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark may stop at the first surprise"
)]

#[path = "../tests/allocations/committing.rs"]
mod committing;

use std::collections::BTreeSet;
use std::hint::black_box;

use committing::{Committing, event, place};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use once::{IdempotencyKey, decided_before};
use orders::{Customer, Draft, Moment, Order, OrderId};
use shared::caller::Caller;

/// Orders of one line and of fifty, the most.
const LINES: [usize; 2] = [1, 50];

fn body(lines: usize) -> String {
    let line = |number| format!(r#"{{"sku":"TEA-{number:02}","quantity":2,"unit_price":19900}}"#);
    let lines: Vec<String> = (0..lines).map(line).collect();
    format!(r#"{{"currency":"KRW","lines":[{}]}}"#, lines.join(","))
}

fn item_of(order: &Order) -> once::Item {
    serde_dynamo::to_item(order).unwrap()
}

fn pure(criterion: &mut Criterion) {
    let caller = Caller {
        issuer: "local".to_owned(),
        sub: "demo".to_owned(),
        scopes: BTreeSet::new(),
        client_id: None,
    };
    let customer = Customer::try_from(&caller).unwrap();
    let key: IdempotencyKey = "5a0c1f0e-1".parse().unwrap();
    let id = OrderId::derive(&caller, &key);
    let now = Moment::from(Timestamp::from_second(1_800_000_000).unwrap());
    let mut group = criterion.benchmark_group("order");
    group.bench_function("derive", |bencher| {
        bencher.iter(|| OrderId::derive(black_box(&caller), black_box(&key)));
    });
    for lines in LINES {
        let body = body(lines);
        let draft = Draft::parse(body.as_bytes()).unwrap();
        let order = Order::placed(&id, &customer, &draft, now);
        let record = item_of(&order);
        group.bench_function(format!("parse, {lines}"), |bencher| {
            bencher.iter(|| Draft::parse(black_box(body.as_bytes())).unwrap());
        });
        group.bench_function(format!("build, {lines}"), |bencher| {
            bencher.iter(|| item_of(&Order::placed(&id, &customer, black_box(&draft), now)));
        });
        group.bench_function(format!("classify a replay, {lines}"), |bencher| {
            bencher.iter(|| decided_before(black_box(&record), &draft).unwrap());
        });
    }
    group.finish();
}

fn whole(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let database = Committing::default();
    let app = database.app();
    let event = event(1);
    criterion.bench_function("event to answer, with the SDK", |bencher| {
        bencher.iter(|| assert_eq!(runtime.block_on(place(&app, black_box(&event))), 201));
    });
    assert_ne!(database.bytes_sent(), 0, "the orders went to this database");
}

criterion_group!(benches, pure, whole);
criterion_main!(benches);
