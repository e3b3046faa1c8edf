//! All alarms of a template with their states, evaluated once a minute.

use std::collections::BTreeMap;

use jiff::Timestamp;
use template::{Place, Stack};

use crate::alarm::{self, Alarm, Body, COMPOSITE_ALARM, METRIC_ALARM, MetricAlarm};
use crate::composite::Composite;
use crate::describe::{self, Described};
use crate::error::WatchError;
use crate::judge::{EXTRA_PERIODS, Point, State, Verdict, judge};
use crate::math::Series;
use crate::message::{self, Change, Triggering};
use crate::pace::Pace;
use crate::reason::{self, Evidence, Reason};
use crate::series::{self, Range};
use crate::statistic::Statistic;
use crate::store::Store;
use crate::suppress::HeldBack;

/// Minutes of a day. An alarm that looks further back is evaluated once an hour.
const DAY_MINUTES: i64 = 24 * 60;

/// The alarms of a template, and their states.
#[derive(Debug)]
pub struct Watch {
    alarms: Vec<Alarm>,
    states: BTreeMap<String, Current>,
    place: Place,
    pace: Pace,
}

/// An alarm's state now.
#[derive(Clone, Debug)]
struct Current {
    state: State,
    since: Timestamp,
    reason: String,
    evaluated: bool,
    held_back: HeldBack,
}

/// An alarm and its state, to show.
#[derive(Clone, Debug)]
pub struct Row {
    /// The alarm's name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// Whether any of its states has an action.
    pub has_actions: bool,
    /// Its description.
    pub description: Option<String>,
}

impl Watch {
    /// The alarms of a stack. Each is new, so it has no data.
    ///
    /// # Errors
    /// Every alarm that cannot be evaluated, and why.
    pub fn new(
        stack: &Stack,
        place: &Place,
        pace: Pace,
        now: Timestamp,
    ) -> Result<Self, Vec<WatchError>> {
        let (mut alarms, mut errors) = (Vec::new(), Vec::new());
        let all = [METRIC_ALARM, COMPOSITE_ALARM].map(|kind| stack.of_kind(kind));
        for (logical, resource) in all.into_iter().flatten() {
            match alarm::read(logical, resource, &place.stack) {
                Ok(alarm) => alarms.push((resource.line, alarm)),
                Err(reason) => errors.push(WatchError {
                    alarm: logical.to_owned(),
                    line: resource.line,
                    reason,
                }),
            }
        }
        // An alarm that could not be read would be missing in the rules of others.
        if errors.is_empty() {
            errors = unknown_children(&alarms);
        }
        if !errors.is_empty() {
            errors.sort_by_key(|error| error.line);
            return Err(errors);
        }
        let alarms: Vec<Alarm> = alarms.into_iter().map(|(_, alarm)| alarm).collect();
        let begin = |alarm: &Alarm| {
            let current = Current {
                state: State::InsufficientData,
                since: now,
                reason: "Unchecked: Initial alarm creation".to_owned(),
                evaluated: false,
                held_back: HeldBack::new(),
            };
            (alarm.name.clone(), current)
        };
        Ok(Self {
            states: alarms.iter().map(begin).collect(),
            alarms,
            place: place.clone(),
            pace,
        })
    }

    /// The alarms, metric alarms first.
    pub fn alarms(&self) -> &[Alarm] {
        &self.alarms
    }

    /// Each alarm with its state.
    pub fn rows(&self) -> Vec<Row> {
        let row = |alarm: &Alarm| {
            let current = self.states.get(&alarm.name)?;
            let actions = &alarm.actions;
            Some(Row {
                name: alarm.name.clone(),
                state: current.state,
                since: current.since,
                reason: current.reason.clone(),
                has_actions: !(actions.alarm.is_empty() && actions.ok.is_empty()),
                description: alarm.description.clone(),
            })
        };
        self.alarms.iter().filter_map(row).collect()
    }

