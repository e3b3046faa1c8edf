//! A page can read that the API has too many requests.

use futures::StreamExt as _;
use local::serve::{Options, start};
use shared::world::World;

use super::api::{ALLOWED, ALLOWED_LIST};

/// Sends 800 requests to a path that has no route. Returns the answers' statuses, and how many seconds they took.
async fn flood(throttle: bool) -> (Vec<u16>, f64) {
    let mut options = Options {
        throttle,
        ..Options::in_memory()
    };
    let list = ("AllowedOrigins".to_owned(), ALLOWED_LIST.to_owned());
    options.parameters.push(list);
    let running = start(options).await.unwrap();
    let http = reqwest::Client::new();
    let clock = World::real();
    let begun = clock.now();
    let send = |_| {
        let request = http
            .get(format!("{}/nowhere", running.url()))
            .header("origin", ALLOWED);
        async {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            assert_eq!(answer.headers()["access-control-allow-origin"], ALLOWED);
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
            if status == 429 {
                let body = answer.text().await.unwrap();
                assert_eq!(body, r#"{"message":"Too Many Requests"}"#);
            }
            status
        }
    };
    let answers = futures::stream::iter(0..800).map(send).buffer_unordered(20);
    let statuses = answers.collect().await;
    let seconds = begun.duration_until(clock.now()).as_secs_f64();
    running.stop().await;
    (statuses, seconds)
}

#[tokio::test]
async fn requests_over_the_templates_limit_get_a_429_that_a_page_can_read() {
    let (statuses, seconds) = flood(true).await;
    let passed = statuses.iter().filter(|status| **status == 404).count();
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!(passed + refused, 800);
    // 200 at once, and 100 a second.
    let passed = f64::from(u32::try_from(passed).unwrap());
    let most = 200.0 + 100.0 * seconds + 1.0;
    assert!(passed <= most, "{passed} in {seconds} s");
    assert!(
        (most - 3.0).min(800.0) - 100.0 <= passed,
        "{passed} in {seconds} s"
    );
}

#[tokio::test]
async fn without_the_throttle_every_request_is_answered() {
    let (statuses, _) = flood(false).await;
    assert_eq!(statuses, [404; 800]);
}
