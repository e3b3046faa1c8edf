//! A simulated Redis: it does what the scripts of the orders function do, in virtual time, and
//! everything can go wrong with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::channel::oneshot;
use orders::REDIS_WAIT_DEFAULT;
use orders::turns::{Exchange, Fault as Failure, LEAVE_MAX, Question, Reply};

use super::exchanges::Accident;
use super::fault::Fault;
use super::network::Network;
use super::random::Random;
use super::time::{Time, lock};

/// How long a decision is remembered (docs/redis.md).
const REMEMBERED: Duration = Duration::from_hours(24);

/// How long a lock lasts (docs/redis.md).
const LOCKED: Duration = Duration::from_millis(500);

const MILLISECOND: Duration = Duration::from_millis(1);

/// A Redis. Clones share it.
#[derive(Clone)]
pub struct Redis {
    time: Time,
    network: Network,
    memory: Arc<Mutex<Memory>>,
    /// How long the orders function waits for it.
    pub(crate) wait: Duration,
}

struct Memory {
    values: Values,
    /// What a replica that is behind holds.
    replica: Values,
    random: Random,
    faulty: bool,
    /// How long every question travels, if that is longer than usual.
    slow: Option<Duration>,
    /// Until when it refuses connections.
    down_until: Duration,
    /// By an attempt's name: when it first asked.
    entered: BTreeMap<String, Duration>,
}

/// By key: a value, and when it expires.
type Values = BTreeMap<String, (String, Duration)>;

/// How long one exchange takes, and what goes wrong in it.
#[derive(Default)]
struct Fate {
    there: Duration,
    back: Duration,
    accident: Option<Accident>,
}

impl Redis {
    /// An empty Redis, with which nothing goes wrong.
    pub(crate) fn new(time: &Time, network: &Network, random: Random) -> Self {
        let memory = Memory {
            values: Values::new(),
            replica: Values::new(),
            random,
            faulty: false,
            slow: None,
            down_until: Duration::ZERO,
            entered: BTreeMap::new(),
        };
        network.note_redis(|redis| redis.worlds = 1);
        Self {
            time: time.clone(),
            network: network.clone(),
            memory: Arc::new(Mutex::new(memory)),
            wait: REDIS_WAIT_DEFAULT,
        }
    }

    /// This Redis, with accidents.
    #[must_use]
    pub(crate) fn faulty(self) -> Self {
        lock(&self.memory).faulty = true;
        self
    }

    /// This Redis, but every question travels for `slow`.
    #[must_use]
    pub fn slow(self, slow: Duration) -> Self {
        lock(&self.memory).slow = Some(slow);
        self
    }

