//! Orders get the same answers as without Redis when Redis stops, pauses, is slow or loses its data.

use std::time::Duration;

use jiff::Timestamp;
use local::serve::Options;
use serde_json::{Value, json};
use shared::secret::Secret;
use simulator::fault::Fate;
use simulator::history::Wish;
use simulator::shop::{FULL, Shop as World, caller};

use super::server::Server;
use super::shop_with;
use super::slow::Proxy;
use crate::support::harness::{Answer, Shop, line, order_of, shop as shop_without};
use crate::support::meter::Meter;

/// The parts of an answer that are the same in two shops: all but times and request identifiers.
#[derive(Debug, PartialEq)]
struct Comparable {
    status: u16,
    body: Value,
    headers: Vec<(&'static str, Option<String>)>,
}

const HEADERS: [&str; 5] = [
    "content-type",
    "location",
    "etag",
    "idempotent-replayed",
    "order-status",
];

fn comparable(answer: &Answer) -> Comparable {
    let mut body = answer.json();
    without_time(&mut body);
    let header = |name| (name, answer.header(name).map(str::to_owned));
    Comparable {
        status: answer.status,
        body,
        headers: HEADERS.map(header).into(),
    }
}

fn without_time(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("request_id");
            members.values_mut().for_each(without_time);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_time),
        Value::String(text) if text.parse::<Timestamp>().is_ok() => *value = json!("a moment"),
        _ => {}
    }
}

/// A day in the shop, in four parts. Each part has every kind of decision and its repeats. `between`
/// runs before each part.
async fn day(shop: &Shop, mut between: impl AsyncFnMut(usize)) -> Vec<Comparable> {
    let mut answers = Vec::new();
    shop.stock("TEA-01", 20).await;
    shop.stock("CUP-01", 3).await;
    for part in 0..4 {
        between(part).await;
        for n in 0..3 {
            let key = |name: &str| format!("{name}-{part}-{n}");
            let both = order_of(&[line("TEA-01", 1), line("CUP-01", 1)]);
            let first = shop.place_as("demo", &key("both"), &both).await;
            let repeat = shop.place_as("demo", &key("both"), &both).await;
            assert_eq!(first.body, repeat.body);
            let refused = shop.place(&key("many"), "CUP-01", 50).await;
            let still_refused = shop.place(&key("many"), "CUP-01", 50).await;
            assert_eq!(refused.body, still_refused.body);
            let reused = shop.place(&key("many"), "CUP-01", 51).await;
            let brought = shop.adjust("CUP-01", &key("bring"), 1).await;
            let brought_again = shop.adjust("CUP-01", &key("bring"), 1).await;
            if first.status == 201 && n == 1 {
                answers.push(comparable(&shop.cancel("demo", &first.order_id()).await));
            }
            if first.status == 201 && n == 2 {
                let confirmed = shop.confirm(&first.order_id(), &key("pay")).await;
                answers.push(comparable(&confirmed));
            }
            let later = shop.place_as("demo", &key("both"), &both).await;
            let later_again = shop.place_as("demo", &key("both"), &both).await;
            let all = [
                first,
                repeat,
                refused,
                still_refused,
                reused,
                brought,
                brought_again,
                later,
                later_again,
            ];
            answers.extend(all.iter().map(comparable));
        }
    }
    answers
}

/// Runs a day in which `do_to` changes Redis before each part, and compares its answers with those of
/// a day without Redis.
async fn compare(do_to: impl AsyncFn(&mut Server, usize)) -> Meter {
    let without = day_without().await;
    let meter = Meter::start();
    shop_with(async |shop, server| {
        let with = day(shop, async |part| do_to(server, part).await).await;
        assert_same(&with, &without);
    })
    .await;
    meter
}

async fn day_without() -> Vec<Comparable> {
    let mut without = Vec::new();
    shop_without(async |shop| without = day(shop, async |_| {}).await).await;
    without
}

#[track_caller]
fn assert_same(with: &[Comparable], without: &[Comparable]) {
    assert!(with.iter().all(|answer| answer.status < 500), "{with:?}");
    assert_eq!(with.len(), without.len());
    for (with, without) in with.iter().zip(without) {
        assert_eq!(with, without);
    }
}

#[tokio::test]
async fn a_day_with_redis_has_the_answers_of_a_day_without() {
    let meter = compare(async |_, _| {}).await;
    assert!(0.0 < meter.take("RedisHit"));
    meter.assert("RedisTimeOut", 0.0);
    meter.assert("RedisFailure", 0.0);
    meter.assert("RedisLeftAlone", 0.0);
}

#[tokio::test]
async fn answers_stay_the_same_when_redis_stops() {
    let meter = compare(async |server, part| {
        if part == 1 {
            server.stop();
        }
    })
    .await;
    assert_failed_once(&meter);
}

#[tokio::test]
async fn answers_stay_the_same_when_redis_never_runs() {
    let meter = compare(async |server, part| {
        if part == 0 {
            server.stop();
        }
    })
    .await;
    assert_failed_once(&meter);
}

