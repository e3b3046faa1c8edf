//! Forwards the messages of one invocation, and builds its answer.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::world::World;

use crate::accounts::Accounts;
use crate::deadline::Deadline;
use crate::deliver::Deliverer;
use crate::envelope::{Answer, Invocation, Notification};
use crate::error::Error;
use crate::event::{Event, State};
use crate::outcome::{Outcome, Why, report, report_delivery_test, report_undelivered};
use crate::parse::parse;
use crate::queue::{Queue, age, back_off};
use crate::wake::Wake;
use crate::watcher::Watcher;

/// Forwards messages, and hands back the ones that cannot be delivered.
#[derive(Debug)]
pub(crate) struct Forwarder {
    deliverer: Deliverer,
    watcher: Watcher,
    queue: Arc<Queue>,
    accounts: Accounts,
    delivery_test_alarm: Option<String>,
    world: World,
}

impl Forwarder {
    pub(crate) fn new(
        deliverer: Deliverer,
        watcher: Watcher,
        queue: Arc<Queue>,
        accounts: Accounts,
        delivery_test_alarm: Option<String>,
        world: World,
    ) -> Self {
        Self {
            deliverer,
            watcher,
            queue,
            accounts,
            delivery_test_alarm,
            world,
        }
    }

    /// Forwards all messages of an invocation. Returns the answer for Lambda.
    pub(crate) async fn forward(
        &self,
        invocation: &Invocation,
        deadline: Deadline,
    ) -> Result<Value, Error> {
        let mut alerts: Vec<(&Notification, Event)> = invocation
            .notifications
            .iter()
            .map(|notification| (notification, self.accounts.named(parse(notification))))
            .collect();
        // The most severe first, in case the time is too short for all. The sort keeps the order otherwise.
        alerts.sort_by_key(|(_, event)| std::cmp::Reverse(event.severity));

        let mut failures = Vec::new();
        let mut delivered = 0_usize;
        for (notification, event) in &alerts {
            match self.forward_one(notification, event, deadline).await {
                Outcome::Delivered { .. } => delivered += 1,
                Outcome::Suppressed | Outcome::Quiet => {}
                Outcome::HandedBack { .. } | Outcome::Refused => failures.push(*notification),
            }
        }
        match invocation.answer {
            Answer::Batch => Ok(batch_answer(&failures)),
            Answer::Whole if failures.is_empty() => Ok(json!({
                "delivered": delivered,
                "suppressed": alerts.len() - delivered,
            })),
            Answer::Whole => Err(Error::NotDelivered(failures.len())),
        }
    }

    /// Forwards one message. If it is not delivered, tells SQS when it comes back.
    async fn forward_one(
        &self,
        notification: &Notification,
        event: &Event,
        deadline: Deadline,
    ) -> Outcome {
        let Some(route) = self.deliverer.route_of(event) else {
            // Cannot happen: the last of the `Routes` takes everything.
            return Outcome::HandedBack {
                why: Why::NoWebhook,
                wait: None,
            };
        };
        let wake = Wake::read(notification);
        let mut outcome = match &wake {
            Some(wake) => self.watcher.handle(notification, wake, deadline).await,
            None => {
                self.deliverer
                    .deliver(notification, event, route, deadline)
                    .await
            }
        };
        let now = self.world.now();
        if let Some(record) = &notification.record {
            let left = || deadline.left_for_notes(self.world.machine_now());
            if outcome == Outcome::Refused && self.queue.send_to_dead_letters(record, left()).await
            {
                report(&outcome, &route.name, event.kind.name(), now);
                return Outcome::Suppressed;
            }
            if outcome == Outcome::Refused {
                outcome = Outcome::HandedBack {
                    why: Why::Refused,
                    wait: None,
                };
            }
            if let Outcome::HandedBack { wait, .. } = &mut outcome {
                let until_again = back_off(record, *wait, now);
                *wait = Some(until_again);
                self.queue.hide(record, until_again, left()).await;
                if let Some(age) = age(record, now) {
                    report_undelivered(age, now);
                }
            }
        }
        report(&outcome, &route.name, event.kind.name(), now);
        if matches!(outcome, Outcome::Delivered { .. }) && self.is_delivery_test(event) {
            report_delivery_test(now);
        }
        outcome
    }

    /// Whether an event is the daily test of the way to Discord.
    fn is_delivery_test(&self, event: &Event) -> bool {
        let name = self.delivery_test_alarm.as_deref();
        event.state == State::Firing && name == Some(event.title.as_str())
    }
}

/// `batchItemFailures`. A record without an id gets an empty identifier, for which SQS takes back the
/// whole batch.
fn batch_answer(failures: &[&Notification]) -> Value {
    let identifiers: Vec<Value> = failures
        .iter()
        .map(|notification| {
            let record = notification.record.as_ref();
            let id = record.and_then(|record| record.message_id.as_deref());
            json!({ "itemIdentifier": id.unwrap_or_default() })
        })
        .collect();
    json!({ "batchItemFailures": identifiers })
}
