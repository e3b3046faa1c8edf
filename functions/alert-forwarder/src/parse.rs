//! Owns the order of the parsers: the first that understands a message decides.
//!
//! A parser is a pure function from a [`Notification`] to an event, or to
//! `None` if the message is not its own or lacks what it cannot do without.
//! The last one, [`generic`], takes everything.

mod auto_scaling;
mod backup;
mod budget;
mod cloudformation;
mod codedeploy;
mod codepipeline;
mod composite_alarm;
mod cost_anomaly;
mod dead_letter;
mod destination;
mod ecs_task;
mod eventbridge;
mod generic;
mod guardduty;
mod health;
mod metric_alarm;
mod rds;
mod security_hub;

use crate::envelope::Notification;
use crate::event::Event;

type Parser = fn(&Notification) -> Option<Event>;

/// Those with the most particular shape come first.
const PARSERS: &[Parser] = &[
    composite_alarm::parse,
    metric_alarm::parse,
    destination::parse,
    dead_letter::parse,
    health::parse,
    guardduty::parse,
    security_hub::parse,
    codedeploy::parse,
    codepipeline::parse,
    ecs_task::parse,
    rds::parse,
    auto_scaling::parse,
    cost_anomaly::parse,
    eventbridge::parse,
    cloudformation::parse,
    budget::parse,
    backup::parse,
];

/// Understands a message, or shows it as it is.
pub fn parse(notification: &Notification) -> Event {
    PARSERS
        .iter()
        .find_map(|parser| parser(notification))
        .unwrap_or_else(|| generic::parse(notification))
}
