//! Calculates metrics and the expressions over them for a range of periods.

use std::collections::BTreeMap;

use crate::alarm::Query;
use crate::math::{self, Expression, Series};
use crate::store::Store;

/// The periods of a calculation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// The minute in which the last period ends.
    pub(crate) end: i64,
    pub(crate) period_minutes: i64,
    pub(crate) periods: usize,
}

impl Range {
    /// The minute in which a period begins.
    pub(crate) fn begin(self, index: usize) -> i64 {
        let back = i64::try_from(self.periods.saturating_sub(index)).unwrap_or(i64::MAX);
        self.end - back.saturating_mul(self.period_minutes)
    }
}

/// The values of all metrics and expressions by their ids, one for each period, the oldest first.
pub(crate) fn of(
    queries: &[Query],
    expressions: &[(String, Expression)],
    store: &Store,
    range: Range,
) -> BTreeMap<String, Series> {
    let mut known: BTreeMap<String, Series> = BTreeMap::new();
    for query in queries {
        let value = |index: usize| {
            let begin = range.begin(index);
            let minutes = begin..begin + range.period_minutes;
            store.statistic(&query.metric, minutes, query.statistic)
        };
        known.insert(query.id.clone(), (0..range.periods).map(value).collect());
    }
    let ids: Vec<String> = queries.iter().map(|query| query.id.clone()).collect();
    for (id, expression) in expressions {
        // Ids were checked when the expressions were read, so this does not fail.
        let value = math::calculate(expression, &known, &ids, range.periods);
        let value = value.unwrap_or_else(|_| vec![None; range.periods]);
        known.insert(id.clone(), value);
    }
    known
}

/// Calculates expressions once without data, to find unknown ids and wrong arguments.
pub(crate) fn trial(queries: &[Query], expressions: &[(String, Expression)]) -> Result<(), String> {
    let ids: Vec<String> = queries.iter().map(|query| query.id.clone()).collect();
    let mut known: BTreeMap<String, Series> = BTreeMap::new();
    known.extend(ids.iter().map(|id| (id.clone(), vec![None])));
    for (id, expression) in expressions {
        let value = math::calculate(expression, &known, &ids, 1);
        let value = value.map_err(|error| format!("`{id}`: {error}"))?;
        known.insert(id.clone(), value);
    }
    Ok(())
}
