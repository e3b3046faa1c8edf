//! Amounts of money, and how they are written.

use serde::{Deserialize, Serialize};

/// Currencies without cents.
const WITHOUT_CENTS: [&str; 4] = ["CLP", "JPY", "KRW", "VND"];

/// The currency of amounts whose service names none.
pub(crate) const USUAL: &str = "USD";

/// An amount in a currency. Costs are estimates with ten decimals, so a double is exact enough.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Money {
    pub(crate) amount: f64,
    pub(crate) currency: String,
}

impl Money {
    pub(crate) fn new(amount: f64, currency: &str) -> Self {
        let currency = currency.to_owned();
        Self { amount, currency }
    }

    /// Reads what AWS writes: `{"Amount": "12.3456789012", "Unit": "USD"}`.
    pub(crate) fn read(amount: Option<&str>, unit: Option<&str>) -> Option<Self> {
        let amount: f64 = amount?.trim().parse().ok()?;
        let unit = unit.map(str::trim).filter(|unit| !unit.is_empty());
        amount
            .is_finite()
            .then(|| Self::new(amount, unit.unwrap_or(USUAL)))
    }

    /// `12.34 USD`; with `+` before what was added.
    pub(crate) fn change(&self) -> String {
        let sign = if 0.0 < self.amount { "+" } else { "" };
        format!("{sign}{self}")
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} {}",
            number(self.amount, &self.currency),
            self.currency
        )
    }
}

/// `1,234.56`. A small amount that is not zero keeps two digits that say something: `0.0034`.
pub(crate) fn number(amount: f64, currency: &str) -> String {
    let cents = if WITHOUT_CENTS.contains(&currency) {
        0
    } else {
        2
    };
    let size = amount.abs();
    let decimals = if !(0.000_000_5..1.0).contains(&size) {
        cents
    } else if 0.01 <= size {
        2
    } else if 0.001 <= size {
        4
    } else {
        6
    };
    let text = format!("{size:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if 0 < index && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    // The sign goes when the rest is rounded to zero.
    let negative = amount < 0.0 && grouped.chars().any(|digit| ('1'..='9').contains(&digit));
    if negative {
        format!("-{grouped}")
    } else {
        grouped
    }
}

/// `+12 %`, or nothing if there is nothing to compare with.
pub(crate) fn share_more(now: f64, before: f64) -> Option<String> {
    if before <= 0.005 {
        return None;
    }
    let percent = (now / before - 1.0) * 100.0;
    Some(if percent.abs() < 0.5 {
        "the same".to_owned()
    } else if percent < 0.0 {
        format!("{:.0} % less", -percent)
    } else {
        format!("{percent:.0} % more")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(amount: f64, currency: &str, expected: &str) {
        assert_eq!(Money::new(amount, currency).to_string(), expected);
    }

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        check(1_234_567.891, "USD", "1,234,567.89 USD");
        check(0.0, "USD", "0.00 USD");
        check(999.995, "EUR", "1,000.00 EUR");
        check(12_345.6, "JPY", "12,346 JPY");
        check(0.0034, "USD", "0.0034 USD");
        check(0.12, "USD", "0.12 USD");
        check(0.0621, "USD", "0.06 USD");
        check(0.000_012, "USD", "0.000012 USD");
    }

    #[test]
    fn a_credit_has_a_minus_and_a_negative_zero_has_none() {
        check(-1_234.5, "USD", "-1,234.50 USD");
        check(-0.0, "USD", "0.00 USD");
        check(-0.000_000_1, "USD", "0.00 USD");
        assert_eq!(Money::new(2.0, "USD").change(), "+2.00 USD");
        assert_eq!(Money::new(-2.0, "USD").change(), "-2.00 USD");
    }

    #[test]
    fn only_a_number_is_an_amount() {
        let read = |text| Money::read(Some(text), Some("EUR"));
        assert_eq!(read("12.5000000000"), Some(Money::new(12.5, "EUR")));
        assert_eq!(read("1e-10"), Some(Money::new(1e-10, "EUR")));
        for text in ["", "NaN", "inf", "12,5", "free"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(Money::read(Some("1"), None), Some(Money::new(1.0, "USD")));
    }

    #[test]
    fn a_share_needs_something_to_compare_with() {
        assert_eq!(share_more(3.0, 2.0).unwrap(), "50 % more");
        assert_eq!(share_more(1.0, 2.0).unwrap(), "50 % less");
        assert_eq!(share_more(2.001, 2.0).unwrap(), "the same");
        assert_eq!(share_more(3.0, 0.0), None);
        assert_eq!(share_more(3.0, -5.0), None);
    }
}
