//! A metric's identity: its namespace, name and dimensions together.

use std::collections::BTreeMap;
use std::fmt;

/// A metric. Other dimensions make another metric, as in CloudWatch.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Metric {
    /// The namespace, such as `AWS/Lambda`.
    pub namespace: String,
    /// The name, such as `Errors`.
    pub name: String,
    /// The values of its dimensions, by their names.
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// A metric with these dimensions.
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions.iter().map(owned).collect(),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.namespace, self.name)?;
        for (name, value) in &self.dimensions {
            write!(formatter, " {name}={value}")?;
        }
        Ok(())
    }
}
