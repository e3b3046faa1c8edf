//! Watches a running server by the template's alarms, and sends their messages as AWS does: from the
//! topic through the queue and the alert forwarder to Discord.
//!
//! [`Watching::minute`] ends a minute: it evaluates the alarms and publishes the changes.
//! [`Watching::deliver`] invokes the functions that read queues. `serve` calls both by the clock, and
//! tests by a clock of their own.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gateway::{Invocation, Invoke};
use jiff::Timestamp;
use serde_json::{Value, json};
use template::{Place, Stack, Template};
use tracing::Dispatch;
use watch::{Change, Described, Row, State, Watch, WatchError};

use crate::fault::Faults;

mod chart;
pub(crate) mod cloudwatch;
mod listener;
mod logs;
mod meter;
pub(crate) mod page;
mod queue;
mod run;
mod source;
pub(crate) mod sqs;
mod stacks;
mod timetable;
mod topic;

pub(crate) use logs::Logs;
pub(crate) use meter::Meter;
pub(crate) use queue::Queues;
pub(crate) use run::run;
pub use topic::Mail;

use source::Source;
use stacks::Stacks;
use timetable::Timetable;
use topic::Topics;

/// The `tracing` target of the lines about alarms.
pub const TARGET: &str = "alarms";

/// Why a template's alarms cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchingError {
    /// The template as a whole cannot be evaluated.
    #[error("the alarms cannot be watched: {0} (--no-watch serves without them)")]
    Template(#[from] template::TemplateError),
    /// An alarm cannot be evaluated.
    #[error("{} (--no-watch serves without alarms)", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Alarms(Vec<WatchError>),
}

/// The alarms of a running server, with the metrics, topics and queues around them.
pub struct Watching {
    meter: Meter,
    watch: Mutex<Watch>,
    queues: Queues,
    logs: Logs,
    stacks: Stacks,
    topics: Topics,
    sources: Vec<Source>,
    timetable: Timetable,
    place: Place,
    invoke: Mutex<Option<Invoke>>,
}

impl fmt::Debug for Watching {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watching")
    }
}

impl Watching {
    /// Watches the alarms of a template. Nothing is delivered before [`Watching::connect`].
    pub(crate) fn new(
        text: &str,
        parameters: &[(String, String)],
        template: &Template,
        meter: Meter,
    ) -> Result<Arc<Self>, WatchingError> {
        let parameters = parameters.iter();
        let parameters = parameters.map(|(name, value)| (name.as_str(), value.as_str()));
        let stack = Stack::read_in(&template.place, text, parameters)?;
        let place = template.place.clone();
        let now = meter.world.now();
        let watch = Watch::new(&stack, &place, meter.pace, now).map_err(WatchingError::Alarms)?;
        let queues = Queues::of(&stack, &place.region);
        Ok(Arc::new(Self {
            topics: Topics::of(&stack, queues.clone(), meter.clone()),
            logs: Logs::of(&stack),
            stacks: Stacks::new(&place, now),
            sources: source::of(&stack),
            timetable: Timetable::of(&stack),
            watch: Mutex::new(watch),
            queues,
            meter,
            place,
            invoke: Mutex::new(None),
        }))
    }

    /// Sets the functions that read queues.
    pub(crate) fn connect(&self, invoke: Option<Invoke>) {
        let mut own = self.invoke.lock().unwrap_or_else(PoisonError::into_inner);
        *own = invoke;
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn queues(&self) -> &Queues {
        &self.queues
    }

    pub(crate) fn logs(&self) -> &Logs {
        &self.logs
    }

    pub(crate) fn stacks(&self) -> &Stacks {
        &self.stacks
    }

    /// The subscriber of a function, which hears its metrics and its errors.
    pub(crate) fn listener(&self, namespace: &str, group: Option<&str>) -> Dispatch {
        listener::Listener::before_log(&self.meter, namespace, &self.logs, group)
    }

    /// Ends a minute: counts the queues, evaluates the alarms and publishes their changes. Returns the
    /// changes.
    pub fn minute(&self) -> Vec<Change> {
        let now = self.meter.world.now();
        self.count_queues(now);
        let due = self.timetable.due(now);
        let mut changes = Vec::new();
        {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            self.meter
                .read(|store| changes.extend(watch.evaluate(store, now)));
            for set in due {
                changes.extend(watch.set(&set.alarm, set.state, &set.reason, now));
            }
        }
        for change in &changes {
            self.publish(change);
        }
        self.topics.confirm();
        changes
    }

    /// Sets the state of an alarm until the next minute, as `aws cloudwatch set-alarm-state` does.
    pub fn set_alarm_state(&self, name: &str, state: State, reason: &str) -> Option<Change> {
        let now = self.meter.world.now();
        let change = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            watch.set(name, state, reason, now)
        }?;
        self.publish(&change);
        Some(change)
    }

