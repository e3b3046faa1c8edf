//! Messages that the forwarder sends to itself through its own queue, to look at an incident again later.
//!
//! SQS delays a message by 15 minutes at most. A message that comes too early is sent again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::envelope::Notification;
use crate::incident::At;

/// The longest delay of a message. Source: "Amazon SQS delay queues", Amazon SQS Developer Guide.
pub(crate) const DELAY_MAX: Duration = Duration::from_mins(15);

/// A reason to look at an incident again. Two equal ones do no more than one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Wake {
    /// The key of the incident's item.
    pub(crate) incident: String,
    /// The opening that it is about.
    pub(crate) opening: u32,
    /// The number of the reminder. 0 looks whether flapping has ended.
    pub(crate) number: u32,
    /// When to look.
    pub(crate) due: At,
}

/// The form in the queue. The name of its member tells it from alerts.
#[derive(Deserialize, Serialize)]
struct Wrapped {
    surefire_wake: Wake,
}

impl Wake {
    pub(crate) fn body(&self) -> Option<String> {
        let wrapped = Wrapped {
            surefire_wake: self.clone(),
        };
        serde_json::to_string(&wrapped).ok()
    }

    /// Reads a message of the queue. One that came through a topic is an alert, whatever it says.
    pub(crate) fn read(notification: &Notification) -> Option<Self> {
        let of_queue = notification.source_arn.as_deref()?.contains(":sqs:");
        if notification.record.is_none() || !of_queue {
            return None;
        }
        let json: &Value = notification.json.as_ref()?;
        let wrapped: Wrapped = serde_json::from_value(json.clone()).ok()?;
        Some(wrapped.surefire_wake)
    }

    /// How long to hide it now, if it is not due yet.
    pub(crate) fn delay(&self, now: At) -> Option<Duration> {
        let left = u64::try_from(self.due.since(now))
            .ok()
            .filter(|left| 0 < *left)?;
        // Rounded up, so that it is not a moment too early.
        let left = Duration::from_secs(left.div_ceil(1_000));
        Some(left.min(DELAY_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::unwrap;
    use serde_json::json;

    fn wake() -> Wake {
        Wake {
            incident: "incident#a".to_owned(),
            opening: 1,
            number: 2,
            due: At(1_000_000),
        }
    }

    fn read(body: &str) -> Option<Wake> {
        let event = json!({"Records": [{
            "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:alerts",
            "messageId": "1", "body": body,
        }]});
        Wake::read(&unwrap(&event, "r").notifications[0])
    }

    #[test]
    fn a_wake_comes_back_from_the_queue_and_never_from_a_topic() {
        let body = wake().body().unwrap();
        assert_eq!(read(&body), Some(wake()));
        let published = json!({"Type": "Notification", "MessageId": "1", "Message": body,
            "TopicArn": "arn:aws:sns:eu-west-1:1:alerts"});
        assert_eq!(read(&published.to_string()), None);
        assert_eq!(read("{}"), None);
    }

    #[test]
    fn a_delay_is_the_time_left_within_the_limit_of_the_queue() {
        let seconds = |now| wake().delay(At(now)).map(|delay| delay.as_secs());
        assert_eq!(seconds(1_000_000), None);
        assert_eq!(seconds(2_000_000), None);
        assert_eq!(seconds(999_999), Some(1));
        assert_eq!(seconds(0), Some(900));
    }
}
