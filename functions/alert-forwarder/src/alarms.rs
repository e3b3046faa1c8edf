//! Asks CloudWatch how an alarm is now, and for the graph of its metric.

use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::DisplayErrorContext;
use aws_sdk_cloudwatch::types::{AlarmMuteRuleStatus, AlarmType, StateValue};
use tokio::time::timeout;

use crate::region::Arn;
use crate::reminder::Found;

/// The longest wait for a graph.
const GRAPH_MAX: Duration = Duration::from_secs(2);
const GRAPH_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How every PNG begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// CloudWatch's alarms in the region of the function.
#[derive(Clone, Debug)]
pub(crate) struct Alarms(Client);

impl Alarms {
    pub(crate) const fn new(client: Client) -> Self {
        Self(client)
    }

    /// The state of an alarm. Only an alarm of the queue's own account and region can be asked for: any
    /// other would look absent.
    pub(crate) async fn find(&self, alarm: &str, queue_arn: &str, left: Duration) -> Found {
        let Some(name) = name_here(alarm, queue_arn) else {
            return Found::Unknown;
        };
        let asked = timeout(left, self.ask(name)).await;
        asked.unwrap_or(Found::Unknown)
    }

    /// Draws a graph as PNG, in at most [`GRAPH_MAX`]. An alert without a graph is better than a late one.
    pub(crate) async fn graph(&self, widget: &str, left: Duration) -> Option<Vec<u8>> {
        let drawn = self
            .0
            .get_metric_widget_image()
            .metric_widget(widget)
            .output_format("png")
            .send();
        let error = match timeout(left.min(GRAPH_MAX), drawn).await {
            Ok(Ok(drawn)) => {
                let png = drawn.metric_widget_image?.into_inner();
                return Some(png)
                    .filter(|png| png.starts_with(PNG) && png.len() <= GRAPH_BYTES_MAX);
            }
            Ok(Err(error)) => DisplayErrorContext(error).to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(
            error,
            "CloudWatch cannot draw a graph: the alert goes without it"
        );
        None
    }

    async fn ask(&self, name: &str) -> Found {
        let described = self
            .0
            .describe_alarms()
            .alarm_names(name)
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .send()
            .await;
        let described = match described {
            Ok(described) => described,
            Err(error) => {
                let error = DisplayErrorContext(error).to_string();
                tracing::warn!(error, "CloudWatch cannot be asked about an alarm");
                return Found::Unknown;
            }
        };
        let metric = described.metric_alarms().first();
        let metric = metric.map(|alarm| (alarm.state_value(), alarm.actions_enabled()));
        let composite = described.composite_alarms().first();
        let composite = composite.map(|alarm| {
            let is_on = alarm.actions_enabled().unwrap_or(true);
            let is_suppressed = alarm.actions_suppressed_by().is_some();
            (alarm.state_value(), Some(is_on && !is_suppressed))
        });
        match metric.or(composite) {
            None => Found::Absent,
            Some((Some(StateValue::Ok), _)) => Found::Ok,
            Some((_, Some(false))) => Found::Quiet,
            Some(_) if self.is_muted(name).await => Found::Quiet,
            Some(_) => Found::Firing,
        }
    }

    /// Whether a mute rule is active. If that cannot be known, the alarm is not muted.
    async fn is_muted(&self, name: &str) -> bool {
        let listed = self
            .0
            .list_alarm_mute_rules()
            .alarm_name(name)
            .statuses(AlarmMuteRuleStatus::Active)
            .send()
            .await;
        match listed {
            Ok(listed) => !listed.alarm_mute_rule_summaries().is_empty(),
            Err(error) => {
                let error = DisplayErrorContext(error).to_string();
                tracing::warn!(error, "CloudWatch cannot be asked about mute rules");
                false
            }
        }
    }
}

/// The name of an alarm in the account and region of a queue.
fn name_here<'a>(alarm: &'a str, queue_arn: &str) -> Option<&'a str> {
    let (alarm, queue) = (Arn::parse(alarm)?, Arn::parse(queue_arn)?);
    let is_here = alarm.region == queue.region && alarm.account == queue.account;
    alarm.resource.strip_prefix("alarm:").filter(|_| is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_alarm_of_the_same_account_and_region_is_asked_for() {
        let queue = "arn:aws:sqs:eu-west-1:123456789012:alerts";
        let alarm = |region: &str, account: &str| {
            format!("arn:aws:cloudwatch:{region}:{account}:alarm:orders: 5xx")
        };
        let here = alarm("eu-west-1", "123456789012");
        assert_eq!(name_here(&here, queue), Some("orders: 5xx"));
        assert_eq!(name_here(&alarm("eu-west-2", "123456789012"), queue), None);
        assert_eq!(name_here(&alarm("eu-west-1", "210987654321"), queue), None);
        assert_eq!(name_here("orders", queue), None);
    }
}
