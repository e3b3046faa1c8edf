//! Ends each minute by the clock, and delivers what is in the queues.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::Watching;

/// How often queues are read.
const DELIVER_EVERY: Duration = Duration::from_millis(500);

/// Watches until the tasks are dropped.
pub(crate) fn run(watching: &Arc<Watching>, tasks: &mut JoinSet<()>) {
    let ending = Arc::clone(watching);
    tasks.spawn(async move {
        loop {
            let world = &ending.meter.world;
            let (pace, now) = (ending.meter.pace, world.now());
            let next = pace.begin(pace.minute(now) + 1);
            world.sleep(until(now, next)).await;
            ending.minute();
        }
    });
    let delivering = Arc::clone(watching);
    tasks.spawn(async move {
        loop {
            delivering.deliver().await;
            delivering.meter.world.sleep(DELIVER_EVERY).await;
        }
    });
}

/// The time until a moment, and a millisecond, so that its minute has begun.
fn until(now: Timestamp, moment: Timestamp) -> Duration {
    let wait = Duration::try_from(moment.duration_since(now)).unwrap_or_default();
    wait + Duration::from_millis(1)
}
