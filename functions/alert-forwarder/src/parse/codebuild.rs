//! Understands CodeBuild: the states of builds, and their phases.

use serde_json::Value;

use crate::draft::{bridge, bridged, judge, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind};
use crate::json::{array, text};
use crate::link::{SafeUrl, console, segment};

pub(super) const KIND: Kind = Kind("codebuild");

/// A change of a build as an event. Source: "Build notifications input format reference", AWS CodeBuild.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.codebuild", "CodeBuild Build")?;
    let detail = json.get("detail")?;
    let project = text(detail, "/project-name")?;
    let phase = text(detail, "/completed-phase");
    let status =
        text(detail, "/build-status").or_else(|| text(detail, "/completed-phase-status"))?;

    let mut event = bridged(notification, KIND, json);
    judge(&mut event, &status);
    event.title = match &phase {
        Some(phase) => format!("Build {project}: {phase} {status}"),
        None => format!("Build {project}: {status}"),
    };
    event.reason = failure(detail).unwrap_or_default().into();
    push(&mut event.fields, "Phase", phase);
    let initiator = text(detail, "/additional-information/initiator");
    push(&mut event.fields, "Started by", initiator);
    let version = text(detail, "/additional-information/source-version");
    push(&mut event.fields, "Source version", version);
    let log = text(detail, "/additional-information/logs/deep-link");
    push_link(&mut event, "Log", log.and_then(|log| SafeUrl::parse(&log)));
    let id = text(detail, "/build-id").unwrap_or_default();
    let name = id.split_once(":build/").map(|(_, name)| name);
    if let (Some(region), Some(name)) = (event.region.as_deref(), name) {
        let (project, build) = (segment(&project), segment(name));
        let path = format!("codesuite/codebuild/projects/{project}/build/{build}?region={region}");
        let url = console(region, &path);
        push_link(&mut event, "Build", url);
    }
    push(&mut event.fields, "Build", name.map(str::to_owned));
    event.fingerprint = format!("codebuild#{project}");
    Some(event)
}

/// The phase that failed, and why: `BUILD: COMMAND_EXECUTION_ERROR: exit status 1`. The context of a phase
/// is a list where phases are listed, and a text in an event of one phase: `[]`, or the list without quotes.
fn failure(detail: &Value) -> Option<String> {
    let context = |phase: &Value, pointer: &str| {
        let lines: Vec<&str> = array(phase, pointer)
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let words = lines.join("\n").trim_matches([' ', ':']).to_owned();
        (!words.is_empty()).then_some(words)
    };
    let of_phase = text(detail, "/completed-phase-context").unwrap_or_default();
    let of_phase = of_phase.trim_matches(['[', ']', ' ', ':']);
    if !of_phase.is_empty() {
        return Some(of_phase.to_owned());
    }
    let phases = array(detail, "/additional-information/phases");
    let failed = phases
        .iter()
        .find(|phase| text(phase, "/phase-status").is_some_and(|status| status != "SUCCEEDED"))?;
    let name = text(failed, "/phase-type").unwrap_or_default();
    let why = context(failed, "/phase-context").unwrap_or_else(|| "failed".to_owned());
    Some(format!("{name}: {why}"))
}
