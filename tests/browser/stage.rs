//! What a browser test needs: a shop, a proxy that records each request, and two web sites.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::get;
use http::Method;
use local::serve::Options;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::chromium::{Page, browser};
use crate::support::between::{Between, Fate};
use crate::support::harness::{CUSTOMER, Shop, line, order_of};

/// The documentation for front-end developers. Its code is served to the pages.
const DOCUMENT: &str = include_str!("../../docs/front-end.md");

/// The published client, and a page that uses it and interrupts itself.
const CLIENT: &str = include_str!("../../clients/web/surefire.js");
const ATTEMPT: &str = include_str!("interrupted.html");

/// A page that has loaded the documented code.
const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>A page</title>
<link rel="icon" href="data:,">
<script type="module">import * as surefire from "./surefire.js"; window.surefire = surefire;</script>
"#;

/// A web server with the pages of one origin. It stops when it is dropped.
pub(super) struct Site {
    pub(super) origin: String,
    /// The page's own module, which the documented button imports.
    shop: Arc<Mutex<String>>,
    _server: JoinSet<()>,
}

impl Site {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let script = |text: String| ([(CONTENT_TYPE, "text/javascript")], text);
        let shop = Arc::<Mutex<String>>::default();
        let own = Arc::clone(&shop);
        let own = move || async move { script(own.lock().unwrap().clone()) };
        let button = format!(
            "<!doctype html><meta charset=\"utf-8\">{}",
            documented("html")
        );
        let router = Router::new()
            .route("/", get(Html(PAGE)))
            .route("/button", get(Html(button)))
            .route("/surefire.js", get(script(documented("js"))))
            .route("/client.js", get(script(CLIENT.to_owned())))
            .route("/attempt", get(Html(ATTEMPT)))
            .route("/shop.js", get(own));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            origin,
            shop,
            _server: server,
        }
    }
}

/// The documentation's only block of a language. The tests run what readers copy.
fn documented(language: &str) -> String {
    let fence = format!("```{language}\n");
    let blocks: Vec<&str> = DOCUMENT.split(&fence).skip(1).collect();
    let [block] = blocks.as_slice() else {
        panic!(
            "docs/front-end.md has {} blocks of {language} and must have one",
            blocks.len()
        );
    };
    block.split_once("\n```").unwrap().0.to_owned()
}

/// What a browser test works with.
pub(super) struct Stage<'browser> {
    pub(super) shop: Shop,
    /// The proxy through which pages call the API. It records what the browser sends.
    pub(super) api: Between,
    /// The site whose pages may call the API.
    pub(super) allowed: Site,
    /// The site whose pages may not.
    pub(super) foreign: Site,
    pub(super) page: &'browser Page,
    fates: Arc<Mutex<VecDeque<Fate>>>,
}

/// Runs a test with its own shop and browser, and checks the shop's stock afterwards.
pub(super) async fn stage(options: Options, test: impl AsyncFnOnce(&Stage<'_>)) {
    browser(async |page| {
        let stage = Stage::open(options, page).await;
        test(&stage).await;
        stage.api.assert_described();
        stage.shop.assert_conserved().await;
        stage.shop.running.stop().await;
    })
    .await;
}

impl<'browser> Stage<'browser> {
    async fn open(mut options: Options, page: &'browser Page) -> Self {
        let (allowed, foreign) = (Site::start().await, Site::start().await);
        let list = ("AllowedOrigins".to_owned(), allowed.origin.clone());
        options.parameters.push(list);
        let shop = Shop::open(options).await;
        let fates = Arc::<Mutex<VecDeque<Fate>>>::default();
        let next = Arc::clone(&fates);
        let api = Between::start(&shop.running.url(), move |request| {
            // Faults affect only the page's own requests, not preflights.
            let acts = request.method == Method::POST;
            let fate = acts.then(|| next.lock().unwrap().pop_front()).flatten();
            fate.unwrap_or(Fate::Passes)
        })
        .await;
        Self {
            shop,
            api,
            allowed,
            foreign,
            page,
            fates,
        }
    }

    /// Sets what happens to the next POST requests. Later ones pass.
    pub(super) fn next(&self, fates: impl IntoIterator<Item = Fate>) {
        self.fates.lock().unwrap().extend(fates);
    }

    /// The URL at which pages call a path of the API.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api.url)
    }

    pub(super) fn token(&self) -> String {
        self.shop.running.token("demo", CUSTOMER).unwrap()
    }

    /// The options of the `fetch` that places an order.
    pub(super) fn order(&self, key: &str, sku: &str, quantity: i64) -> Value {
        json!({
            "method": "POST",
            "headers": {
                "authorization": format!("Bearer {}", self.token()),
                "content-type": "application/json",
                "idempotency-key": key,
            },
            "body": order_of(&[line(sku, quantity)]).to_string(),
        })
    }

    /// The idempotency keys of the POST requests that the browser sent, oldest first.
    pub(super) fn keys(&self) -> Vec<String> {
        let sent = self.api.seen_with(&Method::POST);
        let key = |seen: &crate::support::between::Seen| {
            seen.header("idempotency-key").unwrap().to_owned()
        };
        sent.iter().map(key).collect()
    }

    /// Sets what the documented button imports: the API's URL, a basket and a token.
    pub(super) fn fill_basket(&self, sku: &str) {
        let (api, token) = (json!(self.api.url), json!(self.token()));
        let basket = order_of(&[line(sku, 1)]);
        *self.allowed.shop.lock().unwrap() = format!(
            "export const api = {api}; export const basket = () => ({basket}); export const token = async () => {token};"
        );
    }
}
