//! The Lambda function's entry point: wiring only.

use lambda_runtime::service_fn;
use release_check::{App, Config, SERVICE, handle};
use shared::init::or_tell;
use shared::world::World;

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "the environment comes in here, and nowhere else"
)]
async fn main() -> Result<(), lambda_runtime::Error> {
    let var = |name: &str| std::env::var(name).ok();
    shared::telemetry::init(SERVICE, var);
    let app = App::new(or_tell(var, Config::from_env(var))?, World::real());
    lambda_runtime::run(service_fn(|event| handle(&app, event))).await
}
