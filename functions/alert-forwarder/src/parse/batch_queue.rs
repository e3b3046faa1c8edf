//! Understands blocked queues of AWS Batch: the job at the head of the queue cannot start, and so none behind it.

use crate::draft::{bridge, bridged, push, push_link, push_time};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity};
use crate::json::text;
use crate::link::{console, segment};
use crate::region::Arn;

pub(super) const KIND: Kind = Kind("batch-queue");

/// The job that blocks a queue as an event. Source: "Job queue blocked events" and "Service job queue blocked
/// events", AWS Batch. `detail` is like `JobDetail` of `DescribeJobs`.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let of_type = |detail_type| bridge(notification, "aws.batch", detail_type);
    let json = of_type("Batch Job Queue Blocked")
        .or_else(|| of_type("Batch Service Job Queue Blocked"))?;
    let detail = json.get("detail")?;
    let queue = text(detail, "/jobQueue")?;
    let name = Arn::parse(&queue).map_or(queue.as_str(), |arn| arn.name());

    let mut event = bridged(notification, KIND, json);
    // Nothing in the queue runs until somebody acts, and Batch sends no second event when it runs again.
    event.severity = Severity::Error;
    event.title = format!("Queue {name} is blocked");
    event.reason = text(detail, "/statusReason").unwrap_or_default().into();
    push(&mut event.fields, "Job", text(detail, "/jobName"));
    push(&mut event.fields, "Job id", text(detail, "/jobId"));
    let waiting = text(detail, "/createdAt");
    push_time(&mut event.fields, "Waits since", waiting.as_deref());
    if let Some(region) = event.region.clone() {
        let of_queue = format!(
            "batch/home?region={region}#queues/detail/{}",
            segment(&queue)
        );
        push_link(&mut event, "Queue", console(&region, &of_queue));
    }
    event.fingerprint = format!("batch-queue#{queue}");
    Some(event)
}
