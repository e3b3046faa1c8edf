//! Alarms of a small template, minute by minute.

use super::*;
use crate::metric::Metric;
use jiff::SignedDuration;

const TEMPLATE: &str = r#"
Resources:
  Errors:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: errors
      AlarmDescription: "Orders fail. severity: critical"
      Namespace: AWS/Lambda
      MetricName: Errors
      Dimensions: [{Name: FunctionName, Value: orders}]
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 3
      DatapointsToAlarm: 2
      ComparisonOperator: GreaterThanOrEqualToThreshold
      Threshold: 1
      TreatMissingData: notBreaching
      AlarmActions: ["arn:aws:sns:ap-northeast-2:123456789012:alerts"]
      OKActions: ["arn:aws:sns:ap-northeast-2:123456789012:alerts"]
  Rate:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: rate
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 0.05
      TreatMissingData: notBreaching
      Metrics:
        - {Id: rate, Expression: "IF(n >= 20, FILL(e, 0) / n, 0)"}
        - Id: e
          ReturnData: false
          MetricStat: {Period: 300, Stat: Sum, Metric: {Namespace: AWS/Lambda, MetricName: Errors, Dimensions: [{Name: FunctionName, Value: orders}]}}
        - Id: n
          ReturnData: false
          MetricStat: {Period: 300, Stat: Sum, Metric: {Namespace: AWS/Lambda, MetricName: Invocations}}
  Heartbeat:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: heartbeat
      Namespace: surefire
      MetricName: Heartbeat
      Statistic: SampleCount
      Period: 300
      EvaluationPeriods: 1
      ComparisonOperator: LessThanThreshold
      Threshold: 1
      TreatMissingData: breaching
  Slow:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: slow
      Namespace: AWS/Lambda
      MetricName: Duration
      ExtendedStatistic: p99
      EvaluateLowSampleCountPercentile: ignore
      Period: 60
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 100
      TreatMissingData: notBreaching
  Both:
    Type: AWS::CloudWatch::CompositeAlarm
    Properties:
      AlarmName: both
      AlarmRule: ALARM("errors") AND NOT ALARM("slow")
      AlarmActions: ["arn:aws:sns:ap-northeast-2:123456789012:alerts"]
"#;

/// A watch over the small template, at the beginning of a minute.
struct Bench {
    watch: Watch,
    store: Store,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        let now: Timestamp = "2026-11-26T20:00:00Z".parse().unwrap();
        let stack = Stack::read(TEMPLATE, []).unwrap();
        let watch = Watch::new(&stack, &Place::default(), Pace::REAL, now).unwrap();
        let mut bench = Self {
            watch,
            store: Store::default(),
            now,
        };
        // The heartbeat beats from the beginning.
        bench.record("surefire", "Heartbeat", &[], 1.0);
        bench
    }

    fn record(&mut self, namespace: &str, name: &str, dimensions: &[(&str, &str)], value: f64) {
        let metric = Metric::new(namespace, name, dimensions);
        self.store
            .record(&metric, Pace::REAL.minute(self.now), value);
    }

    fn error(&mut self) {
        self.record("AWS/Lambda", "Errors", &[("FunctionName", "orders")], 1.0);
    }

    /// Lets a minute pass, and returns the changes.
    fn minute(&mut self) -> Vec<Change> {
        self.now += SignedDuration::from_mins(1);
        self.watch.evaluate(&self.store, self.now)
    }

    /// Lets a minute pass with a heartbeat, and returns the changes in short.
    fn changes(&mut self) -> Vec<String> {
        self.record("surefire", "Heartbeat", &[], 1.0);
        let short = |change: &Change| format!("{} {} -> {}", change.name, change.from, change.to);
        self.minute().iter().map(short).collect()
    }
}

#[test]
fn a_new_alarm_without_trouble_becomes_ok() {
    let mut bench = Bench::new();
    let mut first = bench.changes();
    first.sort();
    let ok = |name| format!("{name} INSUFFICIENT_DATA -> OK");
    // The percentile has too few values, so its alarm waits.
    assert_eq!(first, ["both", "errors", "heartbeat", "rate"].map(ok));
    assert!(bench.changes().is_empty());
}

