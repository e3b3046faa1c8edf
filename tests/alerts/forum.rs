//! The stand-in has forums, threads, silent messages and buttons, with the errors that Discord documents.

use discord::{Discord, Thread};
use reqwest::Client;
use serde_json::{Value, json};

use super::stage::serve;
use super::watch::TOKEN;

/// A stand-in, and its base URL.
struct Server {
    discord: std::sync::Arc<Discord>,
    host: String,
    http: Client,
}

impl Server {
    async fn start() -> Self {
        let discord = Discord::new();
        let host = serve(discord::router(discord.clone())).await;
        let http = Client::new();
        Self {
            discord,
            host,
            http,
        }
    }

    /// The status and the body of a call. Each webhook may be called five times.
    async fn call(&self, method: &str, webhook: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/api/v10/webhooks/{webhook}/{TOKEN}{path}", self.host);
        let method = method.parse().unwrap();
        let answer = self.http.request(method, url).json(body).send().await;
        let answer = answer.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    #[track_caller]
    fn is_error((status, body): (u16, Value), expected: (u16, u32)) {
        assert_eq!((status, &body["code"]), (expected.0, &json!(expected.1)));
    }
}

#[tokio::test]
async fn a_forum_takes_a_message_only_with_a_thread_and_answers_with_its_id() {
    let server = Server::start().await;
    server.discord.make_forum("1", false);
    let plain = json!({"content": "c"});
    let named = json!({"content": "c", "thread_name": "n"});
    let long = json!({"content": "c", "thread_name": "n".repeat(101)});
    Server::is_error(
        server.call("POST", "1", "?wait=true", &plain).await,
        (400, 220_001),
    );
    let both = server
        .call("POST", "1", "?wait=true&thread_id=5", &named)
        .await;
    Server::is_error(both, (400, 220_002));
    Server::is_error(server.call("POST", "1", "", &long).await, (400, 50_035));
    let (status, posted) = server.call("POST", "1", "?wait=true", &named).await;
    assert_eq!(status, 200);
    assert_eq!(
        posted["channel_id"], posted["id"],
        "the thread has the id of its first message"
    );
    // A channel that is not a forum takes no new thread.
    Server::is_error(server.call("POST", "2", "", &named).await, (400, 220_003));
}

#[tokio::test]
async fn a_forum_may_require_tags() {
    let server = Server::start().await;
    server.discord.make_forum("1", true);
    let with = |tags: Value| json!({"content": "c", "thread_name": "n", "applied_tags": tags});
    Server::is_error(
        server.call("POST", "1", "", &with(json!([]))).await,
        (400, 40_067),
    );
    let six = server
        .call(
            "POST",
            "1",
            "",
            &with(json!(["1", "2", "3", "4", "5", "6"])),
        )
        .await;
    Server::is_error(six, (400, 50_035));
    assert_eq!(
        server.call("POST", "1", "", &with(json!(["1"]))).await.0,
        204
    );
}

#[tokio::test]
async fn a_message_of_a_thread_is_found_only_with_the_threads_id() {
    let server = Server::start().await;
    let (_, posted) = server
        .call(
            "POST",
            "1",
            "?wait=true&thread_id=5",
            &json!({"content": "c"}),
        )
        .await;
    let path = format!("/messages/{}", posted["id"].as_str().unwrap());
    let edit = json!({"content": "d"});
    Server::is_error(server.call("PATCH", "1", &path, &edit).await, (404, 10_008));
    let threaded = format!("{path}?thread_id=5");
    assert_eq!(server.call("PATCH", "1", &threaded, &edit).await.0, 200);
}

#[tokio::test]
async fn an_archived_thread_is_opened_by_a_post_and_a_locked_or_deleted_one_takes_nothing() {
    let server = Server::start().await;
    let new = json!({"content": "c"});
    let post = "?wait=true&thread_id=5";
    let (_, posted) = server.call("POST", "1", post, &new).await;
    let message = format!("/messages/{}?thread_id=5", posted["id"].as_str().unwrap());
    server.discord.set_thread("5", Thread::Archived);
    Server::is_error(
        server.call("PATCH", "1", &message, &new).await,
        (400, 50_083),
    );
    assert_eq!(server.call("POST", "1", post, &new).await.0, 200);
    assert_eq!(server.call("PATCH", "1", &message, &new).await.0, 200);

    server.discord.set_thread("6", Thread::Locked);
    let locked = server.call("POST", "2", "?thread_id=6", &new).await;
    Server::is_error(locked, (400, 160_005));
    server.discord.set_thread("6", Thread::Gone);
    let gone = server.call("POST", "2", "?thread_id=6", &new).await;
    Server::is_error(gone, (404, 10_003));
}

#[tokio::test]
async fn only_a_post_can_be_silent_and_buttons_need_a_parameter() {
    let server = Server::start().await;
    let button = json!({"type": 2, "style": 5, "label": "a", "url": "https://a.example/"});
    let row = json!([{"type": 1, "components": [button]}]);
    let payload = json!({"content": "c", "flags": 4096, "components": row});
    let (_, posted) = server.call("POST", "1", "?wait=true", &payload).await;
    assert_eq!(posted["flags"], 4096);
    assert_eq!(
        posted["components"],
        json!([]),
        "ignored without the parameter"
    );
    let with = "?wait=true&with_components=true";
    let (_, posted) = server.call("POST", "1", with, &payload).await;
    assert_eq!(posted["components"], row);
    let message = format!(
        "/messages/{}?with_components=true",
        posted["id"].as_str().unwrap()
    );
    let edit = json!({"flags": 0, "components": []});
    let (_, edited) = server.call("PATCH", "1", &message, &edit).await;
    assert_eq!(
        (&edited["flags"], &edited["components"]),
        (&json!(4096), &json!([]))
    );
    let pressed = json!({"content": "c", "components": [{"type": 1, "components": [
        {"type": 2, "style": 1, "label": "a", "custom_id": "a"}]}]});
    Server::is_error(
        server.call("POST", "1", with, &pressed).await,
        (400, 50_035),
    );
}

#[tokio::test]
async fn a_readers_reaction_is_in_the_message_and_another_site_cannot_react() {
    let server = Server::start().await;
    let (_, posted) = server
        .call("POST", "1", "?wait=true", &json!({"content": "c"}))
        .await;
    let id = posted["id"].as_str().unwrap().to_owned();
    let click = async |emoji: &str, own_page: bool| {
        let url = format!("{}/reactions/{id}/{emoji}", server.host);
        let mut click = server.http.post(url);
        if own_page {
            click = click.header("x-reaction", "1");
        }
        click.send().await.unwrap().status().as_u16()
    };
    let reactions = async || {
        let path = format!("/messages/{id}");
        let (_, message) = server.call("GET", "1", &path, &Value::Null).await;
        message["reactions"].as_array().unwrap().len()
    };
    assert_eq!((click("✅", false).await, reactions().await), (403, 0));
    assert_eq!((click("💣", true).await, reactions().await), (403, 0));
    assert_eq!((click("✅", true).await, reactions().await), (204, 1));
    assert_eq!((click("✅", true).await, reactions().await), (204, 0));
}

#[tokio::test]
async fn an_old_message_takes_five_edits_an_hour_and_says_so_with_a_429() {
    let clock = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let now = std::sync::Arc::clone(&clock);
    let at = move || {
        let second = now.load(std::sync::atomic::Ordering::Relaxed);
        jiff::Timestamp::from_second(1_800_000_000 + second).unwrap()
    };
    let discord = Discord::with_clock(at);
    let host = serve(discord::router(discord.clone())).await;
    let http = Client::new();
    let server = Server {
        discord,
        host,
        http,
    };
    let new = json!({"content": "c"});
    let (_, posted) = server.call("POST", "1", "?wait=true", &new).await;
    let path = format!("/messages/{}", posted["id"].as_str().unwrap());
    let edit = async |second: i64| {
        clock.store(second, std::sync::atomic::Ordering::Relaxed);
        server.call("PATCH", "1", &path, &new).await
    };
    for second in 0..5 {
        assert_eq!(edit(3_600 + 10 * second).await.0, 200);
    }
    Server::is_error(edit(3_700).await, (429, 30_046));
    assert_eq!(edit(7_300).await.0, 200, "an hour later");
}
