//! Measures the container's program beside the functions, with one customer and with several at once.
//!
//! What the functions do for a request is what a gateway makes them do: the authorizer is invoked,
//! then the orders function. Each answers one request at a time, so several customers at once need as
//! many of both. A gateway's own time is in neither way.

use std::path::Path;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use lambda::{Function, Usage};
use serde_json::Value;

use crate::candidates::Candidate;
use crate::host::Host;
use crate::measure::{Rounds, float, invoke, median, milliseconds, start};
use crate::place::Place;
use crate::token::Issuer;
use crate::{Fallible, say};

/// How many customers order at the same time. Each sends its next order after the answer.
pub(crate) const CUSTOMERS: [usize; 2] = [1, 8];

/// The two ways.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Container,
    Functions,
}

pub(crate) const WAYS: [Way; 2] = [Way::Container, Way::Functions];

/// The figures of one way with one number of customers. Times are in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) way: Way,
    pub(crate) customers: usize,
    pub(crate) ready: f64,
    pub(crate) orders_per_second: f64,
    /// The processor's time for each order.
    pub(crate) cpu: f64,
    pub(crate) peak_mebibytes: f64,
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside<'run> {
    pub(crate) place: &'run Place,
    pub(crate) program: &'run Path,
    pub(crate) authorizer: &'run Candidate,
    pub(crate) orders: &'run Candidate,
    pub(crate) issuer: &'run Issuer,
}

/// A customer of the functions: an environment of each.
struct Pair {
    authorizer: Function,
    orders: Function,
}

impl Beside<'_> {
    /// The medians over the rounds. In each round every way and number of customers is measured, and
    /// the two ways take turns to be the first.
    pub(crate) async fn measure(&self, rounds: Rounds) -> Fallible<Vec<Load>> {
        let mut all = Vec::new();
        for round in 0..rounds.rounds {
            say(&format!(
                "the container beside the functions: round {} of {}",
                round + 1,
                rounds.rounds
            ));
            let mut ways = WAYS;
            ways.rotate_left(round % WAYS.len());
            for way in ways {
                for customers in CUSTOMERS {
                    all.push(self.load(way, customers, round, rounds.invocations).await?);
                }
            }
        }
        Ok(medians(&all))
    }

    async fn load(
        &self,
        way: Way,
        customers: usize,
        round: usize,
        orders: usize,
    ) -> Fallible<Load> {
        let key = format!("{way:?}-{customers}-{round}");
        let (ready, took, before, after) = match way {
            Way::Container => self.container(customers, &key, orders).await?,
            Way::Functions => self.functions(customers, &key, orders).await?,
        };
        let placed = float(customers * orders);
        Ok(Load {
            way,
            customers,
            ready: milliseconds(ready),
            orders_per_second: placed / took.as_secs_f64(),
            cpu: milliseconds(after.cpu.saturating_sub(before.cpu)) / placed,
            peak_mebibytes: float(usize::try_from(after.peak_bytes / 1024)?) / 1024.0,
        })
    }

    async fn container(
        &self,
        customers: usize,
        key: &str,
        orders: usize,
    ) -> Fallible<(Duration, Duration, Usage, Usage)> {
        let of = [self.orders, self.authorizer].map(|candidate| candidate.program(self.place));
        let host = &Host::start(self.program, &of).await?;
        let token = &self.issuer.token;
        let event: Value = serde_json::from_slice(&self.orders.event(key))?;
        let body = event.get("body").and_then(Value::as_str);
        let body = body.ok_or("the sample has no body")?;
        let body = &Bytes::from(body.to_owned());
        let lanes = async |count: usize, what: &str| -> Fallible<()> {
            let lane = async |lane: usize| -> Fallible<()> {
                for number in 0..count {
                    let key = format!("{key}-{what}-{lane}-{number}");
                    host.place(token, &key, body).await?;
                }
                Ok(())
            };
            futures::future::try_join_all((0..customers).map(lane)).await?;
            Ok(())
        };
        lanes(1, "first").await?;
        let (before, began) = (host.usage(), now());
        lanes(orders, "warm").await?;
        Ok((host.ready, began.elapsed(), before, host.usage()))
    }

    async fn functions(
        &self,
        customers: usize,
        key: &str,
        orders: usize,
    ) -> Fallible<(Duration, Duration, Usage, Usage)> {
        let mut pairs = Vec::new();
        for lane in 0..customers {
            let mut pair = Pair {
                authorizer: start(self.place, self.authorizer).await?,
                orders: start(self.place, self.orders).await?,
            };
            self.pass(&mut pair, &format!("{key}-first-{lane}")).await?;
            pairs.push(pair);
        }
        // A first customer waits for the one and then for the other.
        let ready = pairs.first().map(Pair::ready).unwrap_or_default();
        let (before, began) = (usage(&pairs), now());
        let lanes = pairs.iter_mut().enumerate().map(async |(lane, pair)| {
            for number in 0..orders {
                let key = format!("{key}-warm-{lane}-{number}");
                self.pass(pair, &key).await?;
            }
            Fallible::Ok(())
        });
        futures::future::try_join_all(lanes).await?;
        Ok((ready, began.elapsed(), before, usage(&pairs)))
    }

    async fn pass(&self, pair: &mut Pair, key: &str) -> Fallible<()> {
        invoke(&mut pair.authorizer, self.authorizer, key).await?;
        invoke(&mut pair.orders, self.orders, key).await?;
        Ok(())
    }
}

impl Pair {
    fn ready(&self) -> Duration {
        self.authorizer.first_next + self.orders.first_next
    }
}

/// What all environments used together.
fn usage(pairs: &[Pair]) -> Usage {
    let all = pairs
        .iter()
        .flat_map(|pair| [pair.authorizer.usage(), pair.orders.usage()]);
    all.fold(Usage::default(), |sum, of| Usage {
        cpu: sum.cpu + of.cpu,
        peak_bytes: sum.peak_bytes + of.peak_bytes,
    })
}

fn medians(all: &[Load]) -> Vec<Load> {
    let mut medians = Vec::new();
    for customers in CUSTOMERS {
        for way in WAYS {
            let of = |load: &&Load| load.way == way && load.customers == customers;
            let figure =
                |figure: fn(&Load) -> f64| median(all.iter().filter(of).map(figure).collect());
            medians.push(Load {
                way,
                customers,
                ready: figure(|load| load.ready),
                orders_per_second: figure(|load| load.orders_per_second),
                cpu: figure(|load| load.cpu),
                peak_mebibytes: figure(|load| load.peak_mebibytes),
            });
        }
    }
    medians
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time is only measured and decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_of_one_way_and_one_number_of_customers() {
        let load = |way, customers, ready| Load {
            way,
            customers,
            ready,
            orders_per_second: 0.0,
            cpu: 0.0,
            peak_mebibytes: 0.0,
        };
        let mut all = Vec::new();
        for (index, ready) in [30.0, 10.0, 20.0].into_iter().enumerate() {
            all.push(load(Way::Container, 1, ready));
            all.push(load(Way::Functions, 1, ready + 100.0));
            all.push(load(WAYS[index % 2], 8, 1_000.0));
        }
        let found: Vec<_> = medians(&all)
            .iter()
            .map(|load| (load.way, load.customers, load.ready))
            .collect();
        let expected = [
            (Way::Container, 1, 20.0),
            (Way::Functions, 1, 120.0),
            (Way::Container, 8, 1_000.0),
            (Way::Functions, 8, 1_000.0),
        ];
        assert_eq!(found, expected);
    }
}