#[test]
fn two_of_three_minutes_fire_and_a_composite_follows() {
    let mut bench = Bench::new();
    bench.changes();
    bench.error();
    assert!(bench.changes().is_empty(), "one minute of three");
    bench.error();
    let now = bench.now;
    let changes = bench.minute();
    let [errors, both] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(errors.subject, "ALARM: \"errors\" in Asia Pacific (Seoul)");
    assert_eq!(
        errors.reason,
        "Threshold Crossed: 2 out of the last 3 datapoints [1.0 (26/11/26 20:02:00), 1.0 (26/11/26 20:01:00)] were \
         greater than or equal to the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition)."
            .replace("20:02", &now.strftime("%H:%M").to_string())
    );
    assert_eq!(
        errors.actions,
        ["arn:aws:sns:ap-northeast-2:123456789012:alerts"]
    );
    assert_eq!(errors.message["OldStateValue"], "OK");
    assert_eq!(
        errors.message["StateChangeTime"],
        "2026-11-26T20:03:00.000+0000"
    );
    assert_eq!(errors.message["Trigger"]["Statistic"], "SUM");
    assert_eq!(
        errors.message["Trigger"]["Dimensions"][0]["name"],
        "FunctionName"
    );
    let data = errors.message["NewStateReasonData"].as_str().unwrap();
    assert!(data.contains("\"recentDatapoints\":[1.0,1.0]"), "{data}");
    assert_eq!(
        both.message["AlarmRule"],
        "ALARM(\"errors\") AND NOT ALARM(\"slow\")"
    );
    assert!(
        both.reason.ends_with(
            "alarm:errors transitioned to ALARM at Thursday 26 November, 2026 20:03:00 UTC"
        ),
        "{}",
        both.reason
    );
    assert_eq!(
        both.message["TriggeringChildren"].as_array().unwrap().len(),
        1
    );

    // Data points count until they leave the evaluation range of five minutes.
    let mut minutes = 0;
    while bench.changes().is_empty() {
        minutes += 1;
        assert!(minutes < 10);
    }
    assert_eq!(minutes, 3);
    assert_eq!(bench.watch.state("both"), Some(State::Ok));
}

#[test]
fn a_rate_needs_enough_requests_and_looks_at_the_last_five_minutes() {
    let mut bench = Bench::new();
    bench.changes();
    bench.error();
    for _ in 0..19 {
        bench.record("AWS/Lambda", "Invocations", &[], 1.0);
    }
    assert!(bench.changes().is_empty());
    // The window slides by the minute: the twentieth request is in the next minute.
    bench.record("AWS/Lambda", "Invocations", &[], 1.0);
    assert!(bench.changes().is_empty(), "1 of 20 is not above 5 %");
    bench.error();
    assert_eq!(
        bench.changes(),
        ["errors OK -> ALARM", "rate OK -> ALARM", "both OK -> ALARM"]
    );
}

#[test]
fn a_silent_heartbeat_fires_after_its_range_has_passed() {
    let mut bench = Bench::new();
    bench.changes();
    let mut minutes = 1;
    let mut changes = bench.minute();
    while changes.is_empty() {
        minutes += 1;
        changes = bench.minute();
        assert!(minutes < 60);
    }
    assert_eq!(changes[0].name, "heartbeat");
    // A period of five minutes, and two more that CloudWatch looks at when data is missing.
    assert_eq!(minutes, 15);
    assert_eq!(
        changes[0].reason,
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching]."
    );
}

#[test]
fn a_percentile_of_few_values_leaves_the_state_as_it_is() {
    let mut bench = Bench::new();
    bench.changes();
    for _ in 0..999 {
        bench.record("AWS/Lambda", "Duration", &[], 500.0);
    }
    assert!(bench.changes().is_empty());
    for _ in 0..1_000 {
        bench.record("AWS/Lambda", "Duration", &[], 500.0);
    }
    assert_eq!(bench.changes(), ["slow INSUFFICIENT_DATA -> ALARM"]);
}

#[test]
fn a_state_that_is_set_lasts_until_the_next_evaluation() {
    let mut bench = Bench::new();
    bench.changes();
    let set = bench.watch.set("errors", State::Alarm, "a test", bench.now);
    assert_eq!(set.unwrap().reason, "a test");
    assert!(
        bench
            .watch
            .set("errors", State::Alarm, "a test", bench.now)
            .is_none()
    );
    assert!(
        bench
            .watch
            .set("absent", State::Alarm, "a test", bench.now)
            .is_none()
    );
    assert_eq!(bench.changes(), ["errors ALARM -> OK"]);
}

#[track_caller]
fn check_refused(from: &str, to: &str, expected: &str) {
    let text = TEMPLATE.replace(from, to);
    assert_ne!(text, TEMPLATE, "{from} is not in the template");
    let stack = Stack::read(&text, []).unwrap();
    let refused = Watch::new(&stack, &Place::default(), Pace::REAL, Timestamp::UNIX_EPOCH);
    let errors = refused.unwrap_err();
    assert!(errors[0].to_string().contains(expected), "{errors:?}");
}