#[tokio::test]
async fn answers_stay_the_same_when_redis_pauses() {
    let without = day_without().await;
    let meter = Meter::start();
    let server = Server::start();
    let shop = Shop::open(super::options(&server)).await;
    let with = day(&shop, async |part| {
        if part == 1 {
            server.pause();
        }
    });
    assert_same(&with.await, &without);
    // After one time-out, of at most 50 ms, Redis is not asked any more.
    assert_failed_once(&meter);
    assert_waited_briefly(&meter);
    shop.assert_conserved().await;
    shop.running.stop().await;
}

#[tokio::test]
async fn answers_stay_the_same_when_redis_takes_two_seconds() {
    for slow_from in [0, 1] {
        let without = day_without().await;
        let meter = Meter::start();
        let server = Server::start();
        let proxy = Proxy::to(server.port()).await;
        let shop = Shop::open(Options {
            redis: Some(Secret::new(proxy.url())),
            ..Options::in_memory()
        })
        .await;
        let with = day(&shop, async |part| {
            if part == slow_from {
                proxy.delay(Duration::from_secs(2));
            }
        });
        assert_same(&with.await, &without);
        assert_failed_once(&meter);
        assert_waited_briefly(&meter);
        shop.assert_conserved().await;
        shop.running.stop().await;
    }
}

/// In virtual time only the wait for Redis takes any time, so the test is exact to the millisecond.
#[test]
fn a_redis_that_takes_two_seconds_costs_50_ms_once_in_half_a_minute() {
    let mut shop = World::open(1, false, None).unwrap();
    shop.use_redis(|redis| redis.slow(Duration::from_secs(2)));
    shop.direct(|_| Fate::default());
    let machine = shop.machine(0).unwrap();
    let asking = shop.clone();
    let waits = shop.run(async move {
        let ann = caller("local", "ann");
        let mut waits = Vec::new();
        let wishes = (0..3).map(|number| Wish::order(&format!("key-{number}"), "TEA", 1, 100));
        for wish in wishes.clone().chain(wishes) {
            let began = asking.time.elapsed();
            let answer = asking.ask(&machine, &ann, &wish, FULL).await.unwrap();
            assert_eq!(answer.status, 422, "there is no tea");
            waits.push(asking.time.elapsed().saturating_sub(began).as_millis());
            asking.sleep(Duration::from_secs(11)).await;
        }
        waits
    });
    assert_eq!(waits.unwrap(), [50, 0, 0, 50, 0, 0]);
    shop.time.end();
}

#[tokio::test]
async fn answers_stay_the_same_when_redis_pauses_and_resumes() {
    let meter = compare(async |server, part| match part {
        1 => server.pause(),
        3 => server.resume(),
        _ => {}
    })
    .await;
    assert_failed_once(&meter);
}

#[tokio::test]
async fn answers_stay_the_same_when_redis_is_flushed() {
    let meter = compare(async |server, _| server.flush().await).await;
    assert!(0.0 < meter.take("RedisHit"));
    meter.assert("RedisFailure", 0.0);
}

#[tokio::test]
async fn answers_stay_the_same_when_redis_is_full() {
    let meter = compare(async |server, part| match part {
        1 => server.fill().await,
        3 => server.empty().await,
        _ => {}
    })
    .await;
    assert_failed_once(&meter);
}

#[tokio::test]
async fn answers_stay_the_same_when_redis_fails_over() {
    let meter = compare(async |server, part| match part {
        1 => server.demote().await,
        3 => server.promote().await,
        _ => {}
    })
    .await;
    assert_failed_once(&meter);
}

#[tokio::test]
async fn answers_stay_the_same_when_redis_restarts() {
    let meter = compare(async |server, part| {
        if 0 < part {
            server.restart();
        }
    })
    .await;
    // The broken connection is replaced. No order waits, and the circuit breaker stays closed.
    assert!(0.0 < meter.take("RedisHit"));
    meter.assert("RedisTimeOut", 0.0);
    meter.assert("RedisFailure", 0.0);
}

/// Checks that orders waited much less than the two seconds that a slow Redis takes. The limit allows
/// for a slow machine.
#[track_caller]
fn assert_waited_briefly(meter: &Meter) {
    let milliseconds = meter.take("RedisWait");
    assert!((1.0..1_000.0).contains(&milliseconds), "{milliseconds}");
}

/// Checks that Redis failed once and was then left alone. A day is shorter than half a minute, so
/// Redis is not tried again.
#[track_caller]
fn assert_failed_once(meter: &Meter) {
    let failed = meter.take("RedisTimeOut") + meter.take("RedisFailure");
    assert!((failed - 1.0).abs() < 1e-9, "{failed}");
    assert!(0.0 < meter.take("RedisLeftAlone"));
}

#[tokio::test]
async fn redis_is_asked_again_half_a_minute_after_it_came_back() {
    let meter = Meter::start();
    shop_with(async |shop, server| {
        shop.stock("TEA-01", 10).await;
        server.stop();
        shop.place("key-1", "TEA-01", 1).await.assert(201);
        server.restart();
        shop.place("key-2", "TEA-01", 1).await.assert(201);
        assert!(server.keys("decided:").await.is_empty());
        shop.pass_seconds(31);
        meter.reset();
        shop.place("key-3", "TEA-01", 1).await.assert(201);
        meter.assert("RedisLeftAlone", 0.0);
        assert_eq!(server.keys("decided:").await.len(), 1);
    })
    .await;
}
