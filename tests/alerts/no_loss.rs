//! Many alarms, a Discord that fails at random, and redelivery as SQS does it: no alarm is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use alert_forwarder::{Timeouts, handle};
use discord::fault::{Fault, RetryAfter};
use serde_json::{Value, json};
use tracing::Level;

use super::delivery::is_labelled;
use super::stage::{Random, Setting, Stage, alarm, handed_back};

pub(super) const BATCH_MAX: usize = 5;
pub(super) const VISIBILITY: Duration = Duration::from_mins(2);
pub(super) const RECEIVES_MAX: u32 = 100;
/// The time-out of a call that hangs. An answer on loopback takes a millisecond.
pub(super) const HANG: Duration = Duration::from_millis(300);
const SEED: u64 = 20_260_719;

/// A message in the queue.
struct Queued {
    name: String,
    handle: String,
    receives: u32,
    sent_at: i64,
    visible_at: i64,
    /// What the function sent to itself. `None` for an alarm.
    wake: Option<String>,
}

/// An instance that dies after a number of polls.
pub(super) struct Mortal<F> {
    pub(super) future: Pin<Box<F>>,
    pub(super) polls_left: u64,
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls_left == 0 {
            return Poll::Ready(None);
        }
        self.polls_left -= 1;
        self.future.as_mut().poll(context).map(Some)
    }
}

/// Fails three calls in ten, each in one of many ways.
pub(super) fn chaos(seed: u64) -> impl FnMut() -> Option<Fault> + Send {
    let random = Random::new(seed);
    let limited = |retry_after, global| Fault::Limited {
        retry_after,
        global,
        shared: false,
    };
    move || {
        if !random.percent(30) {
            return None;
        }
        Some(match random.next() % 44 {
            // These two have no wait in their answer, and cost a minute each.
            0 => limited(RetryAfter::Missing, false),
            1 => Fault::LimitedByEdge { retry_after: None },
            2..=5 => limited(RetryAfter::Float(0.35), false),
            6..=8 => limited(RetryAfter::Integer(1), true),
            9..=10 => limited(RetryAfter::Header(30), false),
            11..=14 => Fault::Status(500),
            15..=18 => Fault::Status(502),
            19..=22 => Fault::Status(503),
            23..=25 => Fault::Refuse,
            26..=30 => Fault::Drop,
            31..=36 => Fault::AcceptThenDrop,
            37 => Fault::Hang,
            38 => Fault::AcceptThenHang,
            39 => Fault::Limited {
                retry_after: RetryAfter::Float(1.5),
                global: false,
                shared: true,
            },
            _ => Fault::NoContent,
        })
    }
}

/// The queue of all alarms, in bursts. SNS publishes one in ten twice.
fn queue(alarms: usize, random: &Random, start: i64) -> Vec<Queued> {
    let mut queue = Vec::new();
    for number in 0..alarms {
        // Bursts of eight alarms at one moment, a minute apart: more than ten would be one digest.
        let sent_at = start + 60_000 * i64::try_from(number / 8).unwrap();
        let copies = if random.percent(10) { 2 } else { 1 };
        for copy in 0..copies {
            queue.push(Queued {
                name: format!("alarm-{number:04}"),
                handle: format!("handle-{number}-{copy}"),
                receives: 0,
                sent_at,
                visible_at: sent_at,
                wake: None,
            });
        }
    }
    queue
}

fn record(message: &Queued) -> Value {
    let mut record = alarm(&message.name);
    if let Some(body) = &message.wake {
        record["body"] = body.as_str().into();
        record["eventSourceARN"] = "arn:aws:sqs:eu-west-1:123456789012:alerts".into();
    }
    record["messageId"] = message.handle.as_str().into();
    record["receiptHandle"] = message.handle.as_str().into();
    record["attributes"] = json!({
        "ApproximateReceiveCount": message.receives.to_string(),
        "SentTimestamp": message.sent_at.to_string(),
    });
    record
}

#[tokio::test]
async fn two_hundred_alarms_are_each_delivered_or_in_the_dead_letters() {
    let run = run(200, SEED, Level::TRACE).await;
    assert!(run.had_enough_failures(200), "{run:?}");
}

#[tokio::test]
async fn slow_two_thousand_alarms_are_each_delivered_or_in_the_dead_letters() {
    let run = run(2_000, SEED, Level::INFO).await;
    assert!(run.had_enough_failures(2_000), "{run:?}");
}

/// What happened in a run. A run without crashes and failures proves nothing.
#[derive(Debug)]
struct Run {
    crashes: usize,
    twice: usize,
    suppressed: u64,
    handed_back: u64,
    given_up: usize,
}

impl Run {
    fn had_enough_failures(&self, alarms: usize) -> bool {
        let part = u64::try_from(alarms / 40).unwrap();
        alarms / 400 <= self.crashes
            && alarms / 100 < self.twice
            && part < self.suppressed
            && part < self.handed_back
            && self.given_up < alarms / 50
    }
}

