//! The page of the Discord stand-in, as a browser draws it.

use std::sync::Arc;

use discord::Discord;
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::chromium::browser;

/// A PNG of one red pixel.
const PIXEL: [u8; 69] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53,
    0xde, 0x00, 0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0x00,
    0x00, 0x03, 0x01, 0x01, 0x00, 0xc9, 0xfe, 0x92, 0xef, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e,
    0x44, 0xae, 0x42, 0x60, 0x82,
];

/// What a reader sees.
const LOOK: &str = r#"
    const [, done] = arguments;
    const articles = [...document.querySelectorAll("article")];
    const top = (one) => one.getBoundingClientRect().top;
    const seen = articles.toSorted((one, other) => top(one) - top(other));
    const last = seen.at(-1).getBoundingClientRect();
    const fields = getComputedStyle(document.querySelector(".fields"));
    const image = document.querySelector("img");
    done({
        order: seen.map((one) => one.querySelector(".text").innerText),
        lastIsVisible: last.top >= 0 && last.bottom <= innerHeight,
        columns: fields.gridTemplateColumns.split(" ").length,
        tooWide: document.scrollingElement.scrollWidth > innerWidth,
        imageWidth: image.naturalWidth,
        button: document.querySelector(".buttons a").href,
        opened: [...document.querySelectorAll("details[open] pre")].map((one) => one.innerText),
    });
"#;

/// Opens the attachment, and waits until the page shows this many messages.
const OPEN_AND_WAIT: &str = r#"
    const [count, done] = arguments;
    document.querySelector("summary").click();
    const look = () => document.querySelectorAll("article").length === count && done(true);
    new MutationObserver(look).observe(document.querySelector("main"), {childList: true});
    look();
"#;

struct Channel {
    url: String,
    webhook: String,
    http: Client,
}

impl Channel {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let discord: Arc<Discord> = Discord::new();
        // Not at the root, as in the local program.
        let router = axum::Router::new().nest("/_local/discord", discord::router(discord));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let url = format!("{host}/_local/discord");
        Self {
            webhook: format!("{url}/api/v10/webhooks/7/token?wait=true&with_components=true"),
            url,
            http: Client::new(),
        }
    }

    async fn post(&self, payload: Value, file: Option<Part>) {
        let mut form = Form::new().text("payload_json", payload.to_string());
        if let Some(file) = file {
            form = form.part("files[0]", file);
        }
        let posted = self.http.post(&self.webhook).multipart(form).send().await;
        assert_eq!(posted.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn slow_the_channel_looks_like_discords_on_a_phone_and_keeps_an_attachment_open() {
    let channel = Channel::start().await;
    let file = |bytes: &[u8], name: &str, kind: &str| {
        let part = Part::bytes(bytes.to_vec()).file_name(name.to_owned());
        Some(part.mime_str(kind).unwrap())
    };
    let fields: Vec<Value> = (0..25)
        .map(|index| json!({"name": format!("f{index}"), "value": "AWS/Lambda", "inline": true}))
        .collect();
    let image = file(&PIXEL, "graph.png", "image/png");
    channel.post(json!({"content": "one"}), image).await;
    let text = file(b"the whole alert", "alert.txt", "text/plain");
    let embed = json!({"content": "two", "embeds": [{"title": "t", "fields": fields}]});
    channel.post(embed, text).await;
    let button = json!({"type": 2, "style": 5, "label": "Console", "url": "https://a.example/"});
    let rows = json!([{"type": 1, "components": [button]}]);
    let three = json!({"content": "three", "components": rows});
    channel.post(three, None).await;

    browser(async |page| {
        page.open(&channel.url).await;
        let wide = page.run(LOOK, Value::Null).await;
        assert_eq!(wide["columns"], 3, "{wide}");

        page.be_a_phone(390).await;
        page.open(&channel.url).await;
        let phone = page.run(LOOK, Value::Null).await;
        assert_eq!(phone["order"], json!(["one", "two", "three"]));
        assert_eq!(phone["lastIsVisible"], true, "{phone}");
        assert_eq!(phone["columns"], 1, "{phone}");
        assert_eq!(phone["tooWide"], false, "{phone}");
        assert_eq!(phone["imageWidth"], 1, "{phone}");
        assert_eq!(phone["button"], "https://a.example/");
        assert_eq!(phone["opened"], json!([]));

        channel.post(json!({"content": "four"}), None).await;
        page.run(OPEN_AND_WAIT, json!(4)).await;
        let renewed = page.run(LOOK, Value::Null).await;
        assert_eq!(renewed["order"], json!(["one", "two", "three", "four"]));
        assert_eq!(renewed["opened"], json!(["the whole alert"]));
    })
    .await;
}
