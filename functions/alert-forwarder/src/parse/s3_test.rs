//! Understands the message that S3 sends when notifications of a bucket are switched on.

use crate::draft::{blank, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind};
use crate::json::text;
use crate::link::{console, segment};
use crate::when::moment;

pub(super) const KIND: Kind = Kind("s3-test");

/// The test message as silent information.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    if text(json, "/Event")? != "s3:TestEvent" {
        return None;
    }
    let bucket = text(json, "/Bucket")?;
    let mut event = blank(notification, KIND, "aws.s3");
    event.silent = true;
    event.title = format!("Bucket {bucket}: notifications are switched on");
    let at = text(json, "/Time");
    if at.is_some() {
        event.occurred_at = moment(at.as_deref());
    }
    push(&mut event.fields, "Bucket", Some(bucket.clone()));
    if let Some(region) = event.region.as_deref() {
        let url = console(region, &format!("s3/buckets/{}", segment(&bucket)));
        push_link(&mut event, "Bucket", url);
    }
    event.fingerprint = format!("s3-test#{bucket}");
    Some(event)
}
