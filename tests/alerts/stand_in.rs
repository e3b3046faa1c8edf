//! The stand-in answers over HTTP as Discord's documentation says.

use std::sync::Arc;

use discord::Discord;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::stage::serve;
use super::watch::TOKEN;

async fn webhook() -> (Arc<Discord>, String) {
    let discord = Discord::new();
    let host = serve(discord::router(Arc::clone(&discord))).await;
    (discord, format!("{host}/api/webhooks/7/{TOKEN}"))
}

/// The status and the body. An empty body is null.
async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test]
async fn a_message_is_posted_read_edited_and_deleted() {
    let http = Client::new();
    let (discord, webhook) = webhook().await;
    let post = |query: &str| {
        http.post(format!("{webhook}{query}"))
            .json(&json!({"content": "one"}))
    };
    let (status, body) = read(post("").send().await.unwrap()).await;
    assert_eq!(
        (status, body),
        (204, Value::Null),
        "without `wait=true` the answer is empty"
    );
    let (status, posted) = read(post("?wait=true").send().await.unwrap()).await;
    assert_eq!(status, 200);
    assert_eq!(posted["content"], "one");
    assert_eq!(posted["edited_timestamp"], Value::Null);

    let message = format!("{webhook}/messages/{}", posted["id"].as_str().unwrap());
    let patch = http.patch(&message).json(&json!({"content": "two"}));
    let (status, edited) = read(patch.send().await.unwrap()).await;
    assert_eq!((status, &edited["content"]), (200, &json!("two")));
    assert_eq!(edited["id"], posted["id"]);
    assert!(edited["edited_timestamp"].is_string());
    let (status, found) = read(http.get(&message).send().await.unwrap()).await;
    assert_eq!((status, found), (200, edited));

    let (status, _) = read(http.delete(&message).send().await.unwrap()).await;
    assert_eq!(status, 204);
    assert_eq!(discord.messages().len(), 1, "the other message stays");
    let gone = (404, json!({"message": "Unknown Message", "code": 10008}));
    // Another webhook, since this one's bucket is used up: it does not know the message either.
    let another = message.replace("/7/", "/8/");
    assert_eq!(read(http.get(&another).send().await.unwrap()).await, gone);
    let patch = http.patch(&another).json(&json!({"content": "three"}));
    assert_eq!(read(patch.send().await.unwrap()).await, gone);
    let deleted = http.delete(&another).send().await.unwrap();
    assert_eq!(read(deleted).await, gone);
}

#[tokio::test]
async fn files_come_in_parts_and_an_edit_keeps_those_that_it_lists() {
    let http = Client::new();
    let (_, webhook) = webhook().await;
    let parts = |payload: &Value, files: usize| {
        let json = Part::text(payload.to_string()).mime_str("application/json");
        (0..files).fold(
            Form::new().part("payload_json", json.unwrap()),
            |form, n| {
                let file = Part::bytes(vec![b'x'; 3]).file_name(format!("{n}.txt"));
                form.part(format!("files[{n}]"), file)
            },
        )
    };
    let two = json!({"content": "c", "attachments": [{"id": 0}, {"id": 1}]});
    let post = http.post(format!("{webhook}?wait=true"));
    let (status, posted) = read(post.multipart(parts(&two, 2)).send().await.unwrap()).await;
    assert_eq!(status, 200, "{posted}");
    let files = posted["attachments"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(
        (&files[1]["filename"], &files[1]["size"]),
        (&json!("1.txt"), &json!(3))
    );

    let message = format!("{webhook}/messages/{}", posted["id"].as_str().unwrap());
    let keep = json!({"attachments": [{"id": files[1]["id"]}]});
    let (_, edited) = read(http.patch(&message).json(&keep).send().await.unwrap()).await;
    assert_eq!(edited["attachments"], json!([files[1]]));

    let post = || http.post(&webhook);
    let (status, refused) = read(post().multipart(parts(&two, 1)).send().await.unwrap()).await;
    assert_eq!(status, 400);
    let at = "/errors/attachments/1/id/_errors/0/code";
    assert_eq!(refused.pointer(at), Some(&json!("ATTACHMENT_NOT_FOUND")));
    let eleven = post().multipart(parts(&json!({"content": "c"}), 11));
    assert_eq!(read(eleven.send().await.unwrap()).await.0, 400);
}

#[tokio::test]
async fn an_invalid_request_is_refused_in_the_form_of_discord() {
    let http = Client::new();
    let (_, webhook) = webhook().await;
    let long = json!({"content": "a".repeat(2_001)});
    let (status, body) = read(http.post(&webhook).json(&long).send().await.unwrap()).await;
    assert_eq!(status, 400);
    let error =
        json!({"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."});
    assert_eq!(
        body,
        json!({"message": "Invalid Form Body", "code": 50035, "errors": {"content": {"_errors": [error]}}})
    );
    let post = http.post(&webhook).body("{");
    let (status, body) = read(post.send().await.unwrap()).await;
    assert_eq!((status, &body["code"]), (400, &json!(50109)));
    let post = http.post(&webhook).json(&json!({"content": " "}));
    let (status, body) = read(post.send().await.unwrap()).await;
    assert_eq!((status, &body["code"]), (400, &json!(50006)));
    let large = Part::bytes(vec![0; 10 * 1024 * 1024 + 1]).file_name("large");
    let post = http
        .post(&webhook)
        .multipart(Form::new().part("files[0]", large));
    let (status, body) = read(post.send().await.unwrap()).await;
    assert_eq!((status, &body["code"]), (413, &json!(40005)));
}

#[tokio::test]
async fn an_exhausted_bucket_and_a_wrong_webhook_are_answered_as_discord_does() {
    let http = Client::new();
    let discord = Discord::new();
    let host = serve(discord::router(discord.clone())).await;
    discord.add_webhook("7", TOKEN);
    let post = |id: &str, token: &str| {
        let url = format!("{host}/api/v10/webhooks/{id}/{token}");
        http.post(url).json(&json!({"content": "c"})).send()
    };
    for remaining in (0..5).rev() {
        let answer = post("7", TOKEN).await.unwrap();
        let left = answer.headers()["x-ratelimit-remaining"].to_str().unwrap();
        assert_eq!(left, remaining.to_string());
        assert!(answer.headers().contains_key("x-ratelimit-reset-after"));
    }
    let limited = post("7", TOKEN).await.unwrap();
    assert_eq!(limited.headers()["x-ratelimit-scope"], "user");
    assert!(limited.headers().contains_key("retry-after"));
    let (status, body) = read(limited).await;
    assert_eq!((status, &body["global"]), (429, &json!(false)));
    assert!(
        body["retry_after"]
            .as_f64()
            .is_some_and(|wait| 0.0 < wait && wait <= 2.0)
    );

    let (status, body) = read(post("7", "another").await.unwrap()).await;
    assert_eq!((status, &body["code"]), (401, &json!(50027)));
    let (status, body) = read(post("8", TOKEN).await.unwrap()).await;
    assert_eq!((status, &body["code"]), (404, &json!(10015)));
    assert_eq!(discord.messages().len(), 5);
}