    /// An alarm as `DescribeAlarms` shows it.
    pub fn described(&self, name: &str) -> Option<Described> {
        let alarm = self.alarms.iter().find(|alarm| alarm.name == name)?;
        let current = self.states.get(name)?;
        Some(Described {
            is_composite: matches!(alarm.body, Body::Composite(_)),
            members: describe::members(alarm, &self.place, current.state, &current.reason),
        })
    }

    /// An alarm's state.
    pub fn state(&self, name: &str) -> Option<State> {
        self.states.get(name).map(|current| current.state)
    }

    /// Evaluates every alarm over the minutes that have ended, and returns the changes. Metric alarms
    /// come first, then the composites over them.
    pub fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Change> {
        let alarms = std::mem::take(&mut self.alarms);
        let end = self.pace.minute(now);
        let mut changes = Vec::new();
        for alarm in &alarms {
            let Body::Metric(metric) = &alarm.body else {
                continue;
            };
            let reach = metric.period_minutes * i64::try_from(metric.periods).unwrap_or(i64::MAX);
            let first = self.states.get(&alarm.name).is_none_or(|it| !it.evaluated);
            if DAY_MINUTES < reach && end % 60 != 0 && !first {
                continue;
            }
            changes.extend(self.evaluate_metric(alarm, metric, store, end, now));
        }
        // A composite may be a child of another, so this goes on until nothing changes.
        for _ in 0..=alarms.len() {
            let before = changes.len();
            for alarm in &alarms {
                if let Body::Composite(composite) = &alarm.body {
                    let change = self.evaluate_composite(alarm, composite, &changes, now);
                    changes.extend(change);
                }
            }
            if changes.len() == before {
                break;
            }
        }
        for alarm in &alarms {
            self.hold_back(alarm, &mut changes, end);
        }
        self.alarms = alarms;
        changes
    }

    /// Takes the actions from a composite's change while its suppressor holds them back, and adds them
    /// when the time has come.
    fn hold_back(&mut self, alarm: &Alarm, changes: &mut Vec<Change>, minute: i64) {
        let Body::Composite(composite) = &alarm.body else {
            return;
        };
        let Some(suppressor) = &composite.suppressor else {
            return;
        };
        let is_suppressing = self.state(&suppressor.name) == Some(State::Alarm);
        let own = changes.iter_mut().find(|change| change.name == alarm.name);
        let change = own.map(|change| {
            let whole = change.clone();
            change.actions.clear();
            whole
        });
        if let Some(current) = self.states.get_mut(&alarm.name) {
            let due = current
                .held_back
                .pass(suppressor, is_suppressing, change, minute);
            changes.extend(due);
        }
    }

    /// Sets an alarm's state until it is evaluated again, as `SetAlarmState` does. `None` if there is no
    /// such alarm, or it has this state.
    pub fn set(&mut self, name: &str, to: State, reason: &str, now: Timestamp) -> Option<Change> {
        let alarm = self.alarms.iter().find(|alarm| alarm.name == name)?.clone();
        let reason = Reason {
            text: reason.to_owned(),
            data: None,
        };
        self.change(&alarm, to, |_| reason, now, &[])
    }

    fn evaluate_metric(
        &mut self,
        alarm: &Alarm,
        metric: &MetricAlarm,
        store: &Store,
        end: i64,
        now: Timestamp,
    ) -> Option<Change> {
        let range = metric.periods + EXTRA_PERIODS;
        let series = series(metric, store, end, range);
        let compared = series.iter().map(|value| match value {
            None => Point::Missing,
            Some(value) if metric.comparison.breaches(*value, metric.threshold) => Point::Breaching,
            Some(_) => Point::Within,
        });
        let points: Vec<Point> = compared.collect();
        let current = self.states.get_mut(&alarm.name)?;
        current.evaluated = true;
        if metric.few_samples_ignored && has_few_samples(metric, store, end) {
            return None;
        }
        let verdict = judge(&points, metric.periods, metric.to_alarm, metric.missing);
        let Verdict::State(to) = verdict else {
            return None;
        };
        let begin = |index: usize| {
            let back = i64::try_from(range - index).unwrap_or(i64::MAX);
            self.pace.begin(end - back * metric.period_minutes)
        };
        let real = series.iter().enumerate().rev();
        let real = real.filter_map(|(index, value)| Some((begin(index), (*value)?)));
        let evidence = Evidence {
            points: real.take(metric.periods).collect(),
            at: now,
        };
        let why = |from| reason::of_metrics(metric, &evidence, from, to);
        self.change(alarm, to, why, now, &[])
    }

