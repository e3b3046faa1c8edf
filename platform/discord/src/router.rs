//! The stand-in's routes: the webhooks' API and the channel's page.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, patch, post};

use crate::channel::Discord;
use crate::{page, webhook};

/// The webhooks' API, with and without a version, and the channel's page at `/`.
pub fn router(discord: Arc<Discord>) -> Router {
    let webhooks = Router::new()
        .route(
            "/webhooks/{id}/{token}",
            post(webhook::execute).get(webhook::describe),
        )
        .route(
            "/webhooks/{id}/{token}/messages/{message_id}",
            patch(webhook::edit)
                .get(webhook::read)
                .delete(webhook::delete),
        );
    Router::new()
        .route("/", get(page::page))
        .route("/page.js", get(page::script))
        .route("/images/{id}", get(page::image))
        .route("/reactions/{id}/{emoji}", post(page::react))
        .nest("/api", webhooks.clone())
        .nest("/api/{version}", webhooks)
        // `limits` refuses large bodies, with Discord's error.
        .layer(DefaultBodyLimit::disable())
        .with_state(discord)
}
