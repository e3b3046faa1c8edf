//! Owns a Redis that a simulation plays: what the scripts of the orders function do, in virtual
//! time, and everything that can become of a Redis meanwhile.

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

/// How long a decision is remembered, and a lock lasts, as docs/redis.md says.
const REMEMBERED: Duration = Duration::from_hours(24);
const LOCKED: Duration = Duration::from_millis(500);

const MILLISECOND: Duration = Duration::from_millis(1);

/// A Redis; clones are the same one.
#[derive(Clone)]
pub struct Redis {
    time: Time,
    network: Network,
    memory: Arc<Mutex<Memory>>,
    /// How long orders wait for it.
    pub(crate) wait: Duration,
}

struct Memory {
    values: Values,
    /// What a replica that lags behind knows.
    replica: Values,
    random: Random,
    faulty: bool,
    /// How long every question takes, if that is more than usual.
    slow: Option<Duration>,
    /// Until when it refuses connections.
    down_until: Duration,
    /// When each attempt first asked.
    entered: BTreeMap<String, Duration>,
}

/// A value, and when it ends, by its key.
type Values = BTreeMap<String, (String, Duration)>;

/// What becomes of one exchange.
#[derive(Default)]
struct Fate {
    there: Duration,
    back: Duration,
    accident: Option<Accident>,
}

impl Redis {
    /// A Redis with nothing in it, to which nothing happens.
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

    /// This Redis, to which things happen.
    #[must_use]
    pub(crate) fn faulty(self) -> Self {
        lock(&self.memory).faulty = true;
        self
    }

    /// This Redis, which takes so long for every question.
    #[must_use]
    pub fn slow(self, slow: Duration) -> Self {
        lock(&self.memory).slow = Some(slow);
        self
    }

    /// This Redis, for which orders wait so long.
    #[must_use]
    pub fn waited_for(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// The way to it. A question lives on when whoever asked it is gone.
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
                    // Silence: whoever waits must give up by itself.
                    Err(oneshot::Canceled) => std::future::pending().await,
                }
            }
            .boxed()
        })
    }

    /// Begins an order's waiting: for its look-up and its turn together, or for
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
            // Whoever asked may have gone.
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
        // Whoever asked may have gone.
        let _ = reply.send(answer);
    }
}

/// An order's waiting. It ends with its value, answered or not.
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
            format!("an order waited {waited:?} for Redis, and {most:?} is the most")
        });
    }
}

impl Memory {
    /// Whether it refuses connections, which may begin now.
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

    /// Puts one value where another one was.
    fn poison(&mut self) {
        let values: Vec<_> = self.values.values().cloned().collect();
        let keys: Vec<_> = self.values.keys().cloned().collect();
        let key = self.random.pick(&keys).cloned();
        if let (Some(key), Some(value)) = (key, self.random.pick(&values)) {
            self.values.insert(key, value.clone());
        }
    }
}
