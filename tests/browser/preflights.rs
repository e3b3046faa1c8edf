//! The browser sends a preflight before each route's call, and its OPTIONS route answers it.

use gateway::route::choose;
use local::serve::Options;
use serde_json::json;
use template::Route;

use super::stage::{Stage, stage};
use crate::cors::template::without_preflight;

/// Calls every route from an allowed page, in a way that makes the browser send a preflight.
/// Returns what went wrong, one line for each fault.
async fn walk(stage: &Stage<'_>) -> Vec<String> {
    let routes = &stage.shop.running.template.routes;
    stage.page.open(&stage.allowed.origin).await;
    let mut faults = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        if route.method == "OPTIONS" {
            continue;
        }
        // Each call has its own URL, so the browser cannot reuse an earlier approval.
        let target = format!("{}?walk={index}", route.path.replace(['{', '}', '+'], "x"));
        let before = stage.api.seen().len();
        let options = json!({
            "method": route.method,
            "headers": {"authorization": "Bearer none", "idempotency-key": "walk", "if-match": "*"},
        });
        let answered = stage.page.fetch(&stage.url(&target), options).await;
        let mut seen = stage.api.seen();
        let asked = seen.remove(before);
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            ("OPTIONS", target.as_str())
        );
        let wanted = asked.header("access-control-request-method");
        assert_eq!(wanted, Some(route.method.as_str()));
        assert_eq!(asked.header("authorization"), None, "{target}");
        let called = seen.get(before).map(|seen| seen.method.as_str());
        if answered.is_blocked() || called != Some(&route.method) {
            faults.push(format!("{} is blocked", route.key()));
        }
        let answerer = choose(routes, "OPTIONS", asked.path()).map(|chosen| chosen.route);
        if answerer.map(|answerer| &answerer.path) != Some(&route.path) {
            let answerer = answerer.map_or("no route".to_owned(), Route::key);
            faults.push(format!(
                "the preflight of {} is answered by {answerer}",
                route.key()
            ));
        }
    }
    faults
}

#[tokio::test]
async fn slow_the_browser_sends_a_preflight_for_every_path_of_the_api() {
    stage(Options::in_memory(), async |stage| {
        assert_eq!(walk(stage).await, [""; 0]);
        let asked = stage.api.seen_with(&http::Method::OPTIONS).len();
        let routes = stage.shop.running.template.routes.iter();
        assert_eq!(
            asked,
            routes.filter(|route| route.method != "OPTIONS").count()
        );
    })
    .await;
}

#[tokio::test]
async fn slow_a_path_without_its_options_is_named() {
    // This is the only path that needs no token. Without any other path's OPTIONS, the API does not
    // start.
    let path = "/products";
    let mut options = Options::in_memory();
    options.template = without_preflight(&options.template, path);
    stage(options.clone(), async |stage| {
        // The route for all other paths answers it, but a later route could take its place.
        assert_eq!(
            walk(stage).await,
            ["the preflight of GET /products is answered by OPTIONS /{proxy+}"]
        );
    })
    .await;
    options.template = without_preflight(&options.template, "/{proxy+}");
    stage(options, async |stage| {
        let expected = [
            "GET /products is blocked",
            "the preflight of GET /products is answered by no route",
        ];
        assert_eq!(walk(stage).await, expected);
    })
    .await;
}
