//! How long an order waits when Redis misbehaves, on a clock that only waiting moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config};
use futures::FutureExt as _;
use jiff::Timestamp;

use once::{Intent, Store, World};

use super::*;
use crate::crowd::Crowds;

/// A clock that moves only when something waits.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn milliseconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn pass(&self, duration: Duration) {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap();
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }

    fn world(&self) -> World {
        let (now, sleeper) = (self.clone(), self.clone());
        World::new(
            move || Timestamp::from_millisecond(1_000_000 + now.milliseconds()).unwrap(),
            |bytes| bytes.fill(0x80),
            move |duration| {
                sleeper.pass(duration);
                Box::pin(async {})
            },
        )
    }
}

/// A Redis that answers in a given way, and the questions that it got.
struct Stage {
    clock: Clock,
    redis: Redis,
    store: Store,
    asked: Arc<Mutex<Vec<Question>>>,
}

impl Stage {
    fn new(answer: impl Fn(&Question) -> BoxedAnswer + Send + Sync + 'static) -> Self {
        let asked = Arc::<Mutex<Vec<Question>>>::default();
        let questions = Arc::clone(&asked);
        let exchange: Exchange = Arc::new(move |question| {
            let answer = answer(&question);
            questions.lock().unwrap().push(question);
            answer
        });
        let clock = Clock::default();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        Self {
            redis: Redis::played(exchange, "orders"),
            store: Store::new(client, "orders".to_owned(), clock.world()).unwrap(),
            clock,
            asked,
        }
    }

