//! Understands jobs of AWS Batch: the state, and how the last attempt ended.

use crate::draft::{bridge, bridged, judge, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind};
use crate::json::{array, text};
use crate::link::{console, log_stream, segment};
use crate::region::Arn;

pub(super) const KIND: Kind = Kind("batch-job");

/// The log group of jobs that name none.
const LOG_GROUP: &str = "/aws/batch/job";

/// A job's change of state as an event. Source: "Job state change events", AWS Batch. `detail` is like `JobDetail` of
/// `DescribeJobs`.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.batch", "Batch Job State Change")?;
    let detail = json.get("detail")?;
    let name = text(detail, "/jobName")?;
    let status = text(detail, "/status")?;
    let last = array(detail, "/attempts").last();
    let of_attempt = |pointer: &str| {
        let of_last = last.and_then(|attempt| text(attempt, pointer));
        of_last.or_else(|| text(detail, pointer))
    };

    let mut event = bridged(notification, KIND, json);
    judge(&mut event, &status);
    event.title = format!("Job {name}: {status}");
    event.reason = text(detail, "/statusReason").unwrap_or_default().into();
    push(
        &mut event.fields,
        "Exit code",
        of_attempt("/container/exitCode"),
    );
    push(
        &mut event.fields,
        "Container",
        of_attempt("/container/reason"),
    );
    let attempts = array(detail, "/attempts").len();
    push(
        &mut event.fields,
        "Attempts",
        (0 < attempts).then(|| attempts.to_string()),
    );
    let queue = text(detail, "/jobQueue");
    let queue_name = queue.as_deref().and_then(Arn::parse).map(|arn| arn.name());
    push(&mut event.fields, "Queue", queue_name.map(str::to_owned));
    let id = text(detail, "/jobId");
    if let (Some(region), Some(id)) = (event.region.clone(), &id) {
        let id = segment(id);
        let url = console(
            &region,
            &format!("batch/home?region={region}#jobs/detail/{id}"),
        );
        push_link(&mut event, "Job", url);
        let group = text(detail, "/container/logConfiguration/options/awslogs-group");
        let group = group.unwrap_or_else(|| LOG_GROUP.to_owned());
        let stream = of_attempt("/container/logStreamName");
        let log = stream.and_then(|stream| log_stream(&region, &group, &stream));
        push_link(&mut event, "Log", log);
    }
    push(&mut event.fields, "Job", id);
    event.fingerprint = format!("batch#{name}");
    Some(event)
}
