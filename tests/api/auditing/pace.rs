//! How much an audit reads, how fast, and for how long: to the unit and the millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::scan::ScanInput;
use jiff::Timestamp;
use shared::world::World;

use super::inconclusive::add_big_refusals;
use super::{add, audit_by, audit_with, busy_shop};
use crate::support::harness::Shop;

/// The most units that one page can consume, as DynamoDB documents it.
const PAGE_UNITS_MAX: f64 = 357.0;

/// The wait between two passes.
const WAIT: Duration = Duration::from_mins(1);

const SECOND: Duration = Duration::from_secs(1);

/// Pages of one item each. The pages of a small table would be one for each segment.
#[derive(Debug)]
struct OneItemAPage;

impl Intercept for OneItemAPage {
    fn name(&self) -> &'static str {
        "OneItemAPage"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(scan) = context.input_mut().downcast_mut::<ScanInput>() {
            scan.limit = Some(1);
        }
        Ok(())
    }
}

/// The waits of an audit, in microseconds: those between its pages, and those between its passes.
#[derive(Default)]
struct Waits {
    pages: AtomicI64,
    passes: AtomicI64,
}

/// A world whose clock moves only when somebody waits.
fn patient(waits: &Arc<Waits>) -> World {
    let began: Timestamp = "2026-07-19T10:00:00Z".parse().unwrap();
    let (seen, noted) = (Arc::clone(waits), Arc::clone(waits));
    let random = World::real();
    World::new(
        move || {
            let waited = seen.pages.load(Ordering::Relaxed) + seen.passes.load(Ordering::Relaxed);
            began + Duration::from_micros(waited.unsigned_abs())
        },
        move |bytes| random.fill(bytes),
        move |duration| {
            let kind = match duration {
                WAIT => &noted.passes,
                short if short < SECOND => &noted.pages,
                // The time-out of a request, which gets its answer.
                _ => return Box::pin(std::future::pending()),
            };
            let wait = i64::try_from(duration.as_micros()).unwrap();
            kind.fetch_add(wait, Ordering::Relaxed);
            Box::pin(std::future::ready(()))
        },
    )
}

/// A shop in which a product's stock differs from its orders. Only two reads at rest prove it.
async fn suspicious_shop() -> Shop {
    let shop = busy_shop().await;
    add(&shop, "available", -1).await;
    add(&shop, "taken", 1).await;
    shop
}

#[tokio::test]
async fn a_page_is_read_if_the_limit_allows_the_largest_one() {
    let shop = busy_shop().await;
    add_big_refusals(&shop).await;
    let audit = async |most: f64| {
        let report = audit_with(&shop, &most.to_string(), 900).await;
        let why = "the limit of read units was reached";
        assert_eq!(report["inconclusive"], why, "{report}");
        report["read_units"].as_f64().unwrap()
    };
    let used = audit(500.0).await;
    assert!(500.0 < used + PAGE_UNITS_MAX, "{used}");
    let still = audit(used + PAGE_UNITS_MAX - 1.0).await;
    assert!(still <= used, "{still} units");
    let more = audit(used + PAGE_UNITS_MAX).await;
    assert!(used < more, "{more} units after {used}");
    shop.running.stop().await;
}

#[tokio::test]
async fn every_pass_is_as_slow_as_it_may_be_by_its_own_units() {
    let shop = suspicious_shop().await;
    let config = shop.running.dynamodb().config().to_builder();
    let client = Client::from_conf(config.interceptor(OneItemAPage).build());
    let waits = Arc::new(Waits::default());
    let report = audit_by(client, patient(&waits), &shop, "", 900_000).await;
    assert_eq!(report["outcome"], "violated", "{report}");
    assert!(1 < report["passes"].as_u64().unwrap(), "{report}");
    // Half of what DynamoDB gives one partition in a second.
    let due = report["read_units"].as_f64().unwrap() / 1_500.0;
    let waited = f64::from(i32::try_from(waits.pages.load(Ordering::Relaxed)).unwrap()) / 1e6;
    assert!(due / 2.0 < waited && waited <= due, "{waited} of {due}");
    shop.running.stop().await;
}

#[tokio::test]
async fn an_audit_waits_for_another_pass_if_five_seconds_are_left_after_it() {
    let shop = suspicious_shop().await;
    let passes = async |milliseconds| {
        let (client, waits) = (shop.running.dynamodb(), Arc::new(Waits::default()));
        let report = audit_by(client, patient(&waits), &shop, "", milliseconds).await;
        assert_eq!(report["inconclusive"], "the time was over", "{report}");
        report["passes"].as_u64().unwrap()
    };
    // Half a second is kept for the answer.
    assert_eq!(passes(65_500).await, 2);
    assert_eq!(passes(65_499).await, 1);
    shop.running.stop().await;
}