    fn evaluate_composite(
        &mut self,
        alarm: &Alarm,
        composite: &Composite,
        changes: &[Change],
        now: Timestamp,
    ) -> Option<Change> {
        let state = |name: &str| self.state(name).unwrap_or(State::InsufficientData);
        let to = if composite.rule.holds(&state) {
            State::Alarm
        } else {
            State::Ok
        };
        let children = composite.rule.children();
        let firing = children.iter().filter_map(|child| {
            let current = self.states.get(*child)?;
            (current.state == State::Alarm)
                .then(|| (message::arn(&self.place, child), current.since))
        });
        let firing: Vec<Triggering> = firing.collect();
        let mut changed = changes.iter().rev();
        let cause = changed.find(|change| children.contains(&change.name.as_str()));
        let first = self.states.get(&alarm.name).is_none_or(|it| !it.evaluated);
        let why = match cause {
            Some(cause) if !first => {
                reason::of_child(&message::arn(&self.place, &cause.name), cause.to, now)
            }
            _ => reason::of_creation(to),
        };
        if let Some(current) = self.states.get_mut(&alarm.name) {
            current.evaluated = true;
        }
        self.change(alarm, to, |_| why, now, &firing)
    }

    fn change(
        &mut self,
        alarm: &Alarm,
        to: State,
        reason: impl FnOnce(State) -> Reason,
        now: Timestamp,
        firing: &[Triggering],
    ) -> Option<Change> {
        let current = self.states.get_mut(&alarm.name)?;
        let from = current.state;
        if from == to {
            return None;
        }
        let reason = reason(from);
        current.state = to;
        current.since = now;
        current.reason.clone_from(&reason.text);
        Some(message::change(
            alarm,
            &self.place,
            (from, to),
            reason,
            now,
            firing,
        ))
    }
}

/// The values that an alarm compares, one for each period of the range, the oldest first.
fn series(alarm: &MetricAlarm, store: &Store, end: i64, periods: usize) -> Series {
    let range = Range {
        end,
        period_minutes: alarm.period_minutes,
        periods,
    };
    series::of(&alarm.metrics, &alarm.expressions, store, range)
        .remove(&alarm.returned)
        .unwrap_or_else(|| vec![None; periods])
}

/// Whether a percentile of the alarm has too few values to say something.
fn has_few_samples(alarm: &MetricAlarm, store: &Store, end: i64) -> bool {
    let reach = alarm.period_minutes * i64::try_from(alarm.periods).unwrap_or(i64::MAX);
    alarm.metrics.iter().any(|query| {
        let is_percentile = matches!(query.statistic, Statistic::Percentile(_));
        let samples = store.samples(&query.metric, end - reach..end);
        is_percentile && samples < query.statistic.samples_min()
    })
}

/// Composites that name an alarm which is not there, and expressions that use an id which is not there.
fn unknown_children(alarms: &[(usize, Alarm)]) -> Vec<WatchError> {
    let names: Vec<&str> = alarms
        .iter()
        .map(|(_, alarm)| alarm.name.as_str())
        .collect();
    let mut errors = Vec::new();
    for (line, alarm) in alarms {
        let reason = match &alarm.body {
            Body::Composite(composite) => {
                let suppressor = composite.suppressor.iter().map(|it| it.name.as_str());
                let mut children = composite.rule.children().into_iter().chain(suppressor);
                let absent = children.find(|child| !names.contains(child));
                absent
                    .map(|child| format!("its rule names the alarm `{child}`, which is not there"))
            }
            Body::Metric(metric) => series::trial(&metric.metrics, &metric.expressions).err(),
        };
        errors.extend(reason.map(|reason| WatchError {
            alarm: alarm.logical_id.clone(),
            line: *line,
            reason,
        }));
    }
    errors
}

#[cfg(test)]
mod tests;