#[test]
fn an_alarm_that_cannot_be_evaluated_is_named_with_its_line() {
    check_refused(
        "Statistic: Sum\n",
        "Statistic: Median\n",
        "Errors (template line 4)",
    );
    check_refused("FILL(e, 0)", "RATE(e)", "`RATE` is not evaluated");
    check_refused("FILL(e, 0)", "FILL(x, 0)", "the id `x`");
    check_refused(
        "ALARM(\"errors\")",
        "ALARM(\"gone\")",
        "the alarm `gone`, which is not there",
    );
    check_refused("ALARM(\"errors\")", "ALARM(\"errors\"", "AlarmRule");
    check_refused("Period: 60\n", "Period: 10\n", "multiple of 60");
    check_refused(
        "DatapointsToAlarm: 2",
        "DatapointsToAlarm: 4",
        "DatapointsToAlarm",
    );
    check_refused(
        "GreaterThanOrEqualToThreshold",
        "LessThanLowerThreshold",
        "`LessThanLowerThreshold`",
    );
    check_refused(
        "TreatMissingData: breaching",
        "TreatMissingData: never",
        "`never`",
    );
    check_refused(
        "Threshold: 0.05",
        "Threshold: five",
        "Threshold is not a number",
    );
}

#[test]
fn an_alarm_on_dynamodb_stays_red_without_data_unless_it_is_filled() {
    let plain = TEMPLATE.replace(
        "Namespace: AWS/Lambda\n      MetricName: Errors",
        "Namespace: AWS/DynamoDB\n      MetricName: Errors",
    );
    let stack = Stack::read(&plain, []).unwrap();
    let mut bench = Bench::new();
    bench.watch = Watch::new(&stack, &Place::default(), Pace::REAL, bench.now).unwrap();
    for _ in 0..3 {
        bench.record("AWS/DynamoDB", "Errors", &[("FunctionName", "orders")], 1.0);
        bench.minute();
    }
    for _ in 0..30 {
        bench.minute();
    }
    assert_eq!(bench.watch.state("errors"), Some(State::Alarm));
}

/// The composite waits two minutes for `rate`, and three minutes after it.
fn suppressed_bench() -> Bench {
    let text = TEMPLATE.replace(
        "AlarmName: both",
        "AlarmName: both\n      ActionsSuppressor: rate\n      ActionsSuppressorWaitPeriod: 120\n      ActionsSuppressorExtensionPeriod: 180",
    );
    let stack = Stack::read(&text, []).unwrap();
    let mut bench = Bench::new();
    bench.watch = Watch::new(&stack, &Place::default(), Pace::REAL, bench.now).unwrap();
    bench.changes();
    bench
}

/// Minutes until the composite's actions for `ALARM` are performed, with errors in each minute.
fn minutes_until_acted(bench: &mut Bench, requests: usize) -> Option<usize> {
    (1..30).find(|minute| {
        bench.error();
        for _ in 0..if *minute < 6 { requests } else { 0 } {
            bench.record("AWS/Lambda", "Invocations", &[], 1.0);
        }
        bench.record("surefire", "Heartbeat", &[], 1.0);
        let acted = |change: &Change| change.name == "both" && !change.actions.is_empty();
        bench
            .minute()
            .iter()
            .any(|change| acted(change) && change.to == State::Alarm)
    })
}

#[test]
fn the_actions_of_a_composite_wait_for_its_suppressor() {
    // Red in the second minute, and the suppressor stays green for two more.
    assert_eq!(minutes_until_acted(&mut suppressed_bench(), 0), Some(4));
}

#[test]
fn a_suppressor_holds_the_actions_back_until_three_minutes_after_it_is_green() {
    let mut bench = suppressed_bench();
    let acted = minutes_until_acted(&mut bench, 10).unwrap();
    let red = bench
        .watch
        .rows()
        .into_iter()
        .find(|row| row.name == "rate")
        .unwrap();
    let green_for = bench.now.duration_since(red.since).as_secs() / 60;
    assert_eq!(
        (red.state, green_for),
        (State::Ok, 3),
        "acted in minute {acted}"
    );
}

#[test]
fn a_trouble_that_ends_while_it_is_held_back_is_never_said() {
    let mut bench = suppressed_bench();
    for _ in 0..2 {
        bench.error();
        bench.record("surefire", "Heartbeat", &[], 1.0);
        bench.minute();
    }
    assert_eq!(bench.watch.state("both"), Some(State::Alarm));
    let mut performed = Vec::new();
    for _ in 0..20 {
        if bench.watch.state("both") == Some(State::Alarm) {
            // Requests enough for the rate, so that the suppressor stays red.
            for _ in 0..20 {
                bench.record("AWS/Lambda", "Invocations", &[], 1.0);
            }
        }
        bench.record("surefire", "Heartbeat", &[], 1.0);
        performed.extend(bench.minute());
    }
    let said = |change: &&Change| change.name == "both" && !change.actions.is_empty();
    assert_eq!(performed.iter().filter(said).count(), 0);
    assert_eq!(bench.watch.state("both"), Some(State::Ok));
}
