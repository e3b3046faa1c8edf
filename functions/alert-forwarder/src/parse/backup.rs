//! Understands notifications of AWS Backup: a sentence, with the facts as message attributes.

use crate::draft::{blank, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Severity};
use crate::link::{console, segment};
use crate::region::{Arn, account_of, region};
use crate::when::moment;

pub(super) const KIND: Kind = Kind("backup");

/// The end of a job as an event. Source: "Notification options with AWS Backup".
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let message = notification.message.trim();
    let attribute = |name: &str| notification.attributes.get(name).cloned();
    let of_subject = notification.subject.as_deref() == Some("Notification from AWS Backup");
    let of_text =
        message.starts_with("An AWS Backup job") || message.starts_with("An AWS Backup copy job");
    if !of_subject && !of_text {
        return None;
    }
    let state = attribute("State").or_else(|| state(message))?;
    let job = attribute("EventType").unwrap_or_else(|| "BACKUP_JOB".to_owned());
    let resource = after(message, "Resource ARN :");

    let mut event = blank(notification, KIND, "aws.backup");
    event.severity = match state.as_str() {
        "FAILED" | "ABORTED" => Severity::Error,
        "EXPIRED" | "PARTIAL" => Severity::Warning,
        _ => Severity::Info,
    };
    let job_words = job.replace('_', " ").to_lowercase();
    let name = resource
        .as_deref()
        .and_then(Arn::parse)
        .map(|arn| arn.name());
    event.title = match name {
        Some(name) => format!("{job_words} of {name}: {state}"),
        None => format!("{job_words}: {state}"),
    };
    event.reason = message.into();
    event.account = attribute("AccountId")
        .or_else(|| account_of(resource.as_deref()?))
        .or(event.account);
    event.region = region(&[resource.as_deref()], None).or(event.region);
    let started = attribute("StartTime");
    if started.is_some() {
        event.occurred_at = moment(started.as_deref());
    }
    event.fields.push(Field::short("State", state));
    push(&mut event.fields, "Resource", resource.clone());
    let id = attribute("Id")
        .or_else(|| after(message, "Job ID :"))
        .or_else(|| after(message, "Job Id :"));
    if let (Some(region), Some(id)) = (event.region.as_deref(), id.as_deref()) {
        let page = match job.as_str() {
            "COPY_JOB" => "copy",
            "RESTORE_JOB" => "restore",
            _ => "backup",
        };
        let id = segment(id);
        let url = console(
            region,
            &format!("backup/home?region={region}#/jobs/{page}/details/{id}"),
        );
        push_link(&mut event, "Job", url);
    }
    push(&mut event.fields, "Job", id);
    event.fingerprint = resource.unwrap_or_else(|| event.title.clone());
    Some(event)
}

/// The state in the first sentence: `FAILED` in "An AWS Backup job failed. …".
fn state(message: &str) -> Option<String> {
    let first = message.split(['.', '\n']).next()?.to_uppercase();
    ["FAILED", "ABORTED", "EXPIRED", "COMPLETED", "STOPPED"]
        .into_iter()
        .find(|state| {
            first.contains(state) || (*state == "COMPLETED" && first.contains("SUCCESSFUL"))
        })
        .map(str::to_owned)
}

/// The word after a label.
fn after(message: &str, label: &str) -> Option<String> {
    let (_, rest) = message.split_once(label)?;
    let word = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
    (!word.is_empty()).then(|| word.to_owned())
}
