//! Composite alarms: rules over the states of other alarms.
//!
//! Source: "Create a composite alarm", Amazon CloudWatch User Guide.

use serde_json::Value;

use crate::judge::State;

/// How deep a rule may be nested.
const DEPTH_MAX: usize = 64;

/// An alarm on other alarms.
#[derive(Clone, Debug)]
pub struct Composite {
    /// The rule as the template has it.
    pub text: String,
    /// The rule.
    pub rule: Rule,
    /// The alarm that holds its actions back, if there is one.
    pub suppressor: Option<Suppressor>,
}

/// The suppressor of a composite alarm.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Suppressor {
    /// The name of the alarm that holds the actions back.
    pub name: String,
    /// How many minutes the actions wait for the suppressor to go into `ALARM`.
    pub(crate) wait_minutes: i64,
    /// How many minutes they wait after it has left `ALARM`.
    pub(crate) extension_minutes: i64,
}

/// A rule over the states of alarms.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rule {
    /// `TRUE` or `FALSE`.
    Constant(bool),
    /// `ALARM("name")`, or another state.
    In(String, State),
    /// `NOT a`.
    Not(Box<Self>),
    /// `a AND b`.
    And(Box<Self>, Box<Self>),
    /// `a OR b`.
    Or(Box<Self>, Box<Self>),
}

impl Rule {
    /// Whether the rule holds.
    pub fn holds(&self, state: &impl Fn(&str) -> State) -> bool {
        match self {
            Self::Constant(truth) => *truth,
            Self::In(name, wanted) => state(name) == *wanted,
            Self::Not(rule) => !rule.holds(state),
            Self::And(left, right) => left.holds(state) && right.holds(state),
            Self::Or(left, right) => left.holds(state) || right.holds(state),
        }
    }

    /// The names of the alarms in the rule, each once, in its order.
    pub fn children(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.collect(&mut names);
        names
    }

    fn collect<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Constant(_) => {}
            Self::In(name, _) => {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
            Self::Not(rule) => rule.collect(names),
            Self::And(left, right) | Self::Or(left, right) => {
                left.collect(names);
                right.collect(names);
            }
        }
    }
}

pub(crate) fn read(properties: &Value) -> Result<Composite, String> {
    let text = properties.get("AlarmRule").and_then(Value::as_str);
    let text = text.ok_or("it has no AlarmRule")?;
    Ok(Composite {
        text: text.to_owned(),
        rule: parse(text)?,
        suppressor: suppressor(properties)?,
    })
}

fn suppressor(properties: &Value) -> Result<Option<Suppressor>, String> {
    let Some(named) = properties.get("ActionsSuppressor") else {
        return Ok(None);
    };
    let named = named.as_str().ok_or("ActionsSuppressor is not a name")?;
    let minutes = |name: &str| {
        let seconds = properties.get(name).and_then(Value::as_i64);
        let minutes = seconds.map(|seconds| (seconds + 59).div_euclid(60));
        minutes.ok_or(format!("{name} is not a number of seconds"))
    };
    let name = named.rsplit_once(":alarm:").map_or(named, |(_, name)| name);
    Ok(Some(Suppressor {
        name: name.to_owned(),
        wait_minutes: minutes("ActionsSuppressorWaitPeriod")?,
        extension_minutes: minutes("ActionsSuppressorExtensionPeriod")?,
    }))
}

