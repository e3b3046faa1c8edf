//! Understands stack events of CloudFormation: text with a `key='value'` on each line.

use std::collections::BTreeMap;

use crate::draft::{blank, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::link::{console, segment};
use crate::region::region;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("cloudformation");

/// A stack event as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let pairs = pairs(&notification.message);
    let value = |name: &str| {
        let value = pairs.get(name).map(|value| value.trim())?;
        (!value.is_empty() && value != "null").then(|| value.to_owned())
    };
    let stack_id = value("StackId")?;
    let status = value("ResourceStatus")?;
    let resource = value("LogicalResourceId").unwrap_or_default();
    let stack = value("StackName").unwrap_or_else(|| resource.clone());

    let mut event = blank(notification, KIND, "aws.cloudformation");
    event.severity = if status.contains("FAILED") {
        Severity::Error
    } else if status.contains("ROLLBACK") {
        Severity::Warning
    } else {
        Severity::Info
    };
    event.title = format!("{stack}: {status}");
    event.reason = value("ResourceStatusReason").unwrap_or_default().into();
    event.region = region(&[Some(&stack_id)], None).or(event.region);
    event.account = value("Namespace").or(event.account);
    event.occurred_at = moment(value("Timestamp").as_deref());
    event.fields.push(Field::short("Stack", stack));
    event.fields.push(Field::short("Status", status));
    push(&mut event.fields, "Resource", Some(resource));
    push(&mut event.fields, "Type", value("ResourceType"));
    push(
        &mut event.fields,
        "Physical id",
        value("PhysicalResourceId").filter(|id| *id != stack_id),
    );
    if let Some(region) = event.region.as_deref() {
        let id = segment(&stack_id);
        let path = format!("cloudformation/home?region={region}#/stacks/events?stackId={id}");
        let label = "Stack".to_owned();
        event
            .links
            .extend(console(region, &path).map(|url| Link { label, url }));
    }
    event.fingerprint = stack_id;
    Some(event)
}

/// Reads the pairs. A value may contain line breaks and quotes: it ends before the next line that begins
/// with `key='`, or at the end of the text.
fn pairs(message: &str) -> BTreeMap<&str, String> {
    let mut pairs = BTreeMap::new();
    let mut open: Option<(&str, String)> = None;
    for line in message.lines() {
        if let Some((key, value)) = start(line) {
            if let Some((key, value)) = open.replace((key, value.to_owned())) {
                pairs.insert(key, unquoted(&value));
            }
        } else if let Some((_, value)) = &mut open {
            value.push('\n');
            value.push_str(line);
        }
    }
    if let Some((key, value)) = open {
        pairs.insert(key, unquoted(&value));
    }
    pairs
}

fn start(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once("='")?;
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_key.then_some((key, value))
}

fn unquoted(value: &str) -> String {
    let trimmed = value.trim_end();
    trimmed.strip_suffix('\'').unwrap_or(trimmed).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_span_lines_and_contain_quotes() {
        let pairs = pairs("A='one'\nReason='it's\nall 'broken''\nB=''\n");
        assert_eq!(pairs["A"], "one");
        assert_eq!(pairs["Reason"], "it's\nall 'broken'");
        assert_eq!(pairs["B"], "");
    }
}
