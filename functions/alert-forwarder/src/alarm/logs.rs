//! Links an alarm to the log lines around its change, in CloudWatch Logs Insights.
//!
//! The console writes a query into its address: a value in its own notation, percent-encoded twice, with
//! `$` for `%`. AWS documents no other way to link to a query.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::json::{array, text};
use crate::link::{SafeUrl, console};

/// How much earlier than the alarm its cause is looked for.
const BEFORE: Duration = Duration::from_mins(10);
/// How much later.
const AFTER: Duration = Duration::from_mins(5);
/// Source: "Amazon CloudWatch Logs quotas" for the length, "CreateLogGroup" for the characters.
const GROUP_BYTES_MAX: usize = 512;
/// The most groups that are read for an alert.
const GROUPS_MAX: usize = 5;
const QUERY: &str = "fields @timestamp,@message|sort @timestamp";

/// The query for the log group that belongs to an alarm's metric. `description` may name another group in
/// a line `logs: NAME`.
pub(crate) fn link(
    region: Option<&str>,
    description: Option<&str>,
    trigger: &Value,
    at: Option<Timestamp>,
) -> Option<SafeUrl> {
    let group = groups(description, trigger).into_iter().next()?;
    let (region, at) = (region?, at?);
    let (start, end) = (at.checked_sub(BEFORE).ok()?, at.checked_add(AFTER).ok()?);
    let query = format!(
        "~(end~{}~start~{}~timeType~{}~tz~{}~editorString~{}~source~(~{}))",
        word(&format!("{end:.3}")),
        word(&format!("{start:.3}")),
        word("ABSOLUTE"),
        word("UTC"),
        word(QUERY),
        word(&group),
    );
    let path = format!(
        "cloudwatch/home?region={region}#logsV2:logs-insights$3FqueryDetail$3D{}",
        twice(&query)
    );
    console(region, &path)
}

/// The log groups of an alarm: those that its description names, or else that of its metric. The button
/// opens the first.
pub(super) fn groups(description: Option<&str>, trigger: &Value) -> Vec<String> {
    let named = description.map(named).unwrap_or_default();
    if named.is_empty() {
        of_metric(trigger).into_iter().collect()
    } else {
        named
    }
}

/// The groups in a line `logs: NAME, NAME` of a description. A line with anything else names none.
pub(super) fn named(description: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let (name, groups) = line.split_once(':')?;
        let groups: Vec<&str> = groups
            .split([' ', ','])
            .filter(|group| !group.is_empty())
            .collect();
        let is_named = name.trim().eq_ignore_ascii_case("logs")
            && !groups.is_empty()
            && groups.iter().all(|group| is_group(group));
        let groups = groups.into_iter().take(GROUPS_MAX);
        is_named.then(|| groups.map(str::to_owned).collect())
    };
    description.lines().find_map(of_line).unwrap_or_default()
}

fn is_group(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.#".contains(&byte);
    (1..=GROUP_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// The log group of the thing that the metric is about, by the service's own naming.
fn of_metric(trigger: &Value) -> Option<String> {
    let (dimension, prefix) = match text(trigger, "/Namespace")?.as_str() {
        "AWS/Lambda" => ("FunctionName", "/aws/lambda/"),
        "AWS/CodeBuild" => ("ProjectName", "/aws/codebuild/"),
        "AWS/Logs" => ("LogGroupName", ""),
        _ => return None,
    };
    let of_name = |one: &&Value| {
        let name = text(one, "/name").or_else(|| text(one, "/Name"));
        name.as_deref() == Some(dimension)
    };
    let found = array(trigger, "/Dimensions").iter().find(of_name)?;
    let value = text(found, "/value").or_else(|| text(found, "/Value"))?;
    let group = format!("{prefix}{value}");
    is_group(&group).then_some(group)
}

/// A text in the console's notation: `'`, and `*` with two hexadecimal digits for each byte that is not a
/// letter, a digit or one of `-_.`.
fn word(text: &str) -> String {
    let mut word = "'".to_owned();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            word.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(word, "*{byte:02x}");
        }
    }
    word
}

