//! Answers health checks, on a port of their own.
//!
//! The program is alive when it answers. It is ready once the table has answered, until it drains.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use shared::world::World;

/// The key that is read. No item has it.
const PROBE: &str = "HEALTH";
/// The pause before the table is asked again.
const PROBE_PAUSE: Duration = Duration::from_millis(500);

/// What the program knows about its own health.
#[derive(Debug, Default)]
pub(crate) struct Health {
    table_answered: AtomicBool,
    draining: AtomicBool,
}

impl Health {
    /// From now on it is not ready.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether it drains.
    pub(crate) fn drains(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Asks the table until it answers once.
    pub(crate) async fn await_table(&self, client: &Client, table: &str, world: &World) {
        while let Err(fault) = probe(client, table).await {
            tracing::warn!(fault, "the table does not answer yet");
            world.sleep(PROBE_PAUSE).await;
        }
        self.table_answered.store(true, Ordering::Relaxed);
        tracing::info!("the program is ready");
    }

    fn readiness(&self) -> (StatusCode, &'static str) {
        if self.drains() {
            (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        } else if self.table_answered.load(Ordering::Relaxed) {
            (StatusCode::OK, "ready\n")
        } else {
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the table has not answered yet\n",
            )
        }
    }
}

/// Reads an item that does not exist, by the keys that the functions use.
pub(crate) async fn probe(client: &Client, table: &str) -> Result<(), String> {
    let key = || AttributeValue::S(PROBE.to_owned());
    let read = client.get_item().table_name(table).key("pk", key());
    let answer = read.key("sk", key()).send().await;
    answer
        .map(drop)
        .map_err(|error| DisplayErrorContext(&error).to_string())
}

/// The two health checks.
pub(crate) fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/_health/live", get(|| async { "alive\n" }))
        .route(
            "/_health/ready",
            get(|State(health): State<Arc<Health>>| async move { health.readiness() }),
        )
        .with_state(health)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_after_the_table_answered_and_until_it_drains() {
        let health = Health::default();
        assert_eq!(health.readiness().0, StatusCode::SERVICE_UNAVAILABLE);
        health.table_answered.store(true, Ordering::Relaxed);
        assert_eq!(health.readiness().0, StatusCode::OK);
        health.drain();
        assert_eq!(
            health.readiness(),
            (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        );
    }
}
