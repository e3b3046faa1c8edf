//! Understands changes of CodePipeline's executions, stages and actions.

use crate::draft::{bridge, bridged, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::json::text;
use crate::link::{console, segment};

pub(super) const KIND: Kind = Kind("codepipeline");

/// A change of state as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.codepipeline", "CodePipeline")?;
    let detail = json.get("detail")?;
    let pipeline = text(detail, "/pipeline")?;
    let state = text(detail, "/state")?;

    let mut event = bridged(notification, KIND, json);
    event.severity = match state.as_str() {
        "FAILED" => Severity::Error,
        "STOPPED" | "STOPPING" | "CANCELED" | "ABANDONED" => Severity::Warning,
        _ => Severity::Info,
    };
    event.title = format!("Pipeline {pipeline}: {state}");
    event.reason = text(detail, "/execution-result/external-execution-summary")
        .or_else(|| text(detail, "/additional-attributes/additional-information"))
        .unwrap_or_default()
        .into();
    event
        .fields
        .push(Field::short("Pipeline", pipeline.as_str()));
    event.fields.push(Field::short("State", state));
    push(&mut event.fields, "Stage", text(detail, "/stage"));
    push(&mut event.fields, "Action", text(detail, "/action"));
    push(
        &mut event.fields,
        "Error",
        text(detail, "/execution-result/error-code"),
    );
    let execution = text(detail, "/execution-id");
    push(&mut event.fields, "Execution", execution.clone());
    if let Some(region) = event.region.as_deref() {
        let name = segment(&pipeline);
        let path = format!("codesuite/codepipeline/pipelines/{name}/view?region={region}");
        let label = "Pipeline".to_owned();
        event
            .links
            .extend(console(region, &path).map(|url| Link { label, url }));
    }
    event.fingerprint = format!("{pipeline}#{}", execution.unwrap_or_default());
    Some(event)
}
