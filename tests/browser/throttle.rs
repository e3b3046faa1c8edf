//! A page can read that the API has too many requests.

use local::serve::Options;
use serde_json::{Value, json};

use super::stage::stage;

/// Sends 800 requests, and calls back with each answer's status, media type and body.
const FLOOD: &str = r#"
    const [{url}, done] = arguments;
    const ask = async () => {
        const answer = await fetch(url);
        return [answer.status, answer.headers.get("content-type"), await answer.text()];
    };
    Promise.all(Array.from({length: 800}, ask)).then(done, error => done(String(error)));
"#;

#[tokio::test]
async fn slow_of_800_requests_a_page_reads_which_ones_were_too_many() {
    // So low that a slow machine, too, sends more than may pass.
    let limits = [("ApiRequestsPerSecond", "5"), ("ApiRequestsAtOnce", "100")];
    let limits = limits.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = Options {
        throttle: true,
        parameters: limits.into(),
        ..Options::in_memory()
    };
    stage(options, async |stage| {
        stage.page.open(&stage.allowed.origin).await;
        let flood = json!({"url": stage.url("/nowhere")});
        let answers = stage.page.run(FLOOD, flood).await;
        let answers = answers.as_array().unwrap_or_else(|| panic!("{answers}"));
        let (refused, passed): (Vec<&Value>, Vec<&Value>) =
            answers.iter().partition(|answer| answer[0] == 429);
        assert_eq!(answers.len(), 800);
        for answer in &refused {
            let expected = json!([
                429,
                "application/json",
                r#"{"message":"Too Many Requests"}"#
            ]);
            assert_eq!(**answer, expected);
        }
        for answer in &passed {
            assert_eq!(answer[0], 404, "{answer}");
        }
        // 100 pass at once, and 5 more in each second.
        assert!(100 <= passed.len(), "{} passed", passed.len());
        assert!(!refused.is_empty(), "none was refused");
    })
    .await;
}
