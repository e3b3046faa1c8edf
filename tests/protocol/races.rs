//! Races between the requests that can end an order: exactly one wins.

use futures::future::{join, join_all};
use serde_json::Value;
use simulator::random::Random;

use crate::support::harness::{Answer, Shop, shop};

/// How often each race is run.
const RUNS: u64 = 1_000;

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
        for seed in 0..RUNS {
            let id = placed(shop, seed).await;
            shop.pass_seconds(OVERDUE_SECONDS);
            let reference = format!("pay-{seed}");
            let (confirmed, swept) = race(seed, shop.confirm(&id, &reference), shop.sweep()).await;
            let order = status(shop, &id).await;
            let expired = swept["expired"] == 1;
            assert_ne!(
                confirmed.status == 200,
                expired,
                "seed {seed}: {confirmed:?} {swept}"
            );
            assert_eq!(order == "expired", expired, "seed {seed}");
            if expired {
                confirmed.assert_problem(410, "order-expired");
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
        for seed in 0..RUNS {
            let id = placed(shop, seed).await;
            shop.pass_seconds(OVERDUE_SECONDS);
            let (cancelled, swept) = race(seed, shop.cancel("demo", &id), shop.sweep()).await;
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
        for seed in 0..RUNS {
            let id = placed(shop, seed).await;
            let reference = format!("pay-{seed}");
            let confirm = shop.confirm(&id, &reference);
            let (confirmed, cancelled) = race(seed, confirm, shop.cancel("demo", &id)).await;
            // A confirmed order may still be cancelled; a cancelled one is never confirmed.
            cancelled.assert(200);
            match confirmed.status {
                200 => confirmed_first += 1,
                _ => drop(confirmed.assert_problem(409, "order-cancelled")),
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
            (1..RUNS).contains(&confirmed_first),
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
        for seed in 0..RUNS {
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