/// Percent-encodes twice, with `$` for `%`: `~` becomes `$257E`.
fn twice(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "$25{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lambda(name: &str) -> Value {
        json!({"Namespace": "AWS/Lambda", "Dimensions": [{"name": "FunctionName", "value": name}]})
    }

    fn linked(description: Option<&str>, trigger: &Value) -> Option<String> {
        let at = "2026-07-19T10:00:00Z".parse().unwrap();
        let url = link(Some("eu-west-1"), description, trigger, Some(at));
        url.map(|url| url.as_str().to_owned())
    }

    /// Undoes the encoding of the address, as the console does.
    fn decoded(url: &str) -> String {
        let (_, query) = url.split_once("#logsV2:logs-insights").unwrap();
        let once = query.replace('$', "%");
        let twice = percent_encoding::percent_decode_str(&once)
            .decode_utf8()
            .unwrap();
        percent_encoding::percent_decode_str(&twice)
            .decode_utf8()
            .unwrap()
            .into_owned()
    }

    #[test]
    fn the_query_is_for_the_minutes_around_the_alarm() {
        let url = linked(None, &lambda("orders")).unwrap();
        assert_eq!(
            decoded(&url),
            "?queryDetail=~(end~'2026-07-19T10*3a05*3a00.000Z~start~'2026-07-19T09*3a50*3a00.000Z\
             ~timeType~'ABSOLUTE~tz~'UTC\
             ~editorString~'fields*20*40timestamp*2c*40message*7csort*20*40timestamp\
             ~source~(~'*2faws*2flambda*2forders))"
        );
        // It fits into a button.
        assert!(url.len() <= 512, "{}", url.len());
        assert!(
            url.starts_with("https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=")
        );
    }

    #[test]
    fn each_service_names_its_log_groups() {
        let group = |namespace: &str, name: &str, value: &str| {
            let dimensions =
                json!([{"Name": "Other", "Value": "o"}, {"name": name, "value": value}]);
            of_metric(&json!({"Namespace": namespace, "Dimensions": dimensions}))
        };
        let lambda = group("AWS/Lambda", "FunctionName", "f");
        assert_eq!(lambda.as_deref(), Some("/aws/lambda/f"));
        let build = group("AWS/CodeBuild", "ProjectName", "p");
        assert_eq!(build.as_deref(), Some("/aws/codebuild/p"));
        assert_eq!(
            group("AWS/Logs", "LogGroupName", "/a/b").as_deref(),
            Some("/a/b")
        );
        assert_eq!(group("AWS/SQS", "QueueName", "q"), None);
        assert_eq!(group("AWS/Lambda", "FunctionName", "a b"), None);
        assert_eq!(
            of_metric(&json!({"Namespace": "AWS/Lambda", "Dimensions": ""})),
            None
        );
    }

    #[test]
    fn a_description_may_name_another_log_group() {
        let url = linked(Some("Why.\nLogs: stack-OrdersLogs-1x"), &lambda("orders")).unwrap();
        assert!(decoded(&url).ends_with("~source~(~'stack-OrdersLogs-1x))"));
        let several = linked(Some("logs: a, b c"), &lambda("orders")).unwrap();
        assert!(decoded(&several).ends_with("~source~(~'a))"));
        let hostile = linked(Some("logs: a'))~b"), &lambda("orders")).unwrap();
        assert!(decoded(&hostile).ends_with("(~'*2faws*2flambda*2forders))"));
        assert_eq!(linked(Some("logs:"), &Value::Null), None);
    }

    #[test]
    fn a_description_names_up_to_five_groups() {
        assert_eq!(named("Why.\nlogs: a, b  c,/d"), ["a", "b", "c", "/d"]);
        assert_eq!(named("logs: 1 2 3 4 5 6").len(), GROUPS_MAX);
        assert_eq!(named("logs: are kept for a week!"), Vec::<String>::new());
    }
}
