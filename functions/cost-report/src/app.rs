//! Runs an invocation: asks once a day, writes the report, and sends it once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::picture::png;
use shared::world::World;
use tracing::Instrument as _;

use crate::ask::Asking;
use crate::clients::Clients;
use crate::config::Config;
use crate::days::Days;
use crate::error::Error;
use crate::facts::Facts;
use crate::kept::{Kept, Opened};
use crate::message::message;
use crate::publish::publish;
use crate::report::{Report, report};
use crate::trigger::Trigger;
use crate::words::words;
use crate::{chart, terminal};

/// The name of this function in logs.
pub const SERVICE: &str = "cost-report";

/// The function: its clients.
#[derive(Debug)]
pub struct App {
    config: Config,
    clients: Clients,
    kept: Kept,
    world: World,
    warm: AtomicBool,
}

/// What a report is made with.
struct Invocation<'a> {
    account: Option<&'a str>,
    now: Timestamp,
    days: Days,
    /// The time for asking.
    patience: Duration,
}

impl App {
    /// Builds the clients. Calls nothing yet.
    pub fn new(config: &Config, world: World) -> Self {
        let clients = Clients::new(config);
        let kept = Kept::new(
            clients.table.clone(),
            config.table_name.clone(),
            config.stack.clone(),
            world.clone(),
        );
        Self {
            config: config.clone(),
            clients,
            kept,
            world,
            warm: AtomicBool::new(false),
        }
    }

    fn invocation<'a>(&self, context: &'a Context) -> Invocation<'a> {
        let now = self.world.now();
        let deadline = i64::try_from(context.deadline).unwrap_or(i64::MAX);
        let left = u64::try_from(deadline.saturating_sub(now.as_millisecond())).unwrap_or(0);
        let patience = Duration::from_millis(left).saturating_sub(self.config.timeouts.reserve);
        Invocation {
            account: account(&context.invoked_function_arn),
            now,
            days: Days::of(now.to_zoned(TimeZone::UTC).date()),
            patience,
        }
    }

    async fn ask(&self, invocation: &Invocation<'_>) -> Facts {
        let asking = Asking::new(
            &self.clients,
            &self.config,
            &self.world,
            invocation.account,
            invocation.days,
        );
        // The future of nine clients is too large for a stack.
        asking.ask(invocation.patience).boxed().await
    }

    async fn run(&self, event: &Value, context: &Context) -> Result<Value, Error> {
        let invocation = self.invocation(context);
        let days = invocation.days;
        let trigger = Trigger::read(event, days.today);
        if !trigger.again && self.kept.was_sent(&trigger.report).await? {
            return Ok(not_sent(&trigger));
        }
        let (facts, paid) = match self.kept.open(days.today).await? {
            Opened::Kept(facts) => (*facts, 0),
            Opened::Nothing => {
                let facts = self.ask(&invocation).await;
                self.kept.keep(days.today, &facts).await;
                let paid = facts.paid_calls;
                (facts, paid)
            }
        };
        tracing::info!(paid, "the costs are known");
        let report = report(&facts, days, &self.config.tag);
        let text = message(
            &words(&report),
            report.severity,
            invocation.account,
            invocation.now,
            picture(&report).as_deref(),
        );
        // A person who asks for the report again gets it, whatever was sent before.
        if !self.kept.claim(&trigger.report).await? && !trigger.again {
            return Ok(not_sent(&trigger));
        }
        let sent = publish(&self.clients.topic, &self.config.topic_arn, text).await;
        if let Err(Error::Refused(_)) = sent {
            self.kept.release(&trigger.report).await;
        }
        let id = sent?;
        tracing::info!(id, report = trigger.report, "the report was sent");
        Ok(json!({"report": trigger.report, "sent": true, "paid_calls": paid, "message": id}))
    }
}

/// Handles an invocation.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (payload, context) = event.into_parts();
    let span = shared::telemetry::invocation_span(
        SERVICE,
        &context.request_id,
        context.xray_trace_id.as_deref(),
        !app.warm.swap(true, Ordering::Relaxed),
    );
    app.run(&payload, &context).instrument(span).await
}

/// The report as text for a terminal. Asks, but keeps nothing and sends nothing.
pub async fn preview(app: &App, context: &Context) -> String {
    let invocation = app.invocation(context);
    let facts = app.ask(&invocation).await;
    let report = report(&facts, invocation.days, &app.config.tag);
    terminal::text(&report, &words(&report))
}

fn not_sent(trigger: &Trigger) -> Value {
    let why = "it was sent before; with {\"again\": true} it is sent again";
    json!({"report": trigger.report, "sent": false, "paid_calls": 0, "why": why})
}

/// The picture as PNG. A report without it is better than none.
fn picture(report: &Report<'_>) -> Option<Vec<u8>> {
    let drawn = png(&chart::svg(report)?);
    drawn
        .inspect_err(|error| tracing::warn!(%error, "the picture could not be drawn"))
        .ok()
}

/// The account in the ARN of the invoked function.
fn account(arn: &str) -> Option<&str> {
    let account = arn.split(':').nth(4)?;
    let is_number = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_that_of_the_invoked_function() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:cost-report:live";
        assert_eq!(account(arn), Some("123456789012"));
        for arn in [
            "",
            "arn:aws:lambda:us-east-1::function:x",
            "a:b:c:d:12345678901x:f",
        ] {
            assert_eq!(account(arn), None, "{arn}");
        }
    }
}
