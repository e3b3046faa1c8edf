//! Races between requests that exclude each other: exactly one wins.

use futures::future::{join, join_all};
use serde_json::{Value, json};
use simulator::random::Random;

use crate::support::cases::made_up;
use crate::support::harness::{Answer, STAFF, Shop, shop};

/// How often each race is run: 100 times, or `PROPTEST_CASES` if that is more, but never more than
/// 1,000 times.
fn runs() -> u64 {
    u64::from(made_up(100).cases.min(1_000))
}

/// The length of a hold, the allowance for clocks that differ, and one second more.
const OVERDUE_SECONDS: i64 = 900 + 30 + 1;

/// Starts `work` after this many turns of the scheduler.
async fn late<T>(turns: u64, work: impl Future<Output = T>) -> T {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    work.await
}

/// Runs two requests at the same time. The seed decides how late each starts.
async fn race<A, B>(
    seed: u64,
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> (A, B) {
    let mut random = Random::new(seed);
    let (first, second) = (random.below(40), random.below(40));
    join(late(first, one), late(second, other)).await
}

/// Runs a request and a sweep at the same time. A sweep asks all partitions for overdue orders before
/// it writes, so the request starts between one turn and some thousand turns late.
async fn race_a_sweep<A>(seed: u64, shop: &Shop, one: impl Future<Output = A>) -> (A, Value) {
    let mut random = Random::new(seed);
    let most = 1 << random.below(13);
    let turns = random.below(most);
    join(late(turns, one), shop.sweep()).await
}

async fn status(shop: &Shop, id: &str) -> Value {
    shop.read("demo", id).await.assert(200).json()["status"].clone()
}

async fn placed(shop: &Shop, seed: u64) -> String {
    shop.place(&format!("key-{seed}"), "TEA-01", 1)
        .await
        .assert(201)
        .order_id()
}

/// Returns which of two sides won. Fails unless exactly one did.
#[track_caller]
fn winner(seed: u64, order: &Value, sides: [(&Answer, &str); 2]) -> usize {
    let won: Vec<_> = (0..2).filter(|side| sides[*side].0.status == 200).collect();
    assert_eq!(won.len(), 1, "seed {seed}: {sides:?}");
    assert_eq!(order, sides[won[0]].1, "seed {seed}");
    won[0]
}

#[tokio::test]
async fn slow_of_a_confirmation_and_an_expiry_exactly_one_wins() {
    shop(async |shop| {
        shop.stock("TEA-01", 10_000).await;
        let mut wins = [0, 0];
        for seed in 0..runs() {
            let id = placed(shop, seed).await;
            shop.pass_seconds(OVERDUE_SECONDS);
            let reference = format!("pay-{seed}");
            let confirm = shop.confirm(&id, &reference);
            let (confirmed, swept) = race_a_sweep(seed, shop, confirm).await;
            let order = status(shop, &id).await;
            let expired = swept["expired"] == 1;
            assert_ne!(
                confirmed.status == 200,
                expired,
                "seed {seed}: {confirmed:?} {swept}"
            );
            assert_eq!(order == "expired", expired, "seed {seed}");
            if expired {
                confirmed.assert_problem(410, "expired-unpaid");
            }
            wins[usize::from(expired)] += 1;
        }
        assert!(
            wins.iter().all(|wins| 0 < *wins),
            "each side wins sometimes: {wins:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn slow_of_a_cancel_and_an_expiry_exactly_one_wins() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let mut wins = [0, 0];
        for seed in 0..runs() {
            let id = placed(shop, seed).await;
            shop.pass_seconds(OVERDUE_SECONDS);
            let cancel = shop.cancel("demo", &id);
            let (cancelled, swept) = race_a_sweep(seed, shop, cancel).await;
            let expired = swept["expired"] == 1;
            assert_ne!(
                cancelled.status == 200,
                expired,
                "seed {seed}: {cancelled:?} {swept}"
            );
            assert_eq!(status(shop, &id).await == "expired", expired, "seed {seed}");
            assert_eq!(shop.available("TEA-01").await, 10, "seed {seed}");
            wins[usize::from(expired)] += 1;
        }
        assert!(
            wins.iter().all(|wins| 0 < *wins),
            "each side wins sometimes: {wins:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn slow_after_a_confirmation_and_a_cancel_the_order_is_cancelled() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let mut confirmed_first = 0;
        for seed in 0..runs() {
            let id = placed(shop, seed).await;
            let reference = format!("pay-{seed}");
            let confirm = shop.confirm(&id, &reference);
            let (confirmed, cancelled) = race(seed, confirm, shop.cancel("demo", &id)).await;
            // A confirmed order may still be cancelled; a cancelled one is never confirmed.
            cancelled.assert(200);
            match confirmed.status {
                200 => confirmed_first += 1,
                _ => drop(confirmed.assert_problem(409, "cancelled-unpaid")),
            }
            let order = shop.read("demo", &id).await.json();
            assert_eq!(order["status"], "cancelled", "seed {seed}");
            assert_eq!(
                order["confirmed_at"].is_string(),
                confirmed.status == 200,
                "seed {seed}"
            );
            assert_eq!(shop.available("TEA-01").await, 10, "seed {seed}");
        }
        assert!(
            (1..runs()).contains(&confirmed_first),
            "each is first sometimes: {confirmed_first}"
        );
    })
    .await;
}

#[tokio::test]
async fn slow_of_two_payments_exactly_one_confirms() {
    shop(async |shop| {
        shop.stock("TEA-01", 10_000).await;
        let mut wins = [0, 0];
        for seed in 0..runs() {
            let id = placed(shop, seed).await;
            let (a, b) = (format!("a-{seed}"), format!("b-{seed}"));
            let (one, other) = race(seed, shop.confirm(&id, &a), shop.confirm(&id, &b)).await;
            let paid = shop.read("demo", &id).await.json()["payment_reference"].clone();
            wins[winner(seed, &paid, [(&one, &a), (&other, &b)])] += 1;
        }
        assert!(
            wins.iter().all(|wins| 0 < *wins),
            "each side wins sometimes: {wins:?}"
        );
    })
    .await;
}

/// An order of this much TEA-01 that is confirmed.
async fn paid(shop: &Shop, seed: u64, quantity: i64) -> String {
    let placed = shop.place(&format!("key-{seed}"), "TEA-01", quantity).await;
    let id = placed.assert(201).order_id();
    shop.confirm(&id, &format!("pay-{seed}")).await.assert(200);
    id
}

async fn fulfil(shop: &Shop, id: &str, parcel: &str) -> Answer {
    let request = shop.post(&format!("/orders/{id}/fulfil"));
    let body = json!({"reference": parcel});
    request.by("shipping", STAFF).json(&body).send().await
}

/// A return of this much TEA-01.
async fn give_back(shop: &Shop, id: &str, key: &str, quantity: i64) -> Answer {
    let request = shop.post(&format!("/orders/{id}/returns"));
    let lines = [json!({"sku": "TEA-01", "quantity": quantity})];
    let body = json!({"lines": lines, "restock": true});
    let request = request.by("shipping", STAFF).key(key);
    request.json(&body).send().await
}

#[tokio::test]
async fn slow_of_a_fulfilment_and_a_cancel_exactly_one_wins() {
    shop(async |shop| {
        shop.stock("TEA-01", 10_000).await;
        let mut wins = [0, 0];
        let mut left = 10_000;
        for seed in 0..runs() {
            let id = paid(shop, seed, 1).await;
            let parcel = format!("parcel-{seed}");
            let cancel = shop.cancel("demo", &id);
            let (shipped, cancelled) = race(seed, fulfil(shop, &id, &parcel), cancel).await;
            let order = status(shop, &id).await;
            let sides = [(&shipped, "fulfilled"), (&cancelled, "cancelled")];
            let won = winner(seed, &order, sides);
            if won == 0 {
                cancelled.assert_problem(409, "order-fulfilled");
                left -= 1;
            } else {
                shipped.assert_problem(409, "order-cancelled");
            }
            assert_eq!(shop.available("TEA-01").await, left, "seed {seed}");
            wins[won] += 1;
        }
        assert!(
            wins.iter().all(|wins| 0 < *wins),
            "each side wins sometimes: {wins:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn slow_of_two_fulfilments_exactly_one_ships() {
    shop(async |shop| {
        shop.stock("TEA-01", 10_000).await;
        let mut wins = [0, 0];
        for seed in 0..runs() {
            let id = paid(shop, seed, 1).await;
            let (one, other) = race(
                seed,
                fulfil(shop, &id, "parcel a"),
                fulfil(shop, &id, "parcel b"),
            )
            .await;
            let order = shop.read("demo", &id).await.json();
            let parcel = &order["fulfilment_reference"];
            let won = winner(seed, parcel, [(&one, "parcel a"), (&other, "parcel b")]);
            [&other, &one][won].assert_problem(409, "already-fulfilled");
            wins[won] += 1;
        }
        assert!(
            wins.iter().all(|wins| 0 < *wins),
            "each side wins sometimes: {wins:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn slow_of_two_returns_of_more_than_was_shipped_exactly_one_wins() {
    shop(async |shop| {
        shop.stock("TEA-01", 10_000).await;
        let mut wins = [0, 0];
        let mut left = 10_000;
        for seed in 0..runs() {
            let id = paid(shop, seed, 3).await;
            fulfil(shop, &id, "parcel").await.assert(200);
            let (one, other) = race(
                seed,
                give_back(shop, &id, "one", 2),
                give_back(shop, &id, "other", 2),
            )
            .await;
            let won = usize::from(one.status != 201);
            let sides = [&one, &other];
            sides[won].assert(201);
            sides[1 - won].assert_problem(409, "exceeds-shipped");
            // The answers stay, whichever is repeated first.
            let again = give_back(shop, &id, "one", 2).await;
            assert_eq!((again.status, &again.body), (one.status, &one.body));
            assert!(again.is_replay(), "seed {seed}");
            left -= 1;
            assert_eq!(shop.available("TEA-01").await, left, "seed {seed}");
            wins[won] += 1;
        }
        assert!(
            wins.iter().all(|wins| 0 < *wins),
            "each side wins sometimes: {wins:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn slow_of_two_returns_that_fit_both_win() {
    shop(async |shop| {
        shop.stock("TEA-01", 10_000).await;
        for seed in 0..runs() {
            let id = paid(shop, seed, 3).await;
            fulfil(shop, &id, "parcel").await.assert(200);
            let (one, other) = race(
                seed,
                give_back(shop, &id, "one", 2),
                give_back(shop, &id, "other", 1),
            )
            .await;
            one.assert(201);
            other.assert(201);
            assert_eq!(shop.available("TEA-01").await, 10_000, "seed {seed}");
        }
    })
    .await;
}

#[tokio::test]
async fn many_sweepers_at_once_release_each_hold_once() {
    shop(async |shop| {
        shop.stock("TEA-01", 100).await;
        for n in 0..60 {
            placed(shop, n).await;
        }
        shop.pass_seconds(OVERDUE_SECONDS);
        let swept = join_all((0..8).map(|_| shop.sweep())).await;
        let expired: i64 = swept
            .iter()
            .map(|swept| swept["expired"].as_i64().unwrap())
            .sum();
        assert_eq!(expired, 60);
        assert_eq!(shop.available("TEA-01").await, 100);
    })
    .await;
}
