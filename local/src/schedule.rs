//! Invokes functions by their schedules, as EventBridge does.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::world::World;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::functions::Functions;
use crate::watching::Watching;
use runtime::uuid;
use template::{Schedule, Template};

/// Runs every schedule of a template until the tasks are dropped. A watch makes them faster, and may
/// hold them back.
pub(crate) fn run(
    template: &Template,
    functions: &Arc<Functions>,
    world: &World,
    watching: Option<&Arc<Watching>>,
    tasks: &mut JoinSet<()>,
) {
    let meter = watching.map(|watching| watching.meter().clone());
    let speed = meter.as_ref().map_or(1, |meter| meter.pace.speed());
    for (logical, spec) in &template.functions {
        for schedule in &spec.schedules {
            let arn = template
                .place
                .arn("events", &format!("rule/{}", schedule.name));
            let (logical, schedule) = (logical.clone(), schedule.clone());
            let (functions, world) = (Arc::clone(functions), world.clone());
            let (account, region) = (
                template.place.account.clone(),
                template.place.region.clone(),
            );
            let meter = meter.clone();
            tasks.spawn(async move {
                let mut ticks = tokio::time::interval(schedule.every / speed);
                // After a sleep of the machine, one invocation is due, and not all that were
                // missed.
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                // The first tick is immediate, but EventBridge waits for the first interval.
                ticks.tick().await;
                loop {
                    ticks.tick().await;
                    if meter.as_ref().is_some_and(|it| it.fault("schedules").is_some()) {
                        continue;
                    }
                    let event = event(&schedule, &arn, &account, &region, &world);
                    if let Err(error) = functions.invoke(&logical, event, None).await {
                        tracing::error!(function = logical, schedule = schedule.name, %error, "a scheduled invocation failed");
                    }
                }
            });
        }
    }
}

/// The event: the schedule's own input, or EventBridge's.
fn event(schedule: &Schedule, arn: &str, account: &str, region: &str, world: &World) -> Value {
    let input = schedule.input.as_ref().map(|input| {
        // An input that is not JSON is a text.
        serde_json::from_str(input).unwrap_or_else(|_| Value::from(input.as_str()))
    });
    input.unwrap_or_else(|| {
        json!({
            "version": "0",
            "id": uuid(world),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": account,
            "time": format!("{:.0}", world.now()),
            "region": region,
            "resources": [arn],
            "detail": {},
        })
    })
}