    fn publish(&self, change: &Change) {
        let Change {
            name,
            from,
            to,
            reason,
            ..
        } = change;
        // A new alarm that is well is no news.
        if (*from, *to) == (State::InsufficientData, State::Ok) {
            tracing::debug!(target: TARGET, %from, %to, reason, "alarm {name}: {to}");
        } else {
            tracing::info!(target: TARGET, %from, %to, reason, "alarm {name}: {to}");
        }
        for action in &change.actions {
            self.topics
                .publish(action, &change.subject, &change.message);
        }
    }

    /// The numbers of the queues belong to the minute that has just ended.
    fn count_queues(&self, now: Timestamp) {
        let pace = self.meter.pace;
        let at = pace.begin(pace.minute(now) - 1);
        for depth in self.queues.depths(now) {
            let dimensions = [("QueueName", depth.queue.as_str())];
            #[expect(
                clippy::cast_precision_loss,
                reason = "no queue in memory has that many messages"
            )]
            for (name, value) in [
                ("ApproximateNumberOfMessagesVisible", depth.visible as f64),
                ("ApproximateNumberOfMessagesNotVisible", depth.hidden as f64),
                ("ApproximateAgeOfOldestMessage", depth.oldest_seconds),
            ] {
                self.meter.add(("AWS/SQS", name), &dimensions, at, value);
            }
        }
    }

    /// Invokes the functions that read queues, until no message is visible. Returns how many messages
    /// were received.
    pub async fn deliver(&self) -> usize {
        let invoke = {
            let own = self.invoke.lock().unwrap_or_else(PoisonError::into_inner);
            own.clone()
        };
        let Some(invoke) = invoke else {
            return 0;
        };
        let (mut received, world) = (0, &self.meter.world);
        for source in &self.sources {
            loop {
                let region = &self.place.region;
                let records = self
                    .queues
                    .receive(&source.queue, source.batch, region, world);
                if records.is_empty() {
                    break;
                }
                received += records.len();
                let event = json!({"Records": records});
                let answer = invoke(Invocation {
                    function: source.function.clone(),
                    event,
                    trace: None,
                })
                .await;
                let done = source::done(&records, answer.as_ref().ok());
                self.queues.delete(&source.queue, &done);
            }
        }
        received
    }

    /// Each alarm with its state.
    pub fn rows(&self) -> Vec<Row> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.rows()
    }

    /// The alarms with these names as CloudWatch describes them; all alarms if there are no names.
    fn described(&self, names: &[String]) -> Vec<Described> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let all = watch.alarms().iter().map(|alarm| alarm.name.as_str());
        let is_asked = |name: &&str| names.is_empty() || names.iter().any(|it| it == name);
        all.filter(is_asked)
            .filter_map(|name| watch.described(name))
            .collect()
    }

    /// The e-mails that AWS would have sent, the oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.topics.mails()
    }

    /// The faults, to break services and to mend them.
    pub fn faults(&self) -> &Faults {
        &self.meter.faults
    }

    /// Deletes every message of a queue, as somebody who has read them does.
    pub fn purge(&self, queue: &str) -> bool {
        self.queues.purge(queue)
    }

    /// The metrics that have a value, in words.
    pub fn metrics(&self) -> Vec<String> {
        let words = |store: &mut watch::Store| store.metrics().map(ToString::to_string).collect();
        self.meter.read(words)
    }

    /// The states and the e-mails, for `surefire watch`.
    pub(crate) fn report(&self) -> Value {
        let now = self.meter.world.now();
        let alarm = |row: &Row| {
            json!({
                "name": row.name,
                "state": row.state.to_string(),
                "since": format!("{:.0}", row.since),
                "reason": row.reason,
                "description": row.description,
                "sends": row.has_actions,
            })
        };
        let mail = |mail: &Mail| json!({"at": format!("{:.0}", mail.at), "to": mail.to, "subject": mail.subject, "text": mail.text});
        json!({
            "now": format!("{now:.0}"),
            "speed": self.meter.pace.speed(),
            "faults": self.meter.faults.list(now),
            "alarms": self.rows().iter().map(alarm).collect::<Vec<Value>>(),
            "mails": self.mails().iter().map(mail).collect::<Vec<Value>>(),
        })
    }
}
