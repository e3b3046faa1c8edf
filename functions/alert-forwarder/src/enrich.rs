//! Adds to an alarm what helps whoever it wakes: the graph, the newest errors, the newest deployment.
//!
//! All three are asked for at once, for at most two seconds. What does not come in that time is left out.

use std::time::Duration;

use jiff::Timestamp;

use crate::alarms::Alarms;
use crate::deployed::Deployed;
use crate::event::{Event, Watched};
use crate::log_reader::LogReader;
use crate::trouble;

/// The longest wait. An alert without a graph is better than a late one.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// The services that know more about an alarm.
#[derive(Clone, Debug)]
pub(crate) struct Enricher {
    pub(crate) alarms: Alarms,
    pub(crate) logs: LogReader,
    /// `None` if the function does not know its stack.
    pub(crate) deployed: Option<Deployed>,
}

impl Enricher {
    /// Adds to an event what is known about it. `fired_at` is when its alarm fired.
    pub(crate) async fn enrich(
        &self,
        event: &mut Event,
        fired_at: Option<Timestamp>,
        left: Duration,
    ) {
        let most = left.min(WAIT_MAX);
        let fired_at = fired_at.or_else(|| event.occurred_at.timestamp());
        let is_about_trouble = |state: Watched| match state {
            Watched::Alarm | Watched::Ok | Watched::Calm => true,
            Watched::NoData | Watched::Gone => false,
        };
        let alarm = event
            .transition
            .as_ref()
            .filter(|transition| is_about_trouble(transition.state))
            .map(|transition| transition.alarm.clone());
        // Boxed, because the SDK's futures are large.
        let errors = Box::pin(async {
            match (fired_at, &alarm) {
                (Some(at), Some(_)) => self.logs.errors(&event.log_groups, at, most).await,
                _ => Vec::new(),
            }
        });
        let deployment = Box::pin(async {
            let (at, alarm) = (fired_at?, alarm.as_deref()?);
            self.deployed.as_ref()?.before(alarm, at, most).await
        });
        let picture = Box::pin(self.alarms.picture(event, most));
        let (picture, errors, deployment) = tokio::join!(picture, errors, deployment);
        event.picture = picture;
        trouble::show(event, errors);
        if let Some(deployment) = deployment {
            deployment.show(event);
        }
    }
}
