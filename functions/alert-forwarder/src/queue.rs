//! Owns what the queue is told: when a message may come again, and what can never be sent.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use jiff::Timestamp;
use tokio::time::timeout;

use crate::envelope::Record;

/// The first repetition of a failed delivery comes after this time.
const WAIT_LEAST: Duration = Duration::from_secs(30);
/// Later ones come after a quarter of the message's age, but not after more than this.
///
/// So an outage of Discord of N hours delays its alerts by at most N/4 more;
/// and the hundred receipts after which the queue gives a message up last six
/// days, which leaves a week of its retention in the dead-letter queue.
const WAIT_MOST: Duration = Duration::from_hours(2);
const AGE_SHARE: u32 = 4;

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    client: Client,
    url: Option<String>,
    dead_letter_url: Option<String>,
}

/// A message that was received this often does not come back just as a limit
/// ends: a hundred receipts would else be used up within a long day of limits.
const RECEIVES_PROMPT_MAX: u32 = 10;

/// How long a message that could not be delivered stays away; `told` is what
/// Discord or another instance said.
pub(crate) fn back_off(record: &Record, told: Option<Duration>, now: Timestamp) -> Duration {
    let age = record
        .sent_at
        .map(|sent| now.duration_since(sent))
        .and_then(|age| Duration::try_from(age).ok())
        .unwrap_or_default();
    let own = (age / AGE_SHARE).clamp(WAIT_LEAST, WAIT_MOST);
    match told {
        Some(told) if record.receive_count <= RECEIVES_PROMPT_MAX => told,
        Some(told) => told.max(own),
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

    /// Sets when a message that is handed back comes again. A failure is no
    /// harm: the queue's own visibility time-out holds then.
    pub(crate) async fn hide(&self, record: &Record, wait: Duration, left: Duration) {
        let (Some(url), Some(handle)) = (&self.url, &record.receipt_handle) else {
            return;
        };
        // Rounded up: a second too early is another answer of 429.
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
                tracing::warn!(error, "a message's visibility could not be set");
            }
            Err(_) => tracing::warn!("no time was left to set a message's visibility"),
        }
    }

    /// Puts a message that Discord refuses in every form into the dead-letter
    /// queue, rather than have it refused a hundred times. Whether that worked.
    pub(crate) async fn bury(&self, record: &Record, left: Duration) -> bool {
        let Some(url) = &self.dead_letter_url else {
            return false;
        };
        let send = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(&record.body)
            .send();
        let error = match timeout(left, send).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => DisplayErrorContext(error).to_string(),
            Err(_) => "no time was left".to_owned(),
        };
        tracing::warn!(
            error,
            "a message could not be put into the dead-letter queue"
        );
        false
    }
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

        let told = |receive_count| {
            let record = Record {
                receive_count,
                ..record.clone()
            };
            let now = sent_at + Duration::from_secs(4_000);
            back_off(&record, Some(Duration::from_secs(5)), now).as_secs()
        };
        assert_eq!(told(RECEIVES_PROMPT_MAX), 5);
        assert_eq!(told(RECEIVES_PROMPT_MAX + 1), 1_000);
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
