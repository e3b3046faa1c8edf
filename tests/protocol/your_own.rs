//! A part alone: the box office of docs/your-own.md, compiled and run, and the parameters that its
//! pages show, read by the functions that they are for.

mod box_office;

use database::{Engine, connector};
use futures::future::join_all;
use jiff::SignedDuration;
use once::{Store, Unsettled, World};
use serde_json::json;

use box_office::{Answer, Request, book};

const TABLE: &str = "box-office";

/// A box office with a table of its own.
struct BoxOffice {
    engine: Engine,
    store: Store,
}

/// Runs a test on a box office.
async fn box_office(test: impl AsyncFnOnce(&BoxOffice)) {
    let engine = Engine::in_memory().unwrap();
    engine.create_keyed(TABLE).unwrap();
    let client = connector::client(&engine);
    let store = Store::new(client, TABLE.to_owned(), World::real()).unwrap();
    test(&BoxOffice { engine, store }).await;
}

impl BoxOffice {
    /// Puts up a free seat, or frees one.
    fn put_up(&self, seat: &str) {
        let item = json!({"pk": {"S": format!("SEAT#{seat}")}, "sk": {"S": "SEAT"}});
        let put = self
            .engine
            .call("PutItem", json!({"TableName": TABLE, "Item": item}));
        assert_eq!(put.unwrap().status, 200);
    }

    async fn book(&self, customer: &str, key: &str, seat: &str) -> Result<Answer, Unsettled> {
        let in_ten_seconds = self.store.now() + SignedDuration::from_secs(10);
        let session = self.store.session(in_ten_seconds);
        let request = Request {
            customer,
            key: &key.parse().unwrap(),
            seat,
        };
        book(&session, &request).await
    }
}

fn answer(status: &str, replayed: bool) -> Answer {
    let status = status.to_owned();
    Answer { status, replayed }
}

#[tokio::test]
async fn a_seat_is_booked_once_and_a_repeat_gets_the_same_answer() {
    box_office(async |office| {
        office.put_up("A1");
        assert_eq!(
            office.book("ann", "key", "A1").await,
            Ok(answer("booked", false))
        );
        assert_eq!(
            office.book("ann", "key", "A1").await,
            Ok(answer("booked", true))
        );
        assert_eq!(
            office.book("ann", "key", "A2").await,
            Err(Unsettled::KeyReused)
        );
        assert_eq!(
            office.book("ann", "other", "Z9").await,
            Ok(answer("unknown", false))
        );
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_final_for_its_key_though_the_seat_comes_free() {
    box_office(async |office| {
        office.put_up("A1");
        assert_eq!(
            office.book("ann", "key", "A1").await,
            Ok(answer("booked", false))
        );
        assert_eq!(
            office.book("bob", "key", "A1").await,
            Ok(answer("taken", false))
        );
        office.put_up("A1");
        assert_eq!(
            office.book("bob", "key", "A1").await,
            Ok(answer("taken", true))
        );
        assert_eq!(
            office.book("bob", "new", "A1").await,
            Ok(answer("booked", false))
        );
    })
    .await;
}

#[tokio::test]
async fn of_many_copies_one_books_and_of_many_customers_one_has_the_seat() {
    box_office(async |office| {
        office.put_up("A1");
        let copies = join_all((0..20).map(|_| office.book("ann", "key", "A1"))).await;
        let first = copies
            .iter()
            .filter(|copy| **copy == Ok(answer("booked", false)));
        assert_eq!(first.count(), 1);
        let repeats = copies
            .iter()
            .filter(|copy| **copy == Ok(answer("booked", true)));
        assert_eq!(repeats.count(), 19);
        office.put_up("B1");
        let customers: Vec<_> = (0..20).map(|n| format!("customer-{n}")).collect();
        let all = customers.iter().map(|name| office.book(name, "key", "B1"));
        let all = join_all(all).await;
        let booked = all
            .iter()
            .filter(|one| **one == Ok(answer("booked", false)));
        assert_eq!(booked.count(), 1);
        let refused = all.iter().filter(|one| **one == Ok(answer("taken", false)));
        assert_eq!(refused.count(), 19);
    })
    .await;
}

const YOUR_OWN: &str = include_str!("../../docs/your-own.md");
const DEPLOY: &str = include_str!("../../docs/deploy.md");

#[test]
fn the_page_shows_the_code_that_is_tested_here() {
    let page = YOUR_OWN;
    let code = include_str!("your_own/box_office.rs");
    assert!(
        page.contains(&format!("```rust\n{code}```\n")),
        "docs/your-own.md has another box office than tests/protocol/your_own/box_office.rs"
    );
}

/// The value of a parameter that a page shows in YAML. Its folded lines become one.
#[track_caller]
fn parameter(page: &str, name: &str) -> String {
    let (_, value) = page.split_once(&format!("\n{name}: >-\n")).unwrap();
    let lines = value.lines().map_while(|line| line.strip_prefix("  "));
    lines.collect::<Vec<_>>().join(" ")
}

/// An environment with the variables that AWS sets.
fn environment<'text>(own: &'text [(&str, String)]) -> impl Fn(&str) -> Option<String> + 'text {
    move |name| {
        let own = own.iter().find(|(own, _)| *own == name);
        let own = own.map(|(_, value)| value.clone());
        own.or_else(|| {
            name.starts_with("AWS_")
                .then(|| "http://127.0.0.1:1".to_owned())
        })
    }
}

#[test]
fn the_authorizer_understands_the_parameters_that_the_pages_show() {
    for page in [YOUR_OWN, DEPLOY] {
        let issuers = format!("[{}]", parameter(page, "AdditionalIssuers"));
        let routes = parameter(YOUR_OWN, "RouteScopes");
        let own = [("ISSUERS", issuers), ("ROUTE_SCOPES", routes)];
        let config = authorizer::Config::from_env(environment(&own)).unwrap();
        assert_eq!(config.issuers()[0].name(), "login");
    }
}

#[test]
fn the_forwarder_understands_the_routes_that_the_page_shows() {
    let own = [
        ("TABLE_NAME", "table".to_owned()),
        ("WEBHOOK_SECRET_ID", "secret".to_owned()),
        ("ROUTES", parameter(DEPLOY, "AlertRoutes")),
    ];
    let config = alert_forwarder::Config::from_env(environment(&own)).unwrap();
    let routes = format!("{:?}", config.routes);
    assert!(
        routes.contains("oncall") && routes.contains("rest"),
        "{routes}"
    );
}
