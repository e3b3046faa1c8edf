//! Makes the handler of each kind of function from its environment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use runtime::{Handler, event_handler, http_handler};
use shared::world::World;
use template::Kind;

/// Makes the handler of a kind; the error is the function's own message.
pub(super) async fn of_kind(
    kind: Kind,
    environment: &BTreeMap<String, String>,
    world: &World,
) -> Result<Handler, String> {
    let var = |name: &str| environment.get(name).cloned();
    Ok(match kind {
        Kind::Orders => {
            let config = orders::Config::from_env(var).map_err(text)?;
            let app = Arc::new(orders::App::new(&config, world.clone()).map_err(text)?);
            http_handler(move |request| {
                let app = Arc::clone(&app);
                async move { orders::handle(&app, request).await }
            })
        }
        Kind::Cors => {
            let app = Arc::new(cors::App::new(cors::Config::from_env(var).map_err(text)?));
            http_handler(move |request| {
                let app = Arc::clone(&app);
                async move { cors::handle(&app, request).await }
            })
        }
        Kind::Authorizer => {
            let config = authorizer::Config::from_env(var).map_err(text)?;
            let app = authorizer::App::new(config, world.clone())
                .await
                .map_err(text)?;
            let app = Arc::new(app);
            event_handler(move |event| {
                let app = Arc::clone(&app);
                async move { authorizer::handle(&app, event).await }
            })
        }
        Kind::AlertForwarder => {
            alert_forwarder(alert_forwarder::Config::from_env(var).map_err(text)?, world)?
        }
        Kind::OrdersSweeper => {
            let config = orders::sweeper::config(var).map_err(text)?;
            let app =
                Arc::new(orders::sweeper::Sweeper::new(&config, world.clone()).map_err(text)?);
            event_handler(move |event| {
                let app = Arc::clone(&app);
                async move { orders::sweeper::handle(&app, event).await }
            })
        }
        Kind::CostReport => {
            let config = cost_report::Config::from_env(var).map_err(text)?;
            let app = Arc::new(cost_report::App::new(&config, world.clone()));
            event_handler(move |event| {
                let app = Arc::clone(&app);
                async move { cost_report::handle(&app, event).await }
            })
        }
        Kind::OrdersAuditor => {
            let config = orders::auditor::config(var).map_err(text)?;
            let app =
                Arc::new(orders::auditor::Auditor::new(&config, world.clone()).map_err(text)?);
            event_handler(move |event| {
                let app = Arc::clone(&app);
                async move { orders::auditor::handle(&app, event).await }
            })
        }
        Kind::ReleaseCheck => {
            let config = release_check::Config::from_env(var).map_err(text)?;
            let app = Arc::new(release_check::App::new(config, world.clone()));
            event_handler(move |event| {
                let app = Arc::clone(&app);
                async move { release_check::handle(&app, event).await }
            })
        }
    })
}

pub(super) fn alert_forwarder(
    config: alert_forwarder::Config,
    world: &World,
) -> Result<Handler, String> {
    let app = Arc::new(alert_forwarder::App::new(config, world.clone()).map_err(text)?);
    Ok(event_handler(move |event| {
        let app = Arc::clone(&app);
        async move { alert_forwarder::handle(&app, event).await }
    }))
}

pub(super) fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
