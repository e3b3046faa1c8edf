//! Queues in memory, with the visibility, the receives and the dead letters of SQS.
//!
//! Source: "Amazon SQS visibility timeout" and "Using dead-letter queues in Amazon SQS".

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::world::World;
use template::Stack;

use runtime::uuid;

/// SQS's default.
const VISIBILITY_DEFAULT: Duration = Duration::from_secs(30);
/// Messages received this often leave the age of the oldest message.
const RECEIVES_OF_AGE_MAX: u32 = 3;

/// The queues of a stack. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Queues(Arc<Mutex<Vec<Queue>>>);

#[derive(Debug)]
struct Queue {
    name: String,
    arn: String,
    url: String,
    visibility: Duration,
    /// The dead-letter queue's ARN, and after how many receives a message goes there.
    dead_letters: Option<(String, u32)>,
    messages: Vec<Message>,
}

#[derive(Clone, Debug)]
struct Message {
    id: String,
    body: String,
    attributes: Value,
    sent: Timestamp,
    /// When its delay ended. It is not late before.
    due: Timestamp,
    first_received: Option<Timestamp>,
    visible: Timestamp,
    received: u32,
    handle: String,
}

/// A queue's numbers at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Depth {
    pub(crate) queue: String,
    pub(crate) visible: usize,
    pub(crate) hidden: usize,
    pub(crate) oldest_seconds: f64,
}

impl Queues {
    /// The queues of a stack, empty.
    pub(crate) fn of(stack: &Stack, region: &str) -> Self {
        let queue = |(logical, resource): (&str, &template::Resource)| {
            let url = resource.reference.clone().unwrap_or_default();
            let name = url.rsplit('/').next().unwrap_or(logical).to_owned();
            let account = url.rsplit('/').nth(1).unwrap_or_default();
            let redrive = resource.properties.get("RedrivePolicy");
            let dead_letters = redrive.and_then(|redrive| {
                let arn = redrive.get("deadLetterTargetArn")?.as_str()?.to_owned();
                let most = redrive.get("maxReceiveCount")?.as_u64()?;
                Some((arn, u32::try_from(most).ok()?))
            });
            let seconds = resource.properties.get("VisibilityTimeout");
            let seconds = seconds.and_then(Value::as_u64);
            Queue {
                arn: format!("arn:aws:sqs:{region}:{account}:{name}"),
                name,
                url,
                visibility: seconds.map_or(VISIBILITY_DEFAULT, Duration::from_secs),
                dead_letters,
                messages: Vec::new(),
            }
        };
        let queues = stack.of_kind("AWS::SQS::Queue").map(queue).collect();
        Self(Arc::new(Mutex::new(queues)))
    }

    /// Sends a message to the queue of an ARN or a URL. Returns its id, if there is such a queue.
    pub(crate) fn send(
        &self,
        queue: &str,
        body: String,
        attributes: Value,
        world: &World,
    ) -> Option<String> {
        self.send_later(queue, body, attributes, Duration::ZERO, world)
    }

    /// Sends a message that nobody can receive before a delay has passed.
    pub(crate) fn send_later(
        &self,
        queue: &str,
        body: String,
        attributes: Value,
        delay: Duration,
        world: &World,
    ) -> Option<String> {
        let (id, now) = (uuid(world), world.now());
        self.with(|queues| {
            let queue = find(queues, queue)?;
            queue.messages.push(Message {
                id: id.clone(),
                body,
                attributes,
                sent: now,
                due: now + delay,
                first_received: None,
                visible: now + delay,
                received: 0,
                handle: String::new(),
            });
            Some(id)
        })
    }

    /// Receives messages of a queue, the oldest first, as Lambda's event has them.
    pub(crate) fn receive(
        &self,
        arn: &str,
        most: usize,
        region: &str,
        world: &World,
    ) -> Vec<Value> {
        let now = world.now();
        self.with(|queues| {
            let mut dead = Vec::new();
            let Some(queue) = find(queues, arn) else {
                return Vec::new();
            };
            if let Some((target, receives)) = queue.dead_letters.clone() {
                let gone =
                    |message: &mut Message| receives <= message.received && message.visible <= now;
                dead.extend(
                    queue
                        .messages
                        .extract_if(.., gone)
                        .map(|it| (target.clone(), it)),
                );
            }
            let visible = queue.messages.iter_mut().filter(|it| it.visible <= now);
            let mut records = Vec::new();
            for message in visible.take(most) {
                message.received += 1;
                message.first_received.get_or_insert(now);
                message.visible = now + queue.visibility;
                message.handle = uuid(world);
                records.push(record(message, &queue.arn, region));
            }
            for (target, message) in dead {
                if let Some(queue) = find(queues, &target) {
                    queue.messages.push(Message {
                        received: 0,
                        visible: now,
                        ..message
                    });
                }
            }
            records
        })
    }

    /// Deletes the messages of these ids.
    pub(crate) fn delete(&self, arn: &str, ids: &[&str]) {
        self.with(|queues| {
            if let Some(queue) = find(queues, arn) {
                queue
                    .messages
                    .retain(|message| !ids.contains(&message.id.as_str()));
            }
        });
    }

    /// Sets when a received message is visible again.
    pub(crate) fn hide(&self, url: &str, handle: &str, wait: Duration, now: Timestamp) -> bool {
        self.with(|queues| {
            let queue = find(queues, url);
            let mut messages = queue.into_iter().flat_map(|queue| &mut queue.messages);
            let found = messages.find(|message| message.handle == handle);
            found.map(|message| message.visible = now + wait).is_some()
        })
    }

