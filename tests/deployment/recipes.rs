//! The recipes of CONTRIBUTING.md: each test names the step that is missing.

use std::collections::BTreeSet;

use serde_json::Value;
use template::Kind;

use super::events::{self, demo_shop};
use crate::support::harness::{CUSTOMER, STAFF};

const README: &str = include_str!("../../README.md");

#[test]
fn every_scope_belongs_to_customers_or_to_staff() {
    let template = super::template(&super::text()).unwrap();
    let given: BTreeSet<&str> = CUSTOMER.split(' ').chain(STAFF.split(' ')).collect();
    for scope in template.scopes() {
        assert!(
            given.contains(scope.as_str()),
            "template.yaml requires the scope {scope}, but nobody has it in the tests: \
             give it to CUSTOMER or STAFF in tests/support/harness.rs"
        );
    }
}

#[test]
fn readme_has_a_row_for_every_route() {
    for route in routes() {
        assert!(
            README.contains(&format!("`{route}`")),
            "README.md has no row for {route}: add one to the table of routes"
        );
    }
}

#[tokio::test]
async fn every_route_has_a_handler_and_a_sample() {
    let samples: Vec<Value> = events::http_samples();
    let running = demo_shop().await;
    let (orders, _) = running.template.function(Kind::Orders).unwrap();
    for route in routes() {
        let Some(sample) = samples.iter().find(|sample| sample["routeKey"] == *route) else {
            panic!("events/orders/ has no sample of {route}: add one");
        };
        let invoked = running.functions.invoke(orders, sample.clone(), None).await;
        assert_ne!(
            invoked.unwrap()["statusCode"],
            501,
            "functions/orders/src/routes.rs does not serve {route}: add an arm and a handler"
        );
    }
    running.stop().await;
}

/// The routes of the orders function.
fn routes() -> Vec<String> {
    let template = super::template(&super::text()).unwrap();
    let (orders, _) = template.function(Kind::Orders).unwrap();
    let own = template.routes.iter();
    let own = own.filter(|route| route.function == orders);
    own.map(template::Route::key).collect()
}
