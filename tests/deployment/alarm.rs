//! Reads the alarms of a stack: what each watches, says and does.

use std::collections::BTreeMap;

use alert_forwarder::Severity;
use serde_json::Value;
use template::Stack;

use super::{list, texts};

/// Everything that a stack can have.
pub(super) const FULL: [(&str, &str); 3] = [
    ("Monitoring", "full"),
    ("TrafficShift", "Canary10Percent5Minutes"),
    ("AlertEmail", "oncall@shop.example"),
];

/// The test alarm. A schedule sets it once a day.
pub(super) const TEST_ALARM: &str = "AlertDeliveryTestAlarm";

/// An alarm of the template.
pub(super) struct Alarm<'a> {
    pub(super) logical: &'a str,
    pub(super) name: &'a str,
    pub(super) properties: &'a Value,
}

impl<'a> Alarm<'a> {
    pub(super) fn description(&self) -> &'a str {
        self.properties["AlarmDescription"]
            .as_str()
            .unwrap_or_default()
    }

    /// The rule of a composite alarm.
    pub(super) fn rule(&self) -> Option<&'a str> {
        self.properties["AlarmRule"].as_str()
    }

    /// What a composite alarm refers to: a state and an alarm's name.
    pub(super) fn children(&self) -> Vec<(&'a str, &'a str)> {
        let rule = self.rule().unwrap_or_default();
        let parts: Vec<&str> = rule.split('"').collect();
        let pairs = parts.chunks_exact(2);
        let state = |before: &'a str| before.trim_end_matches('(').rsplit([' ', '(']).next();
        pairs
            .map(|pair| (state(pair[0]).unwrap_or_default(), pair[1]))
            .collect()
    }

    /// The metrics that it watches.
    pub(super) fn metrics(&self) -> Vec<Watched<'a>> {
        let properties = self.properties;
        if properties.get("MetricName").is_some() {
            let statistic = properties.get("Statistic");
            let statistic = statistic.or_else(|| properties.get("ExtendedStatistic"));
            return vec![Watched::read(
                "",
                properties,
                statistic,
                &properties["Period"],
            )];
        }
        let stats = list(&properties["Metrics"]).into_iter();
        let stats = stats.filter_map(|metric| Some((metric, metric.get("MetricStat")?)));
        stats
            .map(|(metric, stat)| {
                let id = metric["Id"].as_str().unwrap_or_default();
                Watched::read(id, &stat["Metric"], stat.get("Stat"), &stat["Period"])
            })
            .collect()
    }

    /// The expression of metric math.
    pub(super) fn expression(&self) -> Option<&'a str> {
        let mut metrics = list(&self.properties["Metrics"]).into_iter();
        metrics.find_map(|metric| metric["Expression"].as_str())
    }

    pub(super) fn actions(&self) -> Vec<&'a str> {
        let state = if self.misses() {
            "InsufficientDataActions"
        } else {
            "AlarmActions"
        };
        texts(&self.properties[state])
    }

    /// Whether it speaks when there is no data, and is never red.
    pub(super) fn misses(&self) -> bool {
        let properties = self.properties;
        properties.get("InsufficientDataActions").is_some()
            && properties["TreatMissingData"] == "missing"
    }

    pub(super) fn severity(&self) -> Option<Severity> {
        let (_, after) = self.description().split_once("severity: ")?;
        match after.split(',').next()? {
            "info" => Some(Severity::Info),
            "warning" => Some(Severity::Warning),
            "error" => Some(Severity::Error),
            "critical" => Some(Severity::Critical),
            _ => None,
        }
    }

    /// Its section in the runbook.
    pub(super) fn section(&self) -> &'a str {
        let link = self.description().rsplit_once("runbook: ");
        let section = link.and_then(|(_, url)| url.split_once('#')?.1.lines().next());
        section.unwrap_or_default()
    }
}

/// A metric that an alarm watches.
pub(super) struct Watched<'a> {
    pub(super) id: &'a str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) dimensions: BTreeMap<&'a str, &'a str>,
    pub(super) statistic: &'a str,
    pub(super) period: u64,
}

impl<'a> Watched<'a> {
    fn read(id: &'a str, metric: &'a Value, statistic: Option<&'a Value>, period: &Value) -> Self {
        let text = |value: &'a Value| value.as_str().unwrap_or_default();
        let dimensions = list(&metric["Dimensions"]).into_iter();
        Self {
            id,
            namespace: text(&metric["Namespace"]),
            name: text(&metric["MetricName"]),
            dimensions: dimensions
                .map(|dimension| (text(&dimension["Name"]), text(&dimension["Value"])))
                .collect(),
            statistic: statistic.map_or("", text),
            period: period.as_u64().unwrap_or_default(),
        }
    }
}

pub(super) fn alarms(stack: &Stack) -> Vec<Alarm<'_>> {
    let metric = stack.of_kind("AWS::CloudWatch::Alarm");
    let composite = stack.of_kind("AWS::CloudWatch::CompositeAlarm");
    metric
        .chain(composite)
        .map(|(logical, resource)| Alarm {
            logical,
            name: resource.reference.as_deref().unwrap_or_default(),
            properties: &resource.properties,
        })
        .collect()
}

/// The stack with everything. If the template cannot be read, the error is the only fault.
pub(super) fn full(text: &str) -> Result<Stack, Vec<String>> {
    Stack::read(text, FULL).map_err(|error| vec![error.to_string()])
}

/// The anchor that GitHub gives a heading.
pub(super) fn anchor(heading: &str) -> String {
    let kept = |character: &char| character.is_alphanumeric() || " -_".contains(*character);
    let kept: String = heading.chars().filter(kept).collect();
    kept.to_lowercase().replace(' ', "-")
}
