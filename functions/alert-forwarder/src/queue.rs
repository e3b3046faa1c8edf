//! Calls SQS: sets when a message comes back, and sends refused ones to the dead-letter queue.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::MessageAttributeValue;
use jiff::Timestamp;
use tokio::time::timeout;

use crate::envelope::{AttributeValue, Record};
use crate::pace::WAIT_MAX;
use crate::wake::Wake;

/// The shortest time until a failed delivery is retried.
const WAIT_LEAST: Duration = Duration::from_secs(30);
/// The longest time until a failed delivery is retried: the longest wait of a rate limit.
///
/// Between the two, a retry comes after a quarter of the message's age. So alerts arrive at most N/4
/// hours after an outage of N hours ends. The queue gives a message up after a hundred receives; that
/// takes about six days, which leaves a week of the retention for the dead-letter queue.
const WAIT_MOST: Duration = WAIT_MAX;
const AGE_SHARE: u32 = 4;

/// SQS' errors after which another try is useless. An alert that was delivered must not come back for them.
const NEVER: [&str; 5] = [
    "AccessDenied",
    "AccessDeniedException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "UnknownOperationException",
];

/// The queue of alerts, and its dead-letter queue.
#[derive(Debug)]
pub(crate) struct Queue {
    client: Client,
    url: Option<String>,
    dead_letter_url: Option<String>,
}

/// Up to this many receives, a message comes back as soon as a rate limit or claim ends. Later it waits
/// longer: otherwise a long day of limits would use up its hundred receives.
const RECEIVES_PROMPT_MAX: u32 = 10;

/// How long a message has been in the queue, if that is known.
pub(crate) fn age(record: &Record, now: Timestamp) -> Option<Duration> {
    let sent_at = record.sent_at?;
    Duration::try_from(now.duration_since(sent_at)).ok()
}

/// How long a message that could not be delivered stays hidden. `known` is the time after which Discord
/// or another claim allows the next try, if there is one.
pub(crate) fn back_off(record: &Record, known: Option<Duration>, now: Timestamp) -> Duration {
    let age = age(record, now).unwrap_or_default();
    let own = (age / AGE_SHARE).clamp(WAIT_LEAST, WAIT_MOST);
    match known {
        Some(known) if record.receive_count <= RECEIVES_PROMPT_MAX => known,
        Some(known) => known.max(own),
        None => own,
    }
}

impl Queue {
    pub(crate) fn new(
        client: Client,
        url: Option<String>,
        dead_letter_url: Option<String>,
    ) -> Self {
        Self {
            client,
            url,
            dead_letter_url,
        }
    }

    /// Sets when a handed-back message becomes visible again. If that fails, the queue's own visibility
    /// time-out applies.
    pub(crate) async fn hide(&self, record: &Record, wait: Duration, left: Duration) {
        let (Some(url), Some(handle)) = (&self.url, &record.receipt_handle) else {
            return;
        };
        // Rounded up: a call one second too early would be answered with 429 again.
        let seconds = wait.min(WAIT_MOST).as_secs() + u64::from(0 < wait.subsec_nanos());
        let change = self
            .client
            .change_message_visibility()
            .queue_url(url)
            .receipt_handle(handle)
            .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX))
            .send();
        match timeout(left, change).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let error = DisplayErrorContext(error).to_string();
                tracing::warn!(error, "the visibility of a message could not be set");
            }
            Err(_) => tracing::warn!("no time was left to set the visibility of a message"),
        }
    }

    /// Whether the function can send messages to itself.
    pub(crate) const fn can_wake(&self) -> bool {
        self.url.is_some()
    }

    /// Sends a message to ourselves, to come after a delay. Returns false if it is worth another try.
    pub(crate) async fn wake(&self, wake: &Wake, delay: Duration, left: Duration) -> bool {
        let (Some(url), Some(body)) = (&self.url, wake.body()) else {
            return true;
        };
        let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        let send = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(body)
            .delay_seconds(seconds)
            .send();
        let error = match timeout(left, send).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => error,
            Err(_) => {
                tracing::warn!("no time was left to queue a reminder");
                return false;
            }
        };
        let code = error
            .as_service_error()
            .and_then(|error| error.meta().code());
        let is_permanent = code.is_some_and(|code| NEVER.contains(&code));
        let error = DisplayErrorContext(error).to_string();
        if is_permanent {
            tracing::error!(
                error,
                "the function may not send itself messages: nothing is said again, and flapping ends late"
            );
        } else {
            tracing::warn!(error, "a reminder could not be queued");
        }
        is_permanent
    }

    /// Sends a message that Discord refuses in every form to the dead-letter queue, so that it is not
    /// refused a hundred times. Returns whether that worked.
    pub(crate) async fn send_to_dead_letters(&self, record: &Record, left: Duration) -> bool {
        let Some(url) = &self.dead_letter_url else {
            return false;
        };
        let send = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(&record.body)
            .set_message_attributes(attributes(record))
            .send();
        let error = match timeout(left, send).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => DisplayErrorContext(error).to_string(),
            Err(_) => "no time was left".to_owned(),
        };
        tracing::warn!(
            error,
            "a message could not be sent to the dead-letter queue"
        );
        false
    }
}

/// The message's attributes, for a copy of it. An attribute that SQS would refuse is left out: the body is
/// worth more.
fn attributes(record: &Record) -> Option<HashMap<String, MessageAttributeValue>> {
    let mut attributes = HashMap::new();
    for (name, attribute) in &record.attributes {
        let value = MessageAttributeValue::builder().data_type(&attribute.data_type);
        let value = match &attribute.value {
            AttributeValue::Text(text) => value.string_value(text),
            AttributeValue::Bytes(bytes) => value.binary_value(Blob::new(bytes.clone())),
        };
        if let Ok(value) = value.build() {
            attributes.insert(name.clone(), value);
        }
    }
    (!attributes.is_empty()).then_some(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_hidden_for_a_quarter_of_its_age() {
        let sent_at = Timestamp::UNIX_EPOCH;
        let record = Record {
            sent_at: Some(sent_at),
            ..Record::default()
        };
        let wait = |age: u64| back_off(&record, None, sent_at + Duration::from_secs(age)).as_secs();
        assert_eq!(wait(0), 30);
        assert_eq!(wait(400), 100);
        assert_eq!(wait(864_000), 7_200);
        assert_eq!(back_off(&Record::default(), None, sent_at).as_secs(), 30);

        let known = |receive_count| {
            let record = Record {
                receive_count,
                ..record.clone()
            };
            let now = sent_at + Duration::from_secs(4_000);
            back_off(&record, Some(Duration::from_secs(5)), now).as_secs()
        };
        assert_eq!(known(RECEIVES_PROMPT_MAX), 5);
        assert_eq!(known(RECEIVES_PROMPT_MAX + 1), 1_000);
    }

    #[test]
    fn a_hundred_receives_last_five_to_nine_days() {
        let record = Record {
            sent_at: Some(Timestamp::UNIX_EPOCH),
            ..Record::default()
        };
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..100 {
            now += back_off(&record, None, now);
        }
        let days = now.as_second() / 86_400;
        assert!((5..=9).contains(&days), "{days}");
    }
}
