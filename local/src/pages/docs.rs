//! Shows openapi.yaml in a viewer, whose files come with a crate.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::Config;

use super::{POLICY, SCRIPT, headers};

/// The viewer writes styles into its page.
const VIEWER_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The description as it is shipped.
const DESCRIPTION: &str = include_str!("../../../openapi.yaml");
const DESCRIPTION_PATH: &str = "/_local/openapi.yaml";

/// The page, which has the viewer in its main part.
const PAGE: &str = include_str!("../../pages/docs.html");

/// Colours that everybody can read.
const COLOURS: &str = include_str!("../../pages/docs.css");

/// Starts the viewer with a token, so that “try it” works at once, and names its controls.
const START: &str = include_str!("../../pages/docs.js");

pub(super) fn router() -> Router {
    let description = || async {
        let media_type = [(header::CONTENT_TYPE, "application/yaml")];
        (headers(POLICY), media_type, DESCRIPTION)
    };
    let ours = |media_type: &'static str, text: &'static str| {
        let content_type = [(header::CONTENT_TYPE, media_type)];
        get(move || async move { (headers(VIEWER_POLICY), content_type, text) })
    };
    let to_page = || async { Redirect::permanent("/_local/docs/") };
    Router::new()
        .route(DESCRIPTION_PATH, get(description))
        .route("/_local/docs", get(to_page))
        .route("/_local/docs/", ours("text/html; charset=utf-8", PAGE))
        .route("/_local/docs/docs.css", ours("text/css", COLOURS))
        .route("/_local/docs/docs.js", ours(SCRIPT, START))
        .route("/_local/docs/{*file}", get(file))
        .with_state(Arc::new(Config::from(DESCRIPTION_PATH)))
}

/// A file of the viewer.
async fn file(State(config): State<Arc<Config<'static>>>, Path(path): Path<String>) -> Response {
    match utoipa_swagger_ui::serve(&path, config) {
        Ok(Some(file)) => {
            let media_type = [(header::CONTENT_TYPE, file.content_type)];
            (headers(VIEWER_POLICY), media_type, file.bytes.into_owned()).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
