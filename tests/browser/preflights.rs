//! Owns the walk: a browser asks before every call of every path, by itself, and is answered.

use gateway::route::choose;
use local::serve::Options;
use serde_json::json;
use template::Route;

use super::stage::{Stage, stage};
use crate::cors::template::without_preflight;

/// Calls every route from an allowed page in a way that makes the browser ask first, and says
/// what went wrong, a line each.
async fn walk(stage: &Stage<'_>) -> Vec<String> {
    let routes = &stage.shop.running.template.routes;
    stage.page.open(&stage.allowed.origin).await;
    let mut faults = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        if route.method == "OPTIONS" {
            continue;
        }
        // A URL of its own, so that no remembered approval of another method serves.
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
            let answerer = answerer.map_or("nobody".to_owned(), Route::key);
            faults.push(format!("{} is asked of {answerer}", route.key()));
        }
    }
    faults
}

#[tokio::test]
async fn slow_every_path_of_the_api_is_preflighted_by_the_browser_itself() {
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
async fn slow_a_path_that_lost_its_options_is_named_by_the_walk() {
    // The template's only path that needs no token: with any other one the start already fails.
    let path = "/products";
    let mut options = Options::in_memory();
    options.template = without_preflight(&options.template, path);
    stage(options.clone(), async |stage| {
        // The net below catches it, but nothing says that it will for ever.
        assert_eq!(
            walk(stage).await,
            ["GET /products is asked of OPTIONS /{proxy+}"]
        );
    })
    .await;
    options.template = without_preflight(&options.template, "/{proxy+}");
    stage(options, async |stage| {
        let expected = [
            "GET /products is blocked",
            "GET /products is asked of nobody",
        ];
        assert_eq!(walk(stage).await, expected);
    })
    .await;
}