/// Simulates duplicates, bursts, crashes and failures. Asserts that no alarm is lost, and that every
/// repetition has a label.
async fn run(alarms: usize, seed: u64, level: Level) -> Run {
    println!("seed {seed}");
    let stage = Stage::set(Setting {
        seed,
        level: Some(level),
        timeouts: Some(Timeouts {
            total: HANG,
            ..Timeouts::default()
        }),
        ..Setting::default()
    })
    .await;
    let mut fault = chaos(seed);
    stage.discord.script(move |_| fault());
    let random = Random::new(seed + 1);
    let mut queue = Queue {
        waiting: queue(alarms, &random, stage.world.now().as_millisecond()),
        dead: BTreeSet::new(),
    };
    let mut instance = stage.another_instance();
    let (mut crashes, mut wakes) = (0, 0);
    while !queue.waiting.is_empty() {
        let Some(batch) = queue.receive(stage.world.now().as_millisecond()) else {
            stage
                .clock
                .advance(queue.until_next(stage.world.now().as_millisecond()));
            continue;
        };
        let records: Vec<Value> = batch.iter().map(record).collect();
        let event = stage.event(json!({"Records": records}), Duration::from_secs(20));
        let dies = random.percent(3);
        let invocation = Mortal {
            future: Box::pin(handle(&instance, event)),
            polls_left: if dies { random.next() % 40 } else { u64::MAX },
        };
        let back: BTreeSet<String> = if let Some(answer) = invocation.await {
            handed_back(&answer.unwrap()).into_iter().collect()
        } else {
            crashes += 1;
            instance = stage.another_instance();
            batch.iter().map(|message| message.handle.clone()).collect()
        };
        let hidden = std::mem::take(&mut *stage.aws.hidden.lock().unwrap());
        let now = stage.world.now().as_millisecond();
        for (delay, body) in std::mem::take(&mut *stage.aws.wakes.lock().unwrap()) {
            wakes += 1;
            queue.waiting.push(Queued {
                name: format!("wake-{wakes}"),
                handle: format!("wake-{wakes}"),
                receives: 0,
                sent_at: now,
                visible_at: now + 1_000 * i64::try_from(delay).unwrap(),
                wake: Some(body),
            });
        }
        for message in batch {
            let hidden = hidden.get(&message.handle).copied();
            // Delivery is at least once: now and then SQS does not delete a message.
            let returned = back.contains(&message.handle);
            if returned || random.percent(1) {
                queue.take_back(message, hidden, now);
            }
        }
    }
    let (twice, given_up) = judge(&stage, alarms, &queue.dead);
    let run = Run {
        crashes,
        twice,
        suppressed: stage.metric("AlertDuplicateSuppressed"),
        handed_back: stage.metric("AlertHandedBack"),
        given_up,
    };
    println!("{run:?}, {} calls", stage.posts().len());
    run
}

/// The queue, and the names of the messages that it gave up.
struct Queue {
    waiting: Vec<Queued>,
    dead: BTreeSet<String>,
}

impl Queue {
    fn receive(&mut self, now: i64) -> Option<Vec<Queued>> {
        let visible = |message: &mut Queued| message.visible_at <= now;
        let mut batch: Vec<Queued> = self
            .waiting
            .extract_if(.., visible)
            .take(BATCH_MAX)
            .collect();
        for message in &mut batch {
            message.receives += 1;
            message.visible_at = now + i64::try_from(VISIBILITY.as_millis()).unwrap();
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn until_next(&self, now: i64) -> Duration {
        let next = self.waiting.iter().map(|message| message.visible_at).min();
        Duration::from_millis(u64::try_from(next.unwrap() - now).unwrap())
    }

    fn take_back(&mut self, mut message: Queued, hidden_seconds: Option<u64>, now: i64) {
        if let Some(seconds) = hidden_seconds {
            message.visible_at = now + 1_000 * i64::try_from(seconds).unwrap();
        }
        if message.receives == RECEIVES_MAX {
            self.dead.insert(message.name);
        } else {
            self.waiting.push(message);
        }
    }
}

/// Checks the channel. Returns how many alarms came twice, and how many were given up.
fn judge(stage: &Stage, alarms: usize, dead: &BTreeSet<String>) -> (usize, usize) {
    let dead_letters = stage.aws.dead_letters.lock().unwrap().clone();
    let mut seen: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    let mut in_digests: BTreeSet<String> = BTreeSet::new();
    for message in stage.discord.messages() {
        let mut line = message.line();
        for file in &message.files {
            line += &String::from_utf8_lossy(&file.bytes);
        }
        let is_digest = line.contains("in one minute");
        let mut names = line
            .split_whitespace()
            .filter(|word| word.starts_with("alarm-"))
            .peekable();
        assert!(names.peek().is_some(), "{line}");
        if is_digest {
            in_digests.extend(names.map(str::to_owned));
        } else if let Some(name) = names.next() {
            let labels = seen.entry(name.to_owned()).or_default();
            labels.push(is_labelled(&message));
        }
    }
    let lost: Vec<String> = (0..alarms)
        .map(|number| format!("alarm-{number:04}"))
        .filter(|name| !seen.contains_key(name) && !in_digests.contains(name))
        .filter(|name| !dead.contains(name))
        .filter(|name| {
            !dead_letters
                .iter()
                .any(|body| body.contains(&format!("\\\"{name}\\\"")))
        })
        .collect();
    assert_eq!(lost, Vec::<String>::new(), "lost");
    let unlabelled: Vec<_> = seen
        .iter()
        .filter(|(_, labels)| labels.iter().skip(1).any(|labelled| !labelled))
        .collect();
    assert!(
        unlabelled.is_empty(),
        "came twice, but the repetition has no label: {unlabelled:?}"
    );
    let twice = seen.values().filter(|labels| 1 < labels.len()).count();
    (twice, dead.len() + dead_letters.len())
}
