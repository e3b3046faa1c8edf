//! Topics: a message goes to the queue of each subscription, or into the list of e-mails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use template::Stack;

use super::meter::Meter;
use super::queue::Queues;
use runtime::uuid;

/// E-mails that are kept; older ones are deleted.
const MAILS_MAX: usize = 500;

/// The topics of a stack. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Topics {
    all: Arc<Vec<Topic>>,
    mails: Arc<Mutex<Vec<Mail>>>,
    /// Whether people have confirmed their addresses. Nobody has before the first minute has passed.
    confirmed: Arc<AtomicBool>,
    queues: Queues,
    meter: Meter,
}

#[derive(Debug)]
struct Topic {
    arn: String,
    queues: Vec<String>,
    addresses: Vec<String>,
}

/// An e-mail that AWS would have sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mail {
    /// When.
    pub at: Timestamp,
    /// To whom; without addresses nobody is subscribed.
    pub to: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

impl Topics {
    pub(crate) fn of(stack: &Stack, queues: Queues, meter: Meter) -> Self {
        let text = |value: &Value, name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let subscriptions: Vec<&Value> = stack
            .of_kind("AWS::SNS::Subscription")
            .map(|(_, resource)| &resource.properties)
            .collect();
        let topic = |(_, resource): (&str, &template::Resource)| {
            let arn = resource.reference.clone().unwrap_or_default();
            let of = |protocol: &str| {
                let own = subscriptions.iter();
                let own = own.filter(|it| text(it, "TopicArn") == arn);
                let own = own.filter(|it| text(it, "Protocol") == protocol);
                own.map(|it| text(it, "Endpoint")).collect::<Vec<String>>()
            };
            Topic {
                queues: of("sqs"),
                addresses: of("email"),
                arn,
            }
        };
        Self {
            all: Arc::new(stack.of_kind("AWS::SNS::Topic").map(topic).collect()),
            mails: Arc::default(),
            confirmed: Arc::default(),
            queues,
            meter,
        }
    }

    /// Publishes a message.
    pub(crate) fn publish(&self, arn: &str, subject: &str, message: &Value) {
        let Some(topic) = self.all.iter().find(|topic| topic.arn == arn) else {
            tracing::warn!(arn, "an alarm's action is not a topic of the template");
            return;
        };
        let world = &self.meter.world;
        let now = world.now();
        let name = topic.arn.rsplit(':').next().unwrap_or_default();
        let count = |metric: &str| {
            let dimensions = [("TopicName", name)];
            self.meter.add(("AWS/SNS", metric), &dimensions, now, 1.0);
        };
        count("NumberOfMessagesPublished");
        let envelope = json!({
            "Type": "Notification",
            "MessageId": uuid(world),
            "TopicArn": topic.arn,
            "Subject": subject,
            "Message": message.to_string(),
            "Timestamp": format!("{now:.3}"),
            "SignatureVersion": "1",
        });
        for queue in &topic.queues {
            let works = self.meter.fault("sns").is_none();
            let body = envelope.to_string();
            let sent = works
                .then(|| self.queues.send(queue, body, json!({}), world))
                .flatten();
            count(match sent {
                Some(_) => "NumberOfNotificationsDelivered",
                None => "NumberOfNotificationsFailed",
            });
        }
        if topic.queues.is_empty() && self.confirmed.load(Ordering::Relaxed) {
            self.mail(topic, subject, message, now);
        }
    }

    /// Confirms the addresses of all topics, as people do by the link that AWS sends.
    pub(crate) fn confirm(&self) {
        self.confirmed.store(true, Ordering::Relaxed);
    }

    /// A topic without a queue is for people: its messages are e-mails, if somebody is subscribed.
    fn mail(&self, topic: &Topic, subject: &str, message: &Value, at: Timestamp) {
        let part = |name: &str| {
            message
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let text = format!("{}\n{}", part("AlarmDescription"), part("NewStateReason"));
        let to = topic.addresses.join(", ");
        tracing::warn!(target: super::TARGET, to, "e-mail: {subject}");
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.push(Mail {
            at,
            to: topic.addresses.clone(),
            subject: subject.to_owned(),
            text,
        });
        let excess = mails.len().saturating_sub(MAILS_MAX);
        mails.drain(..excess);
    }

    /// The e-mails, the oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.clone()
    }
}
