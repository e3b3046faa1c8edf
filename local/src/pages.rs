//! The pages at `/_local`: what there is to see, a shop to play with, and the API's description.
//!
//! Only this program has them. They mint tokens and break services, so [`guard`] lets no page of another
//! origin use them.

use std::sync::Arc;

use axum::extract::{Request as HttpRequest, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use shared::world::World;

use crate::secrets::Store;
use crate::token::{Issuer, Request};
use template::Template;

mod docs;
pub(crate) mod guard;

/// Scripts and requests stay on this server, and nothing else may run.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const START: &str = include_str!("../pages/start.html");
const SHOP: &str = include_str!("../pages/shop.html");
const STYLE: (&str, &str) = ("text/css", include_str!("../pages/style.css"));
const SCRIPT: &str = "text/javascript";
const SHOP_SCRIPT: (&str, &str) = (SCRIPT, include_str!("../pages/shop.js"));
const NETWORK_SCRIPT: (&str, &str) = (SCRIPT, include_str!("../pages/network.js"));
/// The client that a front end uses, as it is published.
const CLIENT: (&str, &str) = (SCRIPT, include_str!("../../clients/web/surefire.js"));

/// What the pages need of the server.
pub(crate) struct Pages {
    pub(crate) template: Arc<Template>,
    pub(crate) secrets: Arc<Store>,
    pub(crate) world: World,
}

/// What a page asks of the token that it wants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    sub: String,
    /// The scopes, separated by spaces. Default: every scope that a route requires.
    scope: Option<String>,
}

#[derive(Serialize)]
struct Given {
    token: String,
}

pub(crate) fn router(pages: Pages) -> Router {
    let page = |text: &'static str| get(move || async move { (headers(POLICY), Html(text)) });
    let file = |(media_type, text): (&'static str, &'static str)| {
        get(move || async move { (headers(POLICY), [(header::CONTENT_TYPE, media_type)], text) })
    };
    Router::new()
        .route("/_local", page(START))
        .route("/_local/", get(|| async { Redirect::permanent("/_local") }))
        .route("/_local/style.css", file(STYLE))
        .route("/_local/shop", page(SHOP))
        .route("/_local/shop.js", file(SHOP_SCRIPT))
        .route("/_local/network.js", file(NETWORK_SCRIPT))
        .route("/_local/surefire.js", file(CLIENT))
        .route("/_local/routes", get(routes))
        .route("/_local/token", post(token))
        .with_state(Arc::new(pages))
        .merge(docs::router())
}

/// Leads a person who opens the printed address in a browser to the pages. Every other request of `/` is the API's.
pub(crate) async fn front_door(request: HttpRequest, next: Next) -> Response {
    let accept = request.headers().get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    let is_person = accept.is_some_and(|accept| accept.contains("text/html"));
    if request.method() == Method::GET && request.uri().path() == "/" && is_person {
        return Redirect::temporary("/_local").into_response();
    }
    next.run(request).await
}

fn headers(policy: &'static str) -> [(header::HeaderName, &'static str); 4] {
    [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ]
}

/// Each route with the scopes that it requires.
async fn routes(State(pages): State<Arc<Pages>>) -> String {
    let scopes = pages.template.route_scopes();
    let line = |route: &template::Route| {
        let key = route.key();
        let scopes = scopes.get(&key).map_or(String::new(), |it| it.join(" or "));
        format!("{key:<32} {scopes}").trim_end().to_owned() + "\n"
    };
    pages.template.routes.iter().map(line).collect()
}

async fn token(
    State(pages): State<Arc<Pages>>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Given>, (StatusCode, String)> {
    let refused = |error: crate::token::TokenError| (StatusCode::CONFLICT, format!("{error}\n"));
    let scope = wanted.scope;
    let scope = scope.unwrap_or_else(|| pages.template.scopes().join(" "));
    let request = Request {
        sub: &wanted.sub,
        ..Request::new(&scope)
    };
    let issuer = Issuer::of(&pages.template).map_err(refused)?;
    let signed = issuer.sign_with_store(&pages.secrets, &request, &pages.world);
    Ok(Json(Given {
        token: signed.map_err(refused)?,
    }))
}

#[cfg(test)]
mod tests;
