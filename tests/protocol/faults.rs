//! Runs the shipped handlers in simulated time with faults: first each fault where a test puts it,
//! then random faults by seed.
//!
//! Read [`stage`] first: it runs one test, then checks every answer and every write.

mod describing;
mod dying;
mod incomplete;
mod meeting;
mod mutants;
mod pieces;
mod retrying;
mod returning;
mod sabotage;
mod seeds;
mod shards;
mod shipping;
mod stage;
mod sweeping;

use http::{HeaderName, HeaderValue};
use simulator::history::Call;

use crate::support::description::{Described, assert_described};

/// Fails unless the description has every answer of simulated calls.
#[track_caller]
fn assert_calls_described(calls: &[Call]) {
    let header = |(name, value): (&String, &String)| {
        let name: HeaderName = name.parse().unwrap();
        (name, value.parse::<HeaderValue>().unwrap())
    };
    for call in calls {
        let Some(answer) = &call.answer else { continue };
        let (method, path) = call.target();
        assert_described(&Described {
            method: &method.parse().unwrap(),
            path: &path,
            status: answer.status,
            headers: &answer.headers.iter().map(header).collect(),
            body: &answer.body,
        });
    }
}
