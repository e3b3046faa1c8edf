//! Calculates an expression's value for each period.

use std::collections::BTreeMap;

use super::parser::{Expression, MathError, Operator};

/// A value for each period, the oldest first; `None` where data is missing.
pub type Series = Vec<Option<f64>>;

/// What an expression is worth.
#[derive(Clone, Debug)]
enum Value {
    /// The same number in every period.
    Number(f64),
    Series(Series),
    List(Vec<Series>),
    Text,
}

/// Calculates an expression. `known` has the metrics and the expressions before it, by their ids;
/// `metrics` names those of them that are metrics.
///
/// # Errors
/// An id is not known, or a function has wrong arguments.
pub fn calculate(
    expression: &Expression,
    known: &BTreeMap<String, Series>,
    metrics: &[String],
    periods: usize,
) -> Result<Series, MathError> {
    let scope = Scope {
        known,
        metrics,
        periods,
    };
    match scope.value(expression)? {
        Value::Number(number) => Ok(vec![finite(number); periods]),
        Value::Series(series) => Ok(series),
        Value::List(_) | Value::Text => Err(MathError(
            "the expression must have one value for each period, not a list or a text".to_owned(),
        )),
    }
}

struct Scope<'a> {
    known: &'a BTreeMap<String, Series>,
    metrics: &'a [String],
    periods: usize,
}

impl Scope<'_> {
    fn value(&self, expression: &Expression) -> Result<Value, MathError> {
        Ok(match expression {
            Expression::Number(number) => Value::Number(*number),
            Expression::Text(_) => Value::Text,
            Expression::Id(id) => Value::Series(self.series_of(id)?),
            Expression::List(parts) => Value::List(
                parts
                    .iter()
                    .map(|part| self.series(part))
                    .collect::<Result<_, _>>()?,
            ),
            Expression::Negated(inner) => match self.value(inner)? {
                Value::Number(number) => Value::Number(-number),
                value => Value::Series(map(&self.as_series(value)?, |number| -number)),
            },
            Expression::Binary(left, operator, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.binary(left, *operator, right)?
            }
            Expression::Call(name, arguments) => self.call(name, arguments)?,
        })
    }

    fn series_of(&self, id: &str) -> Result<Series, MathError> {
        let found = self.known.get(id).cloned();
        found.ok_or_else(|| MathError(format!("no metric or expression has the id `{id}`")))
    }

    fn series(&self, expression: &Expression) -> Result<Series, MathError> {
        let value = self.value(expression)?;
        self.as_series(value)
    }

    fn as_series(&self, value: Value) -> Result<Series, MathError> {
        match value {
            Value::Number(number) => Ok(vec![finite(number); self.periods]),
            Value::Series(series) => Ok(series),
            Value::List(_) | Value::Text => Err(MathError(
                "a list or a text stands where a value for each period is needed".to_owned(),
            )),
        }
    }

    fn binary(&self, left: Value, operator: Operator, right: Value) -> Result<Value, MathError> {
        if let (Value::Number(left), Value::Number(right)) = (&left, &right) {
            return Ok(Value::Number(apply(*left, operator, *right)));
        }
        let (left, right) = (self.as_series(left)?, self.as_series(right)?);
        let pairs = left.iter().zip(&right);
        let both = pairs.map(|(left, right)| finite(apply((*left)?, operator, (*right)?)));
        Ok(Value::Series(both.collect()))
    }

    fn call(&self, name: &str, arguments: &[Expression]) -> Result<Value, MathError> {
        match (name, arguments) {
            ("METRICS", []) => self.metrics(""),
            ("METRICS", [Expression::Text(part)]) => self.metrics(part),
            ("IF", [condition, yes, no]) => {
                let condition = self.series(condition)?;
                let (yes, no) = (self.series(yes)?, self.series(no)?);
                let choices = condition.iter().zip(yes.iter().zip(&no));
                let chosen = choices.map(
                    |(condition, (yes, no))| {
                        if (*condition)? != 0.0 { *yes } else { *no }
                    },
                );
                Ok(Value::Series(chosen.collect()))
            }
            ("FILL", [filled, Expression::Text(how)]) if how == "REPEAT" => {
                Ok(Value::Series(repeated(&self.series(filled)?)))
            }
            ("FILL", [filled, with]) => {
                let (filled, with) = (self.series(filled)?, self.series(with)?);
                let pairs = filled.iter().zip(&with);
                Ok(Value::Series(
                    pairs.map(|(value, with)| value.or(*with)).collect(),
                ))
            }
            ("ABS" | "CEIL" | "FLOOR", [value]) => {
                let function = match name {
                    "ABS" => f64::abs,
                    "CEIL" => f64::ceil,
                    _ => f64::floor,
                };
                Ok(match self.value(value)? {
                    Value::Number(number) => Value::Number(function(number)),
                    value => Value::Series(map(&self.as_series(value)?, function)),
                })
            }
            ("SUM" | "AVG" | "MIN" | "MAX", [values]) => {
                Ok(self.aggregate(name, self.value(values)?)?)
            }
            _ => Err(MathError(format!(
                "`{name}` does not take {} arguments of this form",
                arguments.len()
            ))),
        }
    }

    /// `METRICS()`: all metrics, or those whose id contains a text.
    fn metrics(&self, part: &str) -> Result<Value, MathError> {
        let ids = self.metrics.iter().filter(|id| id.contains(part));
        let series: Result<_, _> = ids.map(|id| self.series_of(id)).collect();
        Ok(Value::List(series?))
    }

    /// A list has a value for each period, of the data that the period has. A single series has one
    /// number for all its periods.
    fn aggregate(&self, name: &str, value: Value) -> Result<Value, MathError> {
        match value {
            Value::List(list) => {
                let periods = 0..self.periods;
                let at = |period: usize| {
                    let present = list
                        .iter()
                        .filter_map(|series| series.get(period).copied()?);
                    reduce(name, present.collect())
                };
                Ok(Value::Series(periods.map(at).collect()))
            }
            value => {
                let series = self.as_series(value)?;
                let all = reduce(name, series.into_iter().flatten().collect());
                Ok(Value::Series(vec![all; self.periods]))
            }
        }
    }
}

