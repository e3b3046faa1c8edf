//! Asks CloudWatch Logs for the errors that functions logged around a moment.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::DisplayErrorContext;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::trouble::Line;

/// How much earlier than the alarm its cause is looked for, and how much later: as the button does.
const BEFORE: SignedDuration = SignedDuration::from_mins(10);
const AFTER: SignedDuration = SignedDuration::from_mins(5);
/// Lines with one of these. A line in JSON also says its level, which is read afterwards.
const PATTERN: &str = "?ERROR ?Error ?FATAL ?CRITICAL ?timeout ?failure ?\"Task timed out\"";
/// The newest lines that are read of a group.
const LINES_MAX: i32 = 50;
/// A page can be empty although there is another one.
const PAGES_MAX: usize = 5;

/// The log groups in the region of the function.
#[derive(Clone, Debug)]
pub(crate) struct LogReader(Client);

impl LogReader {
    pub(crate) const fn new(client: Client) -> Self {
        Self(client)
    }

    /// The newest errors of some groups around a moment. A group that cannot be read in this time, or at
    /// all, has none: the alert is not late for them.
    pub(crate) async fn errors(
        &self,
        groups: &[String],
        at: Timestamp,
        most: Duration,
    ) -> Vec<Line> {
        let mut asking = JoinSet::new();
        for group in groups {
            let (client, group) = (self.0.clone(), group.clone());
            asking.spawn(async move { timeout(most, of_group(&client, &group, at)).await });
        }
        let mut lines = Vec::new();
        while let Some(asked) = asking.join_next().await {
            match asked {
                Ok(Ok(Ok(mut found))) => lines.append(&mut found),
                Ok(Ok(Err(error))) => goes_without(&error),
                Ok(Err(_)) | Err(_) => goes_without("it took too long"),
            }
        }
        lines
    }
}

async fn of_group(client: &Client, group: &str, at: Timestamp) -> Result<Vec<Line>, String> {
    let moment = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    let mut token = None;
    for _ in 0..PAGES_MAX {
        let page = client
            .filter_log_events()
            .log_group_name(group)
            .set_start_time(moment(at.checked_sub(BEFORE).ok()))
            .set_end_time(moment(at.checked_add(AFTER).ok()))
            .filter_pattern(PATTERN)
            .start_from_head(false)
            .limit(LINES_MAX)
            .set_next_token(token)
            .send();
        let page = page
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        let lines: Vec<Line> = page
            .events()
            .iter()
            .filter_map(|event| {
                Some(Line {
                    at: Timestamp::from_millisecond(event.timestamp()?).ok()?,
                    text: event.message()?.to_owned(),
                })
            })
            .collect();
        token = page.next_token().map(str::to_owned);
        if !lines.is_empty() || token.is_none() {
            return Ok(lines);
        }
    }
    Ok(Vec::new())
}

fn goes_without(error: &str) {
    tracing::warn!(
        error,
        "CloudWatch Logs cannot be read: the alert goes without its errors"
    );
}
