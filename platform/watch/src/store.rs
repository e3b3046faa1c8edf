//! Keeps the values of metrics by the minute, and makes statistics of any range of minutes.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::metric::Metric;
use crate::statistic::Statistic;

/// How many minutes are kept: the evaluation range of three days, three times, and a day.
const MINUTES_KEPT: i64 = 10 * 24 * 60;
/// Significant digits of the values that percentiles are made of.
const PERCENTILE_DIGITS: i32 = 3;

/// The values of all metrics.
#[derive(Debug, Default)]
pub struct Store {
    metrics: BTreeMap<Metric, BTreeMap<i64, Bucket>>,
}

/// The values of a metric in one minute.
#[derive(Clone, Debug)]
struct Bucket {
    sum: f64,
    minimum: f64,
    maximum: f64,
    count: f64,
    values: BTreeMap<Value, f64>,
}

/// A value that can be a key.
#[derive(Clone, Copy, Debug)]
struct Value(f64);

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Store {
    /// Adds a value of a minute. A value that is not a number is left out, as CloudWatch does.
    pub fn record(&mut self, metric: &Metric, minute: i64, value: f64) {
        if !value.is_finite() {
            return;
        }
        let minutes = match self.metrics.get_mut(metric) {
            Some(minutes) => minutes,
            None => self.metrics.entry(metric.clone()).or_default(),
        };
        let bucket = minutes.entry(minute).or_insert_with(Bucket::empty);
        bucket.add(value);
        // The oldest minute goes when a new one comes, so a metric never grows without end.
        if let Some((&oldest, _)) = minutes.first_key_value()
            && oldest < minute - MINUTES_KEPT
        {
            minutes.remove(&oldest);
        }
    }

    /// A statistic of a range of minutes; `None` without a value.
    pub fn statistic(
        &self,
        metric: &Metric,
        minutes: Range<i64>,
        statistic: Statistic,
    ) -> Option<f64> {
        let mut all = Bucket::empty();
        let of_values = matches!(statistic, Statistic::Percentile(_));
        for (_, bucket) in self.metrics.get(metric)?.range(minutes) {
            all.merge(bucket, of_values);
        }
        all.statistic(statistic)
    }

    /// The number of values in a range of minutes.
    pub fn samples(&self, metric: &Metric, minutes: Range<i64>) -> f64 {
        self.statistic(metric, minutes, Statistic::SampleCount)
            .unwrap_or_default()
    }

    /// The first minute that has a value of any metric.
    pub fn first_minute(&self) -> Option<i64> {
        let first = |minutes: &BTreeMap<i64, Bucket>| minutes.keys().next().copied();
        self.metrics.values().filter_map(first).min()
    }

    /// Every metric that has a value.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.keys()
    }
}

impl Bucket {
    fn empty() -> Self {
        Self {
            sum: 0.0,
            minimum: f64::INFINITY,
            maximum: f64::NEG_INFINITY,
            count: 0.0,
            values: BTreeMap::new(),
        }
    }

    fn add(&mut self, value: f64) {
        self.sum += value;
        self.minimum = self.minimum.min(value);
        self.maximum = self.maximum.max(value);
        self.count += 1.0;
        *self.values.entry(Value(rounded(value))).or_default() += 1.0;
    }

    fn merge(&mut self, other: &Self, of_values: bool) {
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        self.count += other.count;
        // Only percentiles look at the values.
        let values = other.values.iter().filter(|_| of_values);
        for (value, count) in values {
            *self.values.entry(*value).or_default() += count;
        }
    }

    fn statistic(&self, statistic: Statistic) -> Option<f64> {
        if self.count <= 0.0 {
            return None;
        }
        Some(match statistic {
            Statistic::Sum => self.sum,
            Statistic::Average => self.sum / self.count,
            Statistic::Minimum => self.minimum,
            Statistic::Maximum => self.maximum,
            Statistic::SampleCount => self.count,
            Statistic::Percentile(percent) => return self.percentile(percent),
        })
    }

    /// The nearest rank.
    fn percentile(&self, percent: f64) -> Option<f64> {
        let rank = (percent / 100.0 * self.count).ceil().max(1.0);
        let mut seen = 0.0;
        let reached = self.values.iter().find(|(_, count)| {
            seen += **count;
            rank <= seen
        });
        reached.map(|(value, _)| value.0)
    }
}

/// A value with few digits, so that a minute of a busy metric has few different values.
fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a finite number has at most 309 digits before the point"
    )]
    let digits = value.abs().log10().floor() as i32 + 1;
    let scale = 10_f64.powi(PERCENTILE_DIGITS - digits);
    // Of a number so small that the scale has no value.
    if !scale.is_finite() {
        return value;
    }
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(values: &[(i64, f64)]) -> (Store, Metric) {
        let metric = Metric::new("N", "m", &[("service", "orders")]);
        let mut store = Store::default();
        for (minute, value) in values {
            store.record(&metric, *minute, *value);
        }
        (store, metric)
    }

    #[track_caller]
    fn check(statistic: Statistic, minutes: Range<i64>, expected: Option<f64>) {
        let (store, metric) = store(&[(1, 4.0), (1, 2.0), (2, 9.0), (4, -1.0)]);
        assert_eq!(store.statistic(&metric, minutes, statistic), expected);
    }

    #[test]
    fn a_statistic_is_made_of_the_values_of_its_minutes() {
        check(Statistic::Sum, 1..2, Some(6.0));
        check(Statistic::Sum, 1..5, Some(14.0));
        check(Statistic::Average, 1..2, Some(3.0));
        check(Statistic::Minimum, 1..5, Some(-1.0));
        check(Statistic::Maximum, 1..5, Some(9.0));
        check(Statistic::SampleCount, 1..3, Some(3.0));
        check(Statistic::Percentile(50.0), 1..3, Some(4.0));
        check(Statistic::Percentile(100.0), 1..3, Some(9.0));
        check(Statistic::Sum, 3..4, None);
    }

    #[test]
    fn other_dimensions_make_another_metric() {
        let (store, _) = store(&[(1, 4.0)]);
        let other = Metric::new("N", "m", &[]);
        assert_eq!(store.statistic(&other, 0..9, Statistic::Sum), None);
    }

    #[test]
    fn percentiles_are_exact_to_three_digits() {
        let values: Vec<(i64, f64)> = (1..=1_000).map(|n| (1, f64::from(n) * 1.2345)).collect();
        let (store, metric) = store(&values);
        let p99 = store.statistic(&metric, 1..2, Statistic::Percentile(99.0));
        let exact = 990.0 * 1.2345;
        assert!((p99.unwrap() / exact - 1.0).abs() < 0.005, "{p99:?}");
        assert_eq!(rounded(0.0).to_bits(), 0);
        assert_eq!(rounded(-1_234.0).to_string(), "-1230");
        assert_eq!(rounded(1e-320).to_bits(), 1e-320_f64.to_bits());
    }

    #[test]
    fn values_that_are_no_numbers_and_old_minutes_are_not_kept() {
        let (mut store, metric) = store(&[(1, f64::NAN), (1, f64::INFINITY)]);
        assert_eq!(store.metrics().count(), 0);
        store.record(&metric, 1, 1.0);
        store.record(&metric, MINUTES_KEPT + 2, 1.0);
        assert_eq!(store.samples(&metric, 0..MINUTES_KEPT * 2).to_string(), "1");
    }
}