/// Reads a rule. `NOT` binds most, then `AND`, then `OR`.
pub(crate) fn parse(text: &str) -> Result<Rule, String> {
    let mut parser = Parser {
        rest: text.trim(),
        depth: 0,
    };
    let rule = parser.or()?;
    if parser.rest.is_empty() {
        return Ok(rule);
    }
    Err(format!("AlarmRule: `{}` was not expected", parser.rest))
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn or(&mut self) -> Result<Rule, String> {
        let mut left = self.and()?;
        while self.word("OR") {
            left = Rule::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Rule, String> {
        let mut left = self.not()?;
        while self.word("AND") {
            left = Rule::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Rule, String> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err("AlarmRule is nested too deep".to_owned());
        }
        let rule = if self.word("NOT") {
            Rule::Not(Box::new(self.not()?))
        } else if self.symbol("(") {
            let inner = self.or()?;
            self.expect(")")?;
            inner
        } else {
            self.leaf()?
        };
        self.depth -= 1;
        Ok(rule)
    }

    fn leaf(&mut self) -> Result<Rule, String> {
        for (word, truth) in [("TRUE", true), ("FALSE", false)] {
            if self.word(word) {
                return Ok(Rule::Constant(truth));
            }
        }
        for state in [State::Alarm, State::Ok, State::InsufficientData] {
            if self.word(&state.to_string()) {
                self.expect("(")?;
                let name = self.name()?;
                self.expect(")")?;
                return Ok(Rule::In(name, state));
            }
        }
        Err(format!(
            "AlarmRule: ALARM(…), OK(…), INSUFFICIENT_DATA(…), TRUE or FALSE is needed at `{}`",
            self.rest
        ))
    }

    /// A name in quotes or without, or the ARN of an alarm.
    fn name(&mut self) -> Result<String, String> {
        let quote = self
            .rest
            .chars()
            .next()
            .filter(|it| ['"', '\''].contains(it));
        let (name, rest) = if let Some(quote) = quote {
            let inner = self.rest.get(1..).unwrap_or_default();
            inner.split_once(quote)
        } else {
            let end = self.rest.find(')');
            end.and_then(|end| Some((self.rest.get(..end)?, self.rest.get(end..)?)))
        }
        .ok_or("AlarmRule: the name of an alarm is not closed")?;
        self.rest = rest.trim_start();
        let name = name.trim();
        let name = name.rsplit_once(":alarm:").map_or(name, |(_, name)| name);
        if name.is_empty() {
            return Err("AlarmRule: the name of an alarm is empty".to_owned());
        }
        Ok(name.to_owned())
    }

    fn word(&mut self, word: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(word) else {
            return false;
        };
        // `ORDERS` does not begin with the word `OR`.
        if rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_') {
            return false;
        }
        self.rest = rest.trim_start();
        true
    }

    fn symbol(&mut self, symbol: &'a str) -> bool {
        let rest = self.rest.strip_prefix(symbol);
        self.rest = rest.map_or(self.rest, str::trim_start);
        rest.is_some()
    }

    fn expect(&mut self, symbol: &'a str) -> Result<(), String> {
        if self.symbol(symbol) {
            return Ok(());
        }
        Err(format!(
            "AlarmRule: `{symbol}` is missing at `{}`",
            self.rest
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The alarms `a` and `b` are in ALARM, `o` is OK, and the others have no data.
    fn state(name: &str) -> State {
        match name {
            "a" | "b" => State::Alarm,
            "o" => State::Ok,
            _ => State::InsufficientData,
        }
    }

    #[track_caller]
    fn check(rule: &str, expected: bool) {
        assert_eq!(parse(rule).unwrap().holds(&state), expected, "{rule}");
    }

    #[test]
    fn a_rule_is_evaluated_over_the_states_of_its_children() {
        check("ALARM(\"a\")", true);
        check("ALARM(a) AND ALARM('o')", false);
        check("ALARM(a) AND OK(o)", true);
        check("INSUFFICIENT_DATA(x)", true);
        check("NOT ALARM(o)", true);
        check("NOT (ALARM(a) OR ALARM(o))", false);
        check("ALARM(o) AND ALARM(o) OR ALARM(a)", true);
        check("ALARM(a) OR ALARM(o) AND ALARM(o)", true);
        check("(ALARM(a) OR ALARM(o)) AND ALARM(o)", false);
        check("NOT ALARM(a) AND FALSE OR TRUE", true);
        check("ALARM(arn:aws:cloudwatch:ap-northeast-2:1:alarm:a)", true);
        check("ALARM(\"a\")\n  AND ALARM(\"b\")", true);
    }

    #[test]
    fn the_children_are_named_once_each() {
        let rule = parse("ALARM(a) AND (ALARM(b) OR NOT OK(a))").unwrap();
        assert_eq!(rule.children(), ["a", "b"]);
    }

    #[test]
    fn a_mistake_is_named() {
        for (rule, part) in [
            ("ALARM(a) AND", "is needed at ``"),
            ("ALARM(a", "not closed"),
            ("ALARM(\"a)", "not closed"),
            ("ALARM a", "`(` is missing"),
            ("ALARM(a) ALARM(b)", "`ALARM(b)` was not expected"),
            ("ALARM()", "is empty"),
            ("ALARMS(a)", "is needed at `ALARMS(a)`"),
            ("(ALARM(a)", "`)` is missing"),
        ] {
            let error = parse(rule).unwrap_err();
            assert!(error.contains(part), "{rule}: {error}");
        }
        assert!(parse(&"(".repeat(500)).unwrap_err().contains("too deep"));
    }
}
