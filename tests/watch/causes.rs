//! Every cause, with the alarms that it fires and the messages that people get.

use super::scenario::Scenario;

mod alerts;
mod clients;
mod database;
mod functions;

/// Every cause.
pub(super) fn all() -> impl Iterator<Item = &'static Scenario> {
    let groups = [database::ALL, functions::ALL, clients::ALL, alerts::ALL];
    groups.into_iter().flatten()
}