fn reduce(name: &str, values: Vec<f64>) -> Option<f64> {
    let count = u32::try_from(values.len())
        .ok()
        .filter(|count| *count != 0)?;
    let sum = values.iter().sum::<f64>();
    Some(match name {
        "SUM" => sum,
        "AVG" => sum / f64::from(count),
        "MIN" => values.into_iter().fold(f64::INFINITY, f64::min),
        _ => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
    })
}

fn apply(left: f64, operator: Operator, right: f64) -> f64 {
    let truth = |truth: bool| f64::from(u8::from(truth));
    #[expect(clippy::float_cmp, reason = "the operators == and != compare exactly")]
    match operator {
        Operator::Or => truth(left != 0.0 || right != 0.0),
        Operator::And => truth(left != 0.0 && right != 0.0),
        Operator::Equal => truth(left == right),
        Operator::Unequal => truth(left != right),
        Operator::AtLeast => truth(left >= right),
        Operator::AtMost => truth(left <= right),
        Operator::Greater => truth(left > right),
        Operator::Less => truth(left < right),
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Power => left.powf(right),
    }
}

/// A division by zero has no value.
fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

fn map(series: &Series, function: impl Fn(f64) -> f64) -> Series {
    let mapped = series.iter().map(|value| finite(function((*value)?)));
    mapped.collect()
}

/// Each missing value becomes the one before it.
fn repeated(series: &Series) -> Series {
    let mut last = None;
    let repeated = series.iter().map(|value| {
        last = value.or(last);
        last
    });
    repeated.collect()
}