    /// Deletes every message of a queue, as `PurgeQueue` does.
    pub(crate) fn purge(&self, queue: &str) -> bool {
        self.with(|queues| {
            let found = find(queues, queue);
            found.map(|queue| queue.messages.clear()).is_some()
        })
    }

    /// The numbers of every queue.
    pub(crate) fn depths(&self, now: Timestamp) -> Vec<Depth> {
        let depth = |queue: &Queue| {
            let visible = queue.messages.iter().filter(|it| it.visible <= now).count();
            // A delayed message is neither in flight nor late.
            let delayed = |it: &&Message| it.received == 0 && now < it.visible;
            let counted = queue.messages.iter().filter(|it| !delayed(it));
            let hidden = counted.clone().count() - visible;
            let counted = counted.filter(|it| it.received < RECEIVES_OF_AGE_MAX);
            let oldest = counted.map(|it| it.due).min();
            Depth {
                queue: queue.name.clone(),
                visible,
                hidden,
                oldest_seconds: oldest.map_or(0.0, |due| now.duration_since(due).as_secs_f64()),
            }
        };
        self.with(|queues| queues.iter().map(depth).collect())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Queue>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn find<'a>(queues: &'a mut [Queue], queue: &str) -> Option<&'a mut Queue> {
    let mut queues = queues.iter_mut();
    queues.find(|it| [&it.arn, &it.url, &it.name].iter().any(|own| *own == queue))
}

fn record(message: &Message, arn: &str, region: &str) -> Value {
    let milliseconds = |at: Timestamp| at.as_millisecond().to_string();
    json!({
        "messageId": message.id,
        "receiptHandle": message.handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": message.received.to_string(),
            "SentTimestamp": milliseconds(message.sent),
            "ApproximateFirstReceiveTimestamp": message.first_received.map(milliseconds),
        },
        "messageAttributes": message.attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const TEMPLATE: &str = "
Resources:
  Dead: {Type: AWS::SQS::Queue}
  Alerts:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 120
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
";
    const ALERTS: &str = "surefire-Alerts";

    fn bench() -> (Queues, World, Arc<AtomicI64>) {
        let seconds = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&seconds);
        let now = move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap();
        let stack = Stack::read(TEMPLATE, []).unwrap();
        let queues = Queues::of(&stack, "ap-northeast-2");
        (queues, World::real().with_clock(now), seconds)
    }

    #[test]
    fn a_delayed_message_waits_and_is_not_late() {
        let (queues, world, seconds) = bench();
        let delay = Duration::from_mins(15);
        let sent = queues.send_later(ALERTS, String::new(), json!({}), delay, &world);
        assert!(sent.is_some());
        seconds.store(899, Ordering::Relaxed);
        assert!(queues.receive(ALERTS, 5, "here", &world).is_empty());
        let depths = queues.depths(world.now());
        let alerts = depths.iter().find(|it| it.queue == ALERTS).unwrap();
        assert_eq!((alerts.visible, alerts.hidden), (0, 0));
        assert!(alerts.oldest_seconds < 1.0, "{alerts:?}");
        seconds.store(900, Ordering::Relaxed);
        assert_eq!(queues.receive(ALERTS, 5, "here", &world).len(), 1);
    }

    #[test]
    fn a_received_message_is_hidden_and_comes_back() {
        let (queues, world, seconds) = bench();
        let receive = || queues.receive(ALERTS, 5, "here", &world);
        queues
            .send(ALERTS, "hello".to_owned(), json!({}), &world)
            .unwrap();
        let first = receive();
        assert_eq!(first[0]["body"], "hello");
        assert!(receive().is_empty());
        let handle = first[0]["receiptHandle"].as_str().unwrap();
        assert!(queues.hide(ALERTS, handle, Duration::from_secs(30), world.now()));
        seconds.store(30, Ordering::Relaxed);
        assert_eq!(receive()[0]["attributes"]["ApproximateReceiveCount"], "2");
        seconds.store(150, Ordering::Relaxed);
        assert!(receive().is_empty(), "it went to the dead letters");
        assert_eq!(queues.receive("surefire-Dead", 5, "here", &world).len(), 1);
    }

    #[test]
    fn the_age_leaves_out_messages_that_were_received_three_times() {
        let (queues, world, seconds) = bench();
        queues
            .send("surefire-Dead", String::new(), json!({}), &world)
            .unwrap();
        for receives in 0..4 {
            seconds.fetch_add(100, Ordering::Relaxed);
            let depths = queues.depths(world.now());
            let dead = depths
                .iter()
                .find(|it| it.queue == "surefire-Dead")
                .unwrap();
            let expected = if receives < 3 {
                100 * (receives + 1)
            } else {
                0
            };
            assert_eq!(dead.oldest_seconds.to_string(), expected.to_string());
            assert_eq!(dead.visible, 1);
            queues.receive("surefire-Dead", 1, "here", &world);
        }
    }

    #[test]
    fn an_answered_message_is_gone() {
        let (queues, world, _) = bench();
        let id = queues
            .send(ALERTS, String::new(), json!({}), &world)
            .unwrap();
        queues.delete(ALERTS, &[&id]);
        assert_eq!(
            queues
                .depths(world.now())
                .iter()
                .map(|it| it.visible)
                .sum::<usize>(),
            0
        );
        assert_eq!(
            queues.send("absent", String::new(), json!({}), &world),
            None
        );
    }
}
