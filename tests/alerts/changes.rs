//! A seeded history of alarms: when each changed its state, and when SQS delivers the alert of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::stage::{Random, alarm_message};

const MINUTE: i64 = 60_000;

/// An alarm's newest state at the end of the history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Truth {
    pub(super) at: i64,
    pub(super) state: &'static str,
    pub(super) critical: bool,
}

/// A message in the queue.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) body: String,
    pub(super) handle: String,
    pub(super) receives: u32,
    pub(super) sent_at: i64,
    pub(super) visible_at: i64,
}

pub(super) struct History {
    pub(super) truth: BTreeMap<String, Truth>,
    pub(super) queue: Vec<Queued>,
}

/// Makes a number of changes from a start on: ordinary ones, alarms that flap, and floods of 500 a minute.
/// One in ten is delivered twice, and one in five late, after later ones.
pub(super) fn history(changes: usize, start: i64, random: &Random) -> History {
    let mut history = History {
        truth: BTreeMap::new(),
        queue: Vec::new(),
    };
    let mut number = 0;
    let mut alarm = 0;
    while number < changes {
        let below = |most: u64| i64::try_from(random.next() % most).unwrap();
        let begin = start + below(600) * MINUTE;
        let flood = random.percent(3);
        let members = if flood { 500.min(changes / 10) } else { 1 };
        for _ in 0..members {
            alarm += 1;
            let name = format!("alarm-{alarm:05}");
            let critical = random.percent(20);
            let flaps = !flood && random.percent(15);
            let mut at = begin + below(60) * 1_000;
            let states = if flaps { 6 + below(8) } else { 1 + below(4) };
            for index in 0..states {
                let state = if index % 2 == 0 { "ALARM" } else { "OK" };
                history.add(&name, state, at, critical, number, random);
                number += 1;
                at += 1 + if flaps {
                    20_000 + below(60_000)
                } else {
                    below(3_000_000)
                };
            }
        }
    }
    history
}

impl History {
    fn add(
        &mut self,
        name: &str,
        state: &'static str,
        at: i64,
        critical: bool,
        number: usize,
        random: &Random,
    ) {
        let truth = Truth {
            at,
            state,
            critical,
        };
        self.truth.insert(name.to_owned(), truth);
        let late = if random.percent(20) {
            random.next() % 400_000
        } else {
            0
        };
        let visible_at = at + i64::try_from(late).unwrap();
        let copies = if random.percent(10) { 2 } else { 1 };
        for copy in 0..copies {
            // Of a doubled alert, SNS gives both copies one id, or the alarm publishes twice.
            let id = if random.percent(50) {
                number.to_string()
            } else {
                format!("{number}-{copy}")
            };
            self.queue.push(Queued {
                body: body(name, state, at, critical, &id),
                handle: format!("handle-{number}-{copy}"),
                receives: 0,
                sent_at: visible_at,
                visible_at,
            });
        }
    }
}

fn body(name: &str, state: &str, at: i64, critical: bool, id: &str) -> String {
    let mut message = alarm_message(name);
    let at = jiff::Timestamp::from_millisecond(at).unwrap();
    message["NewStateValue"] = state.into();
    message["OldStateValue"] = if state == "OK" { "ALARM" } else { "OK" }.into();
    message["StateChangeTime"] = at.strftime("%FT%T.%3f+0000").to_string().into();
    if critical {
        message["AlarmDescription"] = "severity: critical".into();
    }
    let envelope = json!({
        "Type": "Notification", "MessageId": format!("sns-{id}"),
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:alerts",
        "Message": message.to_string(), "Timestamp": at.to_string(),
    });
    envelope.to_string()
}

impl Queued {
    /// The record of this message as Lambda gets it.
    pub(super) fn record(&self) -> Value {
        json!({
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:alerts",
            "messageId": self.handle,
            "receiptHandle": self.handle,
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": self.receives.to_string(),
                "SentTimestamp": self.sent_at.to_string(),
            },
        })
    }
}
