//! Understands alerts of AWS Budgets: text with a `Name: value` on each line.

use crate::draft::{blank, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::link::SafeUrl;

pub(super) const KIND: Kind = Kind("budget");

const PAGE: &str = "https://console.aws.amazon.com/billing/home#/budgets";

/// A budget alert as an event: an error if the money is spent, a warning if that is a forecast.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let message = &notification.message;
    let lines = lines(message)?;
    let value = |name: &str| {
        lines.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            let value = value.trim();
            (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
        })
    };
    let budget = value("Budget Name")?;
    let alert = value("Alert Type")?;
    let forecast = alert.eq_ignore_ascii_case("FORECASTED");
    let amount = value(&format!("{alert} Amount")).or_else(|| {
        value(if forecast {
            "Forecasted Amount"
        } else {
            "Actual Amount"
        })
    });
    let budgeted = value("Budgeted Amount");

    let mut event = blank(notification, KIND, "aws.budgets");
    event.severity = if forecast {
        Severity::Warning
    } else {
        Severity::Error
    };
    let share = share(amount.as_deref(), budgeted.as_deref());
    event.title = match (&amount, &share) {
        (Some(amount), Some(share)) if forecast => {
            format!("Budget {budget}: {amount} forecast ({share})")
        }
        (Some(amount), Some(share)) => format!("Budget {budget}: {amount} spent ({share})"),
        _ => format!("Budget {budget}: {}", alert.to_lowercase()),
    };
    event.account = account(message).or(event.account);
    event.reason = match (&amount, &budgeted) {
        (Some(amount), Some(budgeted)) if forecast => {
            format!("{amount} of {budgeted} is forecast.")
        }
        (Some(amount), Some(budgeted)) => format!("{amount} of {budgeted} is spent."),
        _ => String::new(),
    }
    .into();
    event.fields.push(Field::short("Budget", budget.as_str()));
    push(
        &mut event.fields,
        if forecast { "Forecast" } else { "Actual" },
        amount.clone(),
    );
    push(&mut event.fields, "Budgeted", budgeted.clone());
    push(&mut event.fields, "Share", share);
    push(&mut event.fields, "Threshold", value("Alert Threshold"));
    push(&mut event.fields, "Type", value("Budget Type"));
    event.links.extend(SafeUrl::parse(PAGE).map(|url| Link {
        label: "Budgets".to_owned(),
        url,
    }));
    event.fingerprint = format!("budget#{budget}#{alert}");
    Some(event)
}

/// The lines of the text. Some ways of forwarding join them with `#`.
fn lines(message: &str) -> Option<Vec<&str>> {
    if !message.contains("Budget Name:") {
        return None;
    }
    let joined = message
        .lines()
        .filter(|line| line.contains("Budget Name:"))
        .any(|line| line.contains("Alert Type:"));
    let lines = if joined {
        message.split(['\n', '#']).collect()
    } else {
        message.lines().collect()
    };
    Some(lines)
}

/// The account: `123456789012` in `AWS Account 123456789012`.
fn account(message: &str) -> Option<String> {
    let (_, after) = message.split_once("AWS Account")?;
    let digits: String = after
        .trim_start_matches([':', ' '])
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    (digits.len() == 12).then_some(digits)
}

/// The amount as a share of the budget.
fn share(amount: Option<&str>, budgeted: Option<&str>) -> Option<String> {
    let (amount, budgeted) = (number(amount?)?, number(budgeted?)?);
    (0.0 < budgeted).then(|| format!("{:.0} %", amount / budgeted * 100.0))
}

/// The number in `€1,234.56`, `1.234,56 EUR` or `$1,234`. The last separator is the decimal one, unless
/// three digits follow it and no separator of the other kind stands before it.
fn number(text: &str) -> Option<f64> {
    let digits: String = text
        .chars()
        .filter(|character| character.is_ascii_digit() || matches!(character, '.' | ','))
        .collect();
    let Some(last) = digits.rfind(['.', ',']) else {
        return digits.parse().ok();
    };
    let (whole, fraction) = digits.split_at_checked(last)?;
    let separator = fraction.chars().next()?;
    let fraction = fraction.trim_start_matches(['.', ',']);
    let other = if separator == '.' { ',' } else { '.' };
    let thousands = fraction.len() == 3 && !whole.contains(other);
    let mut plain: String = whole.chars().filter(char::is_ascii_digit).collect();
    if !thousands {
        plain.push('.');
    }
    plain.push_str(fraction);
    plain.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    #[expect(
        clippy::float_cmp,
        reason = "both numbers are read from the same digits"
    )]
    fn check(text: &str, expected: f64) {
        assert_eq!(number(text).unwrap(), expected, "{text}");
    }

    #[test]
    fn amounts_are_read_in_any_currency() {
        check("$80.00", 80.0);
        check("€1,234.56", 1_234.56);
        check("1.234,56 EUR", 1_234.56);
        check("¥1,234,567", 1_234_567.0);
        check("$1,234", 1_234.0);
        check("USD 12", 12.0);
        assert_eq!(number("free"), None);
    }
}