    /// One order's use of Redis: what it found, and how long it waited.
    async fn order(&self) -> (Option<String>, i64, Account) {
        let began = self.clock.milliseconds();
        let session = self.store.session(Timestamp::MAX);
        let crowds = Crowds::default();
        let hints = Hints::new(Duration::ZERO);
        let turns = Turns::new(Some(&self.redis), &crowds, &hints);
        let turn = Turn::new(
            &self.redis,
            &turns.account,
            &session,
            "ord_1",
            &[("CUP", 0), ("TEA", 0)],
        );
        let entry = turn.enter().await;
        turn.leave(None).await;
        let waited = self.clock.milliseconds() - began;
        (entry, waited, turns.account().unwrap())
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

type BoxedAnswer = futures::future::BoxFuture<'static, Result<Reply, Fault>>;

fn at_once(answer: Result<Reply, Fault>) -> BoxedAnswer {
    futures::future::ready(answer).boxed()
}

/// Answers as a Redis with nothing in it does.
fn free(question: &Question) -> BoxedAnswer {
    at_once(Ok(match question {
        Question::Enter { .. } => Reply::Turn,
        Question::Leave { .. } => Reply::Left,
    }))
}

#[tokio::test]
async fn an_order_asks_twice_with_the_same_locks_and_the_same_owner() {
    let stage = Stage::new(free);
    let (entry, waited, account) = stage.order().await;
    assert_eq!((entry, waited, account.exchanges), (None, 0, 2));
    let owner = "80".repeat(16);
    let locks = ["surefire:{orders}:lock:CUP", "surefire:{orders}:lock:TEA"];
    let locks: Vec<_> = locks.map(str::to_owned).into();
    let decided = "surefire:{orders}:decided:ord_1".to_owned();
    let enter = Question::Enter {
        decided: decided.clone(),
        locks: locks.clone(),
        owner: owner.clone(),
    };
    let leave = Question::Leave {
        decided,
        entry: None,
        locks,
        owner,
    };
    assert_eq!(*stage.asked.lock().unwrap(), [enter, leave]);
}

#[tokio::test]
async fn a_dead_redis_costs_one_time_out_of_50_ms_in_half_a_minute() {
    let stage = Stage::new(|_| futures::future::pending().boxed());
    let (_, waited, account) = stage.order().await;
    assert_eq!(
        (waited, account.time_outs, account.left_alone),
        (50, 1, true)
    );
    for _ in 0..100 {
        let (_, waited, account) = stage.order().await;
        assert_eq!(
            (waited, account.exchanges, account.left_alone),
            (0, 0, true)
        );
    }
    stage.clock.pass(Duration::from_millis(29_999));
    assert_eq!(stage.order().await.1, 0);
    stage.clock.pass(Duration::from_millis(1));
    assert_eq!(stage.order().await.1, 50);
    assert_eq!(stage.order().await.1, 0);
    assert_eq!(stage.asked(), 2);
}

#[tokio::test]
async fn a_redis_that_dies_during_the_write_costs_25_ms_once() {
    let stage = Stage::new(|question| match question {
        Question::Enter { .. } => at_once(Ok(Reply::Turn)),
        Question::Leave { .. } => futures::future::pending().boxed(),
    });
    assert_eq!(stage.order().await.1, 25);
    assert_eq!(stage.order().await.1, 0);
}

#[tokio::test]
async fn a_redis_that_refuses_costs_no_wait_and_is_left_alone() {
    for fault in [
        Fault::Refused("OOM".to_owned()),
        Fault::Broken("Io".to_owned()),
    ] {
        let stage = Stage::new(move |_| at_once(Err(fault.clone())));
        let (entry, waited, account) = stage.order().await;
        assert_eq!((entry, waited), (None, 0));
        assert_eq!((account.failures, account.time_outs), (1, 0));
        stage.order().await;
        assert_eq!(stage.asked(), 1);
    }
}

#[tokio::test]
async fn a_redis_that_comes_back_is_asked_again() {
    let is_dead = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let dead = Arc::clone(&is_dead);
    let stage = Stage::new(move |question| {
        if dead.load(Ordering::Relaxed) {
            futures::future::pending().boxed()
        } else {
            free(question)
        }
    });
    stage.order().await;
    is_dead.store(false, Ordering::Relaxed);
    assert_eq!(
        stage.order().await.2.exchanges,
        0,
        "the breaker is still open"
    );
    stage.clock.pass(Duration::from_secs(30));
    for _ in 0..3 {
        assert_eq!(stage.order().await.2.exchanges, 2);
    }
}

#[tokio::test]
async fn an_order_with_little_time_waits_for_half_of_it_and_with_less_does_not_ask() {
    // Half a second is kept for the answer, whatever happens.
    for (left, waited, exchanges) in [(560, 30, 1), (529, 0, 0), (500, 0, 0), (10_000, 50, 1)] {
        let stage = Stage::new(|_| futures::future::pending().boxed());
        let now = Timestamp::from_millisecond(1_000_000).unwrap();
        let session = stage.store.session(now + Duration::from_millis(left));
        let crowds = Crowds::default();
        let hints = Hints::new(Duration::ZERO);
        let turns = Turns::new(Some(&stage.redis), &crowds, &hints);
        let turn = Turn::new(
            &stage.redis,
            &turns.account,
            &session,
            "ord_1",
            &[("TEA", 0)],
        );
        assert_eq!(turn.enter().await, None);
        assert_eq!(
            (stage.clock.milliseconds(), stage.asked()),
            (waited, exchanges),
            "with {left} ms left"
        );
    }
}

#[tokio::test]
async fn a_busy_product_is_waited_for_50_ms_at_most_and_redis_is_not_blamed() {
    let stage = Stage::new(|question| match question {
        Question::Enter { .. } => at_once(Ok(Reply::Busy)),
        Question::Leave { .. } => at_once(Ok(Reply::Left)),
    });
    for _ in 0..2 {
        let (entry, waited, account) = stage.order().await;
        assert_eq!((entry, account.turnless), (None, true));
        assert!((30..=50).contains(&waited), "{waited}");
        assert!(!account.left_alone && account.time_outs == 0);
        assert!(5 < account.exchanges, "it looked several times");
    }
}

#[tokio::test]
async fn a_product_that_becomes_free_is_waited_for_no_longer() {
    let looks = AtomicI64::new(0);
    let stage = Stage::new(move |question| match question {
        Question::Enter { .. } if looks.fetch_add(1, Ordering::Relaxed) < 3 => {
            at_once(Ok(Reply::Busy))
        }
        _ => free(question),
    });
    let (_, waited, account) = stage.order().await;
    assert!((3..=21).contains(&waited), "{waited}");
    assert!(!account.turnless);
}

#[tokio::test]
async fn a_redis_slower_than_the_time_left_is_not_taken_for_dead() {
    // Each look takes 12 ms: the last one that still fits begins with 15 or more.
    let stage = Stage::new(|_| at_once(Ok(Reply::Busy)));
    let clock = stage.clock.clone();
    let slow: Exchange = Arc::new(move |question| {
        clock.pass(Duration::from_millis(12));
        match question {
            Question::Enter { .. } => at_once(Ok(Reply::Busy)),
            Question::Leave { .. } => at_once(Ok(Reply::Left)),
        }
    });
    let stage = Stage {
        redis: Redis::played(slow, "orders"),
        ..stage
    };
    let (_, waited, account) = stage.order().await;
    assert!(waited <= 50 + 12, "{waited}");
    assert!(account.turnless && !account.left_alone && account.time_outs == 0);
}

#[tokio::test]
async fn without_time_left_redis_is_not_asked() {
    use once::{Fingerprint, Fingerprints};
    struct Nothing;
    impl Fingerprints for Nothing {
        fn fingerprint(&self, _: i64) -> Option<Fingerprint> {
            None
        }
    }
    let stage = Stage::new(free);
    let session = stage.store.session(Timestamp::UNIX_EPOCH);
    let crowds = Crowds::default();
    let hints = Hints::new(Duration::ZERO);
    let turns = Turns::new(Some(&stage.redis), &crowds, &hints);
    let intent = Intent {
        record: Item::new(),
        effects: Vec::new(),
    };
    let attempt = Attempt {
        id: "ord_1",
        products: Vec::new(),
        shards: Vec::new(),
        record: ("ORD#ord_1", "ORDER"),
        fingerprints: &Nothing,
    };
    let write = once::settle(&session, &intent, &Nothing, |_| None);
    let settled = turns.around(&session, &attempt, write).await;
    assert_eq!(settled, Err(Unsettled::OutcomeUnknown));
    assert_eq!((stage.asked(), turns.account()), (0, None));
}
