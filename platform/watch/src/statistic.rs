//! Statistics: what one number says about the values of a period.

/// A statistic of an alarm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The sum of the values.
    Sum,
    /// The sum divided by the number of values.
    Average,
    /// The lowest value.
    Minimum,
    /// The highest value.
    Maximum,
    /// The number of values.
    SampleCount,
    /// The value at or below which this many percent of the values are: `p99`.
    Percentile(f64),
}

impl Statistic {
    /// Reads a statistic as templates write it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            other => {
                let percent = other.strip_prefix('p').and_then(|text| text.parse().ok());
                let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
                return percent.map(Self::Percentile).ok_or_else(|| {
                    format!(
                        "the statistic `{other}` is not known: use Sum, Average, Minimum, Maximum, \
                         SampleCount or a percentile such as p99"
                    )
                });
            }
        })
    }

    /// The fewest values for which a percentile says something: 10 / (1 - p), or 10 / p below the
    /// median. Other statistics need one.
    ///
    /// Source: "Percentile-based CloudWatch alarms and low data samples".
    pub(crate) fn samples_min(self) -> f64 {
        match self {
            Self::Percentile(percent) if 50.0 <= percent => 10.0 / (1.0 - percent / 100.0),
            Self::Percentile(percent) => 10.0 / (percent / 100.0),
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p99_says_something_from_a_thousand_values() {
        let p99 = Statistic::parse("p99").unwrap();
        assert!((p99.samples_min() - 1_000.0).abs() < 0.001);
        assert!((Statistic::Percentile(10.0).samples_min() - 100.0).abs() < 0.001);
        assert!((Statistic::Sum.samples_min() - 1.0).abs() < 0.001);
    }

    #[test]
    fn an_unknown_statistic_is_named_with_those_that_are_known() {
        for text in ["Median", "p101", "p", "sum"] {
            let error = Statistic::parse(text).unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{error}");
            assert!(error.contains("p99"), "{error}");
        }
    }
}
