//! Asks CloudWatch how an alarm is now, and for the graph of its metric.

use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::DisplayErrorContext;
use aws_sdk_cloudwatch::types::{
    AlarmMuteRuleStatus, AlarmType, Dimension, Metric, MetricAlarm, MetricDataQuery, StateValue,
    Statistic,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::alarm::graph::widget;
use crate::event::Event;
use crate::region::Arn;
use crate::reminder::Found;

const GRAPH_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How many alarms are asked for that made a composite alarm fire.
const CAUSES_MAX: usize = 10;
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

    /// The picture that an alert brings, or the graph of an alarm as PNG. A composite alarm shows the graph
    /// of the first alarm that made it fire.
    pub(crate) async fn picture(&self, event: &Event, left: Duration) -> Option<Vec<u8>> {
        if event.picture.is_some() {
            return event.picture.clone();
        }
        let drawn = async {
            match &event.graph {
                Some(widget) => self.draw(widget).await,
                None => self.draw(&self.widget_of(&event.causes).await?).await,
            }
        };
        let drawn = timeout(left, drawn).await;
        drawn.unwrap_or_else(|_| {
            goes_without("it took too long");
            None
        })
    }

    async fn draw(&self, widget: &str) -> Option<Vec<u8>> {
        let drawn = self
            .0
            .get_metric_widget_image()
            .metric_widget(widget)
            .output_format("png")
            .send();
        match drawn.await {
            Ok(drawn) => {
                let png = drawn.metric_widget_image?.into_inner();
                Some(png).filter(|png| png.starts_with(PNG) && png.len() <= GRAPH_BYTES_MAX)
            }
            Err(error) => {
                goes_without(&DisplayErrorContext(error).to_string());
                None
            }
        }
    }

    /// The graph of the first of these alarms that has one. Only alarms of this account and region can
    /// be asked for, by their names, so the ARNs are compared.
    async fn widget_of(&self, causes: &[String]) -> Option<String> {
        let arns: Vec<Arn<'_>> = causes.iter().filter_map(|arn| Arn::parse(arn)).collect();
        let names = arns
            .iter()
            .filter_map(|arn| arn.resource.strip_prefix("alarm:"));
        let names: Vec<String> = names.take(CAUSES_MAX).map(str::to_owned).collect();
        if names.is_empty() {
            return None;
        }
        let described = self
            .0
            .describe_alarms()
            .set_alarm_names(Some(names))
            .alarm_types(AlarmType::MetricAlarm)
            .send();
        let described = match described.await {
            Ok(described) => described,
            Err(error) => {
                goes_without(&DisplayErrorContext(error).to_string());
                return None;
            }
        };
        let found = |arn: &String| {
            let alarms = described.metric_alarms().iter();
            let mut same = alarms.filter(|alarm| alarm.alarm_arn() == Some(arn));
            let alarm = same.next()?;
            let region = Arn::parse(arn).map(|arn| arn.region);
            widget(&trigger(alarm), alarm.alarm_name()?, region)
        };
        causes.iter().find_map(found)
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

fn goes_without(error: &str) {
    tracing::warn!(
        error,
        "CloudWatch cannot draw a graph: the alert goes without it"
    );
}

/// What an alarm watches, as its own messages say it.
fn trigger(alarm: &MetricAlarm) -> Value {
    let dimensions = |list: &[Dimension]| -> Value {
        list.iter()
            .map(|it| json!({"name": it.name(), "value": it.value()}))
            .collect()
    };
    let several = |query: &MetricDataQuery| {
        let stat = query.metric_stat().map(|stat| {
            let metric = stat.metric();
            json!({
                "Stat": stat.stat(),
                "Period": stat.period(),
                "Metric": {
                    "Namespace": metric.and_then(Metric::namespace),
                    "MetricName": metric.and_then(Metric::metric_name),
                    "Dimensions": metric.map(|metric| dimensions(metric.dimensions())),
                },
            })
        });
        json!({
            "Id": query.id(),
            "Label": query.label(),
            "Expression": query.expression(),
            "ReturnData": query.return_data(),
            "MetricStat": stat,
        })
    };
    json!({
        "Namespace": alarm.namespace(),
        "MetricName": alarm.metric_name(),
        "Dimensions": dimensions(alarm.dimensions()),
        "Statistic": alarm.statistic().map(Statistic::as_str),
        "ExtendedStatistic": alarm.extended_statistic(),
        "Period": alarm.period(),
        "Threshold": alarm.threshold(),
        "Metrics": alarm.metrics().iter().map(several).collect::<Vec<Value>>(),
    })
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
