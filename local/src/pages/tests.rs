//! The pages over HTTP: who may ask for a token, what may run, and who is led here.

use reqwest::Client;
use serde_json::{Value, json};

use crate::serve::{Options, Running, start};

async fn running() -> Running {
    start(Options {
        schedules: false,
        ..Options::in_memory()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_token_is_given_to_this_servers_own_pages_only() {
    let running = running().await;
    for (name, value, status) in [
        ("host", "evil.example", 403),
        ("origin", "https://evil.example", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-origin", 200),
    ] {
        let request = Client::new()
            .post(format!("{}/_local/token", running.url()))
            .header(name, value)
            .json(&json!({"sub": "guest"}));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{name}: {value}");
        if status == 200 {
            let given: Value = answer.json().await.unwrap();
            let request = Client::new()
                .get(format!("{}/orders", running.url()))
                .bearer_auth(given["token"].as_str().unwrap());
            assert_eq!(request.send().await.unwrap().status(), 200);
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn every_page_runs_only_scripts_of_this_server() {
    let running = running().await;
    for path in [
        "/_local",
        "/_local/shop",
        "/_local/shop.js",
        "/_local/docs/",
        "/_local/docs/swagger-ui-bundle.js",
        "/_local/openapi.yaml",
    ] {
        let answer = reqwest::get(format!("{}{path}", running.url()))
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.contains("default-src 'none'; script-src 'self'; connect-src 'self';"));
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn only_a_person_is_led_from_the_root_to_the_pages() {
    let running = running().await;
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for (accept, status) in [("text/html,*/*;q=0.8", 307), ("*/*", 404)] {
        let request = client.get(running.url()).header("accept", accept);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{accept}");
        let to = answer.headers().get("location");
        assert_eq!(to.is_some_and(|to| to == "/_local"), status == 307);
    }
    running.stop().await;
}
