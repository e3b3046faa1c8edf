//! Starts each program in turn, invokes it, and keeps the figures.

use std::time::Duration;

use lambda::{Function, Start};
use serde_json::Value;

use crate::candidates::Candidate;
use crate::place::Place;
use crate::{Fallible, say};

/// The time-out of every function.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The orders over which requests and bytes are counted. The first also opens the connection.
const COUNTED: u32 = 20;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) rounds: usize,
    pub(crate) invocations: usize,
}

/// The figures of one start and its invocations. Times are in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Round {
    pub(crate) first_next: f64,
    pub(crate) first_answer: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The processor's time for each warm invocation.
    pub(crate) cpu: f64,
    pub(crate) peak_mebibytes: f64,
}

/// A program's rounds in one part.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) rounds: Vec<Round>,
}

/// What one order asks of the database, and its replay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) name: &'static str,
    pub(crate) round_trips: f64,
    pub(crate) units: f64,
    pub(crate) bytes_sent: f64,
    pub(crate) bytes_received: f64,
    pub(crate) replay_round_trips: u64,
}

/// A part of the measurement.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Row {
    /// The median of a figure over the rounds.
    pub(crate) fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(figure).collect())
    }
}

impl Part {
    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The median over the rounds of a program's figure divided by another's in the same round.
    pub(crate) fn ratio(&self, of: &str, to: &str, figure: impl Fn(&Round) -> f64) -> Option<f64> {
        let (of, to) = (self.row(of)?, self.row(to)?);
        let pairs = of.rounds.iter().zip(&to.rounds);
        let ratios = pairs.map(|(of, to)| figure(of) / figure(to)).collect();
        Some(median(ratios))
    }
}

/// Measures programs in a place: in each round all of them, one after the other.
pub(crate) async fn part(
    name: &'static str,
    place: &Place,
    candidates: &[Candidate],
    rounds: Rounds,
) -> Fallible<Part> {
    let row = |candidate: &Candidate| Row {
        name: candidate.name,
        rounds: Vec::new(),
    };
    let mut rows: Vec<Row> = candidates.iter().map(row).collect();
    for round in 0..rounds.rounds {
        say(&format!("{name}: round {} of {}", round + 1, rounds.rounds));
        // Another program is the first in each round, so that none is always measured after the same.
        let mut turn: Vec<_> = candidates.iter().zip(&mut rows).collect();
        turn.rotate_left(round % candidates.len().max(1));
        for (candidate, row) in turn {
            let key = format!("{}-{round}", candidate.name);
            row.rounds
                .push(one(place, candidate, &key, rounds.invocations).await?);
        }
    }
    Ok(Part { name, rows })
}

async fn one(place: &Place, candidate: &Candidate, key: &str, count: usize) -> Fallible<Round> {
    let mut function = start(place, candidate).await?;
    let first = invoke(&mut function, candidate, &format!("{key}-first")).await?;
    let first_answer = milliseconds(function.first_next + first);
    let before = function.usage();
    let mut took = Vec::with_capacity(count);
    for number in 0..count {
        let key = format!("{key}-{number}");
        took.push(milliseconds(invoke(&mut function, candidate, &key).await?));
    }
    let after = function.usage();
    let cpu = milliseconds(after.cpu.saturating_sub(before.cpu));
    Ok(Round {
        first_next: milliseconds(function.first_next),
        first_answer,
        p50: median(took.clone()),
        p99: quantile(took, 0.99),
        cpu: cpu / float(count),
        peak_mebibytes: float(usize::try_from(after.peak_bytes / 1024)?) / 1024.0,
    })
}

/// Counts what orders ask of the database in a place with a meter. `key` begins their keys.
pub(crate) async fn count(place: &Place, candidate: &Candidate, key: &str) -> Fallible<Count> {
    let meter = place.meter.as_ref().ok_or("this place counts nothing")?;
    let mut function = start(place, candidate).await?;
    invoke(&mut function, candidate, &format!("{key}-warm")).await?;
    meter.take();
    let before = place.wire.crossed();
    for number in 0..COUNTED {
        let key = format!("{key}-counted-{number}");
        invoke(&mut function, candidate, &key).await?;
    }
    let (metered, after) = (meter.take(), place.wire.crossed());
    let each =
        |count: u64| -> Fallible<f64> { Ok(f64::from(u32::try_from(count)?) / f64::from(COUNTED)) };
    let replayed = candidate.event(&format!("{key}-counted-0"));
    function.invoke(replayed).await?;
    Ok(Count {
        name: candidate.name,
        round_trips: each(metered.requests)?,
        units: metered.units / f64::from(COUNTED),
        bytes_sent: each(after.bytes_sent - before.bytes_sent)?,
        bytes_received: each(after.bytes_received - before.bytes_received)?,
        replay_round_trips: meter.take().requests,
    })
}

pub(crate) async fn start(place: &Place, candidate: &Candidate) -> Fallible<Function> {
    let program = candidate.program(place);
    let start = Start {
        program: &program,
        arn: "arn:aws:lambda:ap-northeast-2:123456789012:function:peer".to_owned(),
        timeout: TIMEOUT,
    };
    let started = Function::start(start).await;
    Ok(started.map_err(|error| format!("{}: {error}", candidate.name))?)
}

pub(crate) async fn invoke(
    function: &mut Function,
    candidate: &Candidate,
    key: &str,
) -> Fallible<Duration> {
    let invoked = function.invoke_timed(candidate.event(key)).await;
    let (answer, took): (Value, Duration) =
        invoked.map_err(|error| format!("{}: {error}", candidate.name))?;
    if !candidate.is_done(&answer) {
        return Err(format!("{} did not do its work: {answer}", candidate.name).into());
    }
    Ok(took)
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// The middle of the values. Zero if there are none.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of the values is. Zero if there are none.
fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of an index is an index"
    )]
    let index = (float(last) * part).round() as usize;
    values.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], part: f64, expected: f64) {
        let found = quantile(values.to_vec(), part);
        assert!((found - expected).abs() < f64::EPSILON, "{found}");
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        check(&[], 0.5, 0.0);
        check(&[3.0, 1.0, 2.0], 0.5, 2.0);
        check(&[3.0, 1.0, 2.0], 0.99, 3.0);
    }

    #[test]
    fn a_ratio_compares_the_same_round() {
        let row = |name, values: [f64; 3]| Row {
            name,
            rounds: values
                .map(|p50| Round {
                    p50,
                    ..Round::default()
                })
                .into(),
        };
        let part = Part {
            name: "x",
            rows: vec![row("ours", [2.0, 20.0, 3.0]), row("bare", [1.0, 10.0, 1.0])],
        };
        // The second round was ten times slower for both, and says the same as the first.
        let ratio = part.ratio("ours", "bare", |round| round.p50);
        assert_eq!(ratio, Some(2.0));
        assert_eq!(part.ratio("ours", "absent", |round| round.p50), None);
    }
}
