//! Two thousand alarms through a Discord that fails at random, redelivered as SQS does it: none is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use alert_forwarder::handle;
use local::discord::fault::{Fault, RetryAfter};
use serde_json::{Value, json};
use tracing::Level;

use super::delivery::is_labelled;
use super::stage::{Random, Setting, Stage, alarm, handed_back};

const ALARMS: usize = 2_000;
const BATCH_MAX: usize = 5;
const VISIBILITY: Duration = Duration::from_secs(120);
const RECEIVES_MAX: u32 = 100;
const SEED: u64 = 20_260_719;

/// A message in the queue.
struct Queued {
    name: String,
    handle: String,
    receives: u32,
    sent_at: i64,
    visible_at: i64,
}

/// An instance that dies after it was woken so many times.
struct Mortal<F> {
    future: Pin<Box<F>>,
    polls_left: u64,
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

/// Three calls in ten go wrong, each in one of many ways.
fn chaos(seed: u64) -> impl FnMut() -> Option<Fault> + Send {
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
        Some(match random.next() % 14 {
            0 => limited(RetryAfter::Float(0.35), false),
            1 => limited(RetryAfter::Integer(1), true),
            2 => limited(RetryAfter::Header(30), false),
            3 => limited(RetryAfter::Missing, false),
            4 => Fault::LimitedByEdge { retry_after: None },
            5 => Fault::Status(500),
            6 => Fault::Status(502),
            7 => Fault::Status(503),
            8 => Fault::Refuse,
            9 | 10 => Fault::Drop,
            11 | 12 => Fault::AcceptThenDrop,
            _ => Fault::NoContent,
        })
    }
}

/// The queue of all alarms in bursts; one in ten was published twice by SNS.
fn queue(random: &Random, start: i64) -> Vec<Queued> {
    let mut queue = Vec::new();
    for number in 0..ALARMS {
        // Bursts of fifty in one second, a minute apart.
        let sent_at = start + 60_000 * i64::try_from(number / 50).unwrap();
        let copies = if random.percent(10) { 2 } else { 1 };
        for copy in 0..copies {
            queue.push(Queued {
                name: format!("alarm-{number:04}"),
                handle: format!("handle-{number}-{copy}"),
                receives: 0,
                sent_at,
                visible_at: sent_at,
            });
        }
    }
    queue
}

fn record(message: &Queued) -> Value {
    let mut record = alarm(&message.name);
    record["messageId"] = message.handle.as_str().into();
    record["receiptHandle"] = message.handle.as_str().into();
    record["attributes"] = json!({
        "ApproximateReceiveCount": message.receives.to_string(),
        "SentTimestamp": message.sent_at.to_string(),
    });
    record
}

#[tokio::test]
async fn two_thousand_alarms_with_duplicates_bursts_and_crashes_are_each_delivered_or_in_the_dead_letters()
 {
    println!("seed {SEED}");
    let stage = Stage::set(Setting {
        seed: SEED,
        level: Some(Level::DEBUG),
        ..Setting::default()
    })
    .await;
    let mut fault = chaos(SEED);
    stage.discord.script(move |_| fault());
    let random = Random::new(SEED + 1);
    let mut waiting = queue(&random, stage.world.now().as_millisecond());
    let mut dead: BTreeSet<String> = BTreeSet::new();
    let mut instance = stage.another_instance();
    let mut crashes = 0;

    while !waiting.is_empty() {
        eprintln!(
            "{} {} {}",
            waiting.len(),
            stage.world.now(),
            stage.discord.calls().len()
        );
        let now = stage.world.now().as_millisecond();
        let ready = |message: &Queued| message.visible_at <= now;
        let mut batch: Vec<Queued> = waiting
            .extract_if(.., |message| ready(message))
            .take(BATCH_MAX)
            .collect();
        if batch.is_empty() {
            let next = waiting
                .iter()
                .map(|message| message.visible_at)
                .min()
                .unwrap();
            stage
                .clock
                .advance(Duration::from_millis(u64::try_from(next - now).unwrap()));
            continue;
        }
        for message in &mut batch {
            message.receives += 1;
            message.visible_at = now + i64::try_from(VISIBILITY.as_millis()).unwrap();
        }
        let records: Vec<Value> = batch.iter().map(record).collect();
        let event = stage.event(json!({"Records": records}), Duration::from_secs(20));
        let polls_left = if random.percent(3) {
            random.next() % 40
        } else {
            u64::MAX
        };
        let invocation = Mortal {
            future: Box::pin(handle(&instance, event)),
            polls_left,
        };
        let answer = invocation.await;
        let back: BTreeSet<String> = match &answer {
            Some(answer) => handed_back(answer.as_ref().unwrap()).into_iter().collect(),
            None => batch.iter().map(|message| message.handle.clone()).collect(),
        };
        if answer.is_none() {
            crashes += 1;
            instance = stage.another_instance();
        }
        let hidden = std::mem::take(&mut *stage.aws.hidden.lock().unwrap());
        let now = stage.world.now().as_millisecond();
        for mut message in batch {
            if let Some(seconds) = hidden.get(&message.handle) {
                message.visible_at = now + 1_000 * i64::try_from(*seconds).unwrap();
            }
            let returned = back.contains(&message.handle);
            if returned && message.receives == RECEIVES_MAX {
                dead.insert(message.name);
            } else if returned || random.percent(1) {
                // At least once: now and then a deletion is forgotten.
                waiting.push(message);
            }
        }
    }

    let buried = stage.aws.buried.lock().unwrap().clone();
    let mut seen: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for message in stage.discord.messages() {
        let line = message.line();
        let at = line.find("alarm-").unwrap_or_else(|| panic!("{line}"));
        let name = line[at..at + "alarm-0000".len()].to_owned();
        seen.entry(name).or_default().push(is_labelled(&message));
    }
    let lost: Vec<usize> = (0..ALARMS)
        .filter(|number| {
            let name = format!("alarm-{number:04}");
            let is_buried = buried
                .iter()
                .any(|body| body.contains(&format!("\\\"{name}\\\"")));
            !seen.contains_key(&name) && !dead.contains(&name) && !is_buried
        })
        .collect();
    assert_eq!(lost, Vec::<usize>::new(), "lost");
    let twice: Vec<_> = seen.iter().filter(|(_, labels)| 1 < labels.len()).collect();
    let unlabelled: Vec<_> = twice
        .iter()
        .filter(|(_, labels)| labels[1..].contains(&false))
        .collect();
    assert!(
        unlabelled.is_empty(),
        "came twice without a label: {unlabelled:?}"
    );
    // The play must have been worth watching.
    assert!(10 < crashes, "{crashes} crashes");
    assert!(50 < twice.len(), "{} came twice", twice.len());
    assert!(100.0 < stage.metric("AlertDuplicateSuppressed"));
    assert!(100.0 < stage.metric("AlertHandedBack"));
    assert!(
        dead.len() + buried.len() < ALARMS / 100,
        "{} dead, {} buried",
        dead.len(),
        buried.len()
    );
}
