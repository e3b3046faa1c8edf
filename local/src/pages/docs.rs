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

/// Starts the viewer with a token, so that “try it” works at once.
const START: &str = include_str!("../../pages/docs.js");
const START_PATH: &str = "swagger-initializer.js";

pub(super) fn router() -> Router {
    let description = || async {
        let media_type = [(header::CONTENT_TYPE, "application/yaml")];
        (headers(POLICY), media_type, DESCRIPTION)
    };
    Router::new()
        .route(DESCRIPTION_PATH, get(description))
        .route(
            "/_local/docs",
            get(|| async { Redirect::permanent("/_local/docs/") }),
        )
        .route(
            "/_local/docs/",
            get(async |state| file(state, Path(String::new())).await),
        )
        .route("/_local/docs/{*file}", get(file))
        .with_state(Arc::new(Config::from(DESCRIPTION_PATH)))
}

async fn file(State(config): State<Arc<Config<'static>>>, Path(path): Path<String>) -> Response {
    if path == START_PATH {
        let media_type = [(header::CONTENT_TYPE, SCRIPT)];
        return (headers(VIEWER_POLICY), media_type, START).into_response();
    }
    match utoipa_swagger_ui::serve(&path, config) {
        Ok(Some(file)) => {
            let media_type = [(header::CONTENT_TYPE, file.content_type)];
            (headers(VIEWER_POLICY), media_type, file.bytes.into_owned()).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