    /// This Redis, but the orders function waits `wait` for it.
    #[must_use]
    pub fn waited_for(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// Sends questions to this Redis. A question arrives even when its sender is gone.
    pub(crate) fn exchange(&self) -> Exchange {
        let redis = self.clone();
        Arc::new(move |question| {
            let (reply, answer) = oneshot::channel();
            let wait = redis.wait_of(&question);
            let carried = redis.clone().carry(question, reply);
            redis.time.spawn(carried);
            async move {
                let _wait = wait;
                match answer.await {
                    Ok(answer) => answer,
                    // No answer will ever come. The sender must give up by itself.
                    Err(oneshot::Canceled) => std::future::pending().await,
                }
            }
            .boxed()
        })
    }

    /// Begins to measure how long a request waits: for its look-up and its turn together, or for
    /// giving its turn back.
    fn wait_of(&self, question: &Question) -> Wait {
        let now = self.time.elapsed();
        let (began, most) = match question {
            Question::Enter { owner, .. } => {
                let mut memory = lock(&self.memory);
                let began = memory.entered.entry(owner.clone()).or_insert(now);
                (*began, self.wait)
            }
            Question::Leave { .. } => (now, LEAVE_MAX),
        };
        let redis = self.clone();
        Wait { redis, began, most }
    }

    async fn carry(self, question: Question, reply: oneshot::Sender<Result<Reply, Failure>>) {
        let fate = lock(&self.memory).fate();
        if let Some(accident) = fate.accident {
            self.network.note(Fault::Redis);
            self.network
                .note_redis(|redis| *redis.accidents.entry(accident).or_default() += 1);
        }
        self.network.note_redis(|redis| redis.asked += 1);
        self.time.sleep(fate.there).await;
        let now = self.time.elapsed();
        if lock(&self.memory).is_down(now, fate.accident) {
            self.network.note_redis(|redis| redis.while_down += 1);
            self.time.sleep(fate.back).await;
            // The sender may be gone.
            let _ = reply.send(Err(Failure::Broken("Io".to_owned())));
            return;
        }
        let answer = match fate.accident {
            Some(Accident::LoseQuestion) => return,
            Some(Accident::Break) => Err(Failure::Broken("Io".to_owned())),
            Some(Accident::Refuse) => Err(Failure::Refused("OOM".to_owned())),
            accident => Ok(lock(&self.memory).answer(question, now, accident)),
        };
        let is_known = matches!(answer, Ok(Reply::Decided(_)));
        self.network
            .note_redis(|redis| redis.known += u64::from(is_known));
        if matches!(fate.accident, Some(Accident::LoseAnswer)) {
            return;
        }
        self.time.sleep(fate.back).await;
        // The sender may be gone.
        let _ = reply.send(answer);
    }
}

/// Measures how long a request waits for Redis. The wait ends when this is dropped.
struct Wait {
    redis: Redis,
    began: Duration,
    most: Duration,
}

impl Drop for Wait {
    fn drop(&mut self) {
        let waited = self.redis.time.elapsed().saturating_sub(self.began);
        let most = self.most;
        self.redis.network.check(waited <= most, || {
            format!("a request waited {waited:?} for Redis, longer than {most:?}")
        });
    }
}

impl Memory {
    /// Whether it refuses connections. An accident can take it down now.
    fn is_down(&mut self, now: Duration, accident: Option<Accident>) -> bool {
        if matches!(accident, Some(Accident::Down)) {
            let longest = MILLISECOND * 120_000;
            self.down_until = now + self.random.duration(MILLISECOND, longest);
            if self.random.chance(500) {
                self.values.clear();
            }
        }
        now < self.down_until
    }

    fn fate(&mut self) -> Fate {
        let mut way = || self.random.duration(MILLISECOND / 10, MILLISECOND / 2);
        let (there, back) = (way(), way());
        let mut fate = Fate {
            there,
            back,
            accident: None,
        };
        if self.faulty && self.random.chance(60) {
            fate.accident = self.random.pick(&Accident::ALL).copied();
        }
        if let Some(slow) = self.slow {
            fate.there = slow;
        }
        if matches!(fate.accident, Some(Accident::Slow)) {
            fate.there = self.random.duration(MILLISECOND, MILLISECOND * 2_000);
        }
        fate
    }

    fn answer(&mut self, question: Question, now: Duration, accident: Option<Accident>) -> Reply {
        match accident {
            Some(Accident::Flush) => self.values.clear(),
            Some(Accident::FailOver) => self.values.clone_from(&self.replica),
            Some(Accident::Poison) => self.poison(),
            _ => {}
        }
        if self.random.chance(50) {
            self.replica.clone_from(&self.values);
        }
        self.values.retain(|_, (_, ends)| now < *ends);
        match question {
            Question::Enter {
                decided,
                locks,
                owner,
            } => {
                if let Some((entry, _)) = self.values.get(&decided) {
                    return Reply::Decided(entry.clone());
                }
                let holder = |lock: &String| self.values.get(lock).map(|(holder, _)| holder);
                if locks
                    .iter()
                    .filter_map(holder)
                    .any(|holder| *holder != owner)
                {
                    return Reply::Busy;
                }
                let taken = (owner, now + LOCKED);
                self.values
                    .extend(locks.into_iter().map(|lock| (lock, taken.clone())));
                Reply::Turn
            }
            Question::Leave {
                decided,
                entry,
                locks,
                owner,
            } => {
                for lock in locks {
                    if self
                        .values
                        .get(&lock)
                        .is_some_and(|(holder, _)| *holder == owner)
                    {
                        self.values.remove(&lock);
                    }
                }
                if let Some(entry) = entry {
                    self.values.insert(decided, (entry, now + REMEMBERED));
                }
                Reply::Left
            }
        }
    }

    /// Replaces the value of one key by the value of another.
    fn poison(&mut self) {
        let values: Vec<_> = self.values.values().cloned().collect();
        let keys: Vec<_> = self.values.keys().cloned().collect();
        let key = self.random.pick(&keys).cloned();
        if let (Some(key), Some(value)) = (key, self.random.pick(&values)) {
            self.values.insert(key, value.clone());
        }
    }
}
