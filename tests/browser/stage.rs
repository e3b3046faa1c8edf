//! Owns the stage of a browser test: a shop, a server before it that sees each request, and two sites.

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

/// The documentation for front-end developers, whose code is served to the pages.
const DOCUMENT: &str = include_str!("../../docs/front-end.md");

/// A page with the documented code at hand.
const PAGE: &str = r#"<!doctype html>
<meta charset="utf-8">
<title>A page</title>
<link rel="icon" href="data:,">
<script type="module">import * as surefire from "./surefire.js"; window.surefire = surefire;</script>
"#;

/// A web server with the pages of one origin; it ends when it is dropped.
pub(super) struct Site {
    pub(super) origin: String,
    /// What the documented button orders with: the page's own module.
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

/// The one block of a language in the documentation: what its readers copy is what is tested.
fn documented(language: &str) -> String {
    let fence = format!("```{language}\n");
    let blocks: Vec<&str> = DOCUMENT.split(&fence).skip(1).collect();
    let [block] = blocks.as_slice() else {
        panic!(
            "{} blocks of {language} are documented, not one",
            blocks.len()
        );
    };
    block.split_once("\n```").unwrap().0.to_owned()
}

/// What a browser test has at hand.
pub(super) struct Stage<'browser> {
    pub(super) shop: Shop,
    /// Where pages find the API: a server that sees what the browser sends.
    pub(super) api: Between,
    /// The site whose pages may call the API.
    pub(super) allowed: Site,
    /// The site whose pages may not.
    pub(super) foreign: Site,
    pub(super) page: &'browser Page,
    fates: Arc<Mutex<VecDeque<Fate>>>,
}

/// Runs a test on a stage of its own, and checks the shop's stock afterwards.
pub(super) async fn stage(options: Options, test: impl AsyncFnOnce(&Stage<'_>)) {
    browser(async |page| {
        let stage = Stage::open(options, page).await;
        test(&stage).await;
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
            // Preflights pass: what is lost is the page's own request.
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

    /// Decides what happens to the next requests that act; the ones after them pass.
    pub(super) fn next(&self, fates: impl IntoIterator<Item = Fate>) {
        self.fates.lock().unwrap().extend(fates);
    }

    /// The URL of a path of the API, as pages call it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api.url)
    }

    pub(super) fn token(&self) -> String {
        self.shop.running.token("demo", CUSTOMER).unwrap()
    }

    /// What `fetch` is told to place an order.
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

    /// The idempotency keys of the orders that the browser sent, in their order.
    pub(super) fn keys(&self) -> Vec<String> {
        let sent = self.api.seen_with(&Method::POST);
        let key = |seen: &crate::support::between::Seen| {
            seen.header("idempotency-key").unwrap().to_owned()
        };
        sent.iter().map(key).collect()
    }

    /// Gives the documented button what it imports: an API, a basket and a token.
    pub(super) fn fill_basket(&self, sku: &str) {
        let (api, token) = (json!(self.api.url), json!(self.token()));
        let basket = order_of(&[line(sku, 1)]);
        *self.allowed.shop.lock().unwrap() = format!(
            "export const api = {api}; export const basket = () => ({basket}); export const token = async () => {token};"
        );
    }
}
