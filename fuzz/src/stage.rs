//! What targets share: a runtime, a fixed world, samples, and the orders function on an empty table.

use std::cell::LazyCell;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use database::{Engine, connector};
use jiff::Timestamp;
use lambda_http::{Context, Request, RequestExt as _};
use orders::{App, Config};
use serde_json::Value;
use shared::world::World;
use template::{Kind, Template};
use tokio::runtime::{Builder, Runtime};

/// The time in every target.
pub(crate) const NOW: i64 = 1_795_320_306;

thread_local! {
    static RUNTIME: LazyCell<Runtime> =
        LazyCell::new(|| Builder::new_current_thread().enable_all().build().unwrap());
    static TEMPLATE: LazyCell<Template> =
        LazyCell::new(|| Template::read(template::SHIPPED, []).unwrap());
}

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// A world whose clock stands and in which nobody waits. Its random numbers count upwards, so that they
/// differ from each other but not from one run to the next.
pub(crate) fn world() -> World {
    let now = Timestamp::from_second(NOW).unwrap();
    let count = AtomicU64::new(0);
    let random = move |bytes: &mut [u8]| {
        let number = count.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let digits = number.iter().cycle();
        bytes
            .iter_mut()
            .zip(digits)
            .for_each(|(byte, digit)| *byte = *digit);
    };
    World::new(move || now, random, |_| Box::pin(async {}))
}

/// The orders function's configuration.
pub(crate) fn orders_config() -> Config {
    let config = Config::from_env(|name| {
        let value = match name {
            "TABLE_NAME" => "orders",
            "ALLOWED_ORIGINS" => "http://localhost:5173",
            "AWS_REGION" => "ap-northeast-2",
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test",
            _ => return None,
        };
        Some(value.to_owned())
    });
    config.unwrap()
}

/// The orders function on an empty table.
pub(crate) fn orders() -> App {
    let engine = Engine::in_memory().unwrap();
    TEMPLATE.with(|template| {
        let (_, function) = template.function(Kind::Orders).unwrap();
        let name = &function.environment["TABLE_NAME"];
        let spec = template.tables.iter().find(|table| table.name == *name);
        engine.create(spec.unwrap(), "orders").unwrap();
    });
    App::with_client(&orders_config(), connector::client(&engine), world()).unwrap()
}

/// An event of the gateway as a request; `None` if the runtime refuses the event.
pub(crate) fn request(event: &Value) -> Option<Request> {
    let request = lambda_http::request::from_str(&event.to_string()).ok()?;
    let mut context = Context::default();
    context.deadline = u64::try_from(NOW * 1_000 + 10_000).unwrap();
    Some(request.with_lambda_context(context))
}

/// Reads a sample event.
pub(crate) fn sample(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
