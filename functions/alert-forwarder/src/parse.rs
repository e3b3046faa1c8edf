//! Turns a message into an event: lists the kinds of alerts, each with a parser in a file of its own.
//!
//! A parser is a pure function from a [`Notification`] to an event. It returns `None` if the message is
//! of another kind or lacks a member that the event needs. [`generic`] takes what no parser understands.

mod access_analyzer;
mod acm;
mod alarm_change;
mod alertmanager;
mod auto_scaling;
mod backup;
mod batch_job;
mod batch_queue;
mod budget;
mod chatbot;
mod cloudformation;
mod cloudtrail;
mod codebuild;
mod codedeploy;
mod codepipeline;
mod codestar;
mod composite_alarm;
mod config_compliance;
mod cost_anomaly;
mod cost_report;
mod dead_letter;
mod destination;
mod dms;
mod ec2_instance;
mod ecs_deployment;
mod ecs_task;
mod elastic_beanstalk;
mod eventbridge;
mod generic;
mod grafana;
mod guardduty;
mod health;
mod inspector;
mod logs_subscription;
mod metric_alarm;
mod pipeline_approval;
mod rds;
mod s3_test;
mod security_hub;
mod ses;
mod step_functions;
mod subscription;
mod trusted_advisor;

use crate::draft::push_link;
use crate::envelope::Notification;
use crate::event::{Event, Kind, Rich, Span};
use crate::link;

type Parser = fn(&Notification) -> Option<Event>;

/// Every kind of alert but the generic one. The first parser that understands a message decides, so
/// the most particular shapes come first: `eventbridge` takes every EventBridge event that reaches it.
const PARSERS: &[(Kind, Parser)] = &[
    (alarm_change::KIND, alarm_change::parse),
    (composite_alarm::KIND, composite_alarm::parse),
    (metric_alarm::KIND, metric_alarm::parse),
    (subscription::KIND, subscription::parse),
    (codestar::KIND, codestar::parse),
    (pipeline_approval::KIND, pipeline_approval::parse),
    (grafana::KIND, grafana::parse),
    (alertmanager::KIND, alertmanager::parse),
    (chatbot::KIND, chatbot::parse),
    (ses::KIND, ses::parse),
    (s3_test::KIND, s3_test::parse),
    (logs_subscription::KIND, logs_subscription::parse),
    (destination::KIND, destination::parse),
    (dead_letter::KIND, dead_letter::parse),
    (health::KIND, health::parse),
    (guardduty::KIND, guardduty::parse),
    (security_hub::KIND, security_hub::parse),
    (codedeploy::KIND, codedeploy::parse),
    (codepipeline::KIND, codepipeline::parse),
    (ecs_task::KIND, ecs_task::parse),
    (ecs_deployment::KIND, ecs_deployment::parse),
    (codebuild::KIND, codebuild::parse),
    (step_functions::KIND, step_functions::parse),
    (batch_job::KIND, batch_job::parse),
    (batch_queue::KIND, batch_queue::parse),
    (cloudtrail::KIND, cloudtrail::parse),
    (inspector::KIND, inspector::parse),
    (config_compliance::KIND, config_compliance::parse),
    (access_analyzer::KIND, access_analyzer::parse),
    (acm::KIND, acm::parse),
    (ec2_instance::KIND, ec2_instance::parse),
    (trusted_advisor::KIND, trusted_advisor::parse),
    (dms::KIND, dms::parse),
    (elastic_beanstalk::KIND, elastic_beanstalk::parse),
    (rds::KIND, rds::parse),
    (auto_scaling::KIND, auto_scaling::parse),
    (cost_report::KIND, cost_report::parse),
    (cost_anomaly::KIND, cost_anomaly::parse),
    (eventbridge::KIND, eventbridge::parse),
    (cloudformation::KIND, cloudformation::parse),
    (budget::KIND, budget::parse),
    (backup::KIND, backup::parse),
];

/// Turns a message into an event. A message that no parser understands becomes a generic one.
pub fn parse(notification: &Notification) -> Event {
    let mut event = PARSERS
        .iter()
        .find_map(|(_, parser)| parser(notification))
        .unwrap_or_else(|| generic::parse(notification));
    if is_in_title(&event) {
        event.reason = Rich::default();
    }
    if event.links.is_empty() {
        let url = first_arn(&notification.message)
            .and_then(link::of_arn)
            .or_else(|| link::of_service(event.region.as_deref()?, &event.source));
        push_link(&mut event, "Console", url);
    }
    event
}

/// Whether the title ends with the whole reason, which would be read twice.
fn is_in_title(event: &Event) -> bool {
    let [Span::Text(reason)] = event.reason.0.as_slice() else {
        return false;
    };
    let reason = reason.trim().trim_end_matches('.');
    !reason.is_empty() && event.title.ends_with(reason)
}

/// The first ARN in a message.
fn first_arn(message: &str) -> Option<&str> {
    let start = message.find("arn:aws")?;
    let arn = message.get(start..)?;
    let end = arn.find(|character: char| {
        character.is_whitespace() || matches!(character, '"' | '\'' | ',' | '\\' | '<' | '>' | ')')
    });
    arn.get(..end.unwrap_or(arn.len()))
}

/// All kinds of alerts, the generic one last.
pub fn kinds() -> impl Iterator<Item = Kind> {
    let particular = PARSERS.iter().map(|(kind, _)| *kind);
    particular.chain([generic::KIND])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the files in `src/parse/`, without `.rs`.
    fn files() -> Vec<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/parse");
        let files = std::fs::read_dir(folder).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names
            .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
            .collect()
    }

    #[test]
    fn each_file_of_a_kind_is_in_the_list_under_its_name() {
        for file in files() {
            let name = file.replace('_', "-");
            let entries = kinds().filter(|kind| kind.name() == name).count();
            assert!(
                entries == 1,
                "functions/alert-forwarder/src/parse/{file}.rs is not in the list in parse.rs: add \
                 `mod {file};` and `({file}::KIND, {file}::parse),` there, and name its KIND {name:?} \
                 (entries of this name: {entries})"
            );
        }
    }

    #[test]
    fn each_kind_is_named_for_its_file() {
        let files = files();
        for kind in kinds() {
            assert!(
                files.contains(&kind.name().replace('-', "_")),
                "the kind {:?} is not the name of a file in functions/alert-forwarder/src/parse/",
                kind.name()
            );
        }
    }
}
