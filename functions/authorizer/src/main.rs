//! The authorizer as a Lambda function.

use authorizer::{App, Config, SERVICE, handle, quiet};
use lambda_runtime::{Error, run, service_fn};
use shared::init::or_tell;
use shared::telemetry;
use shared::world::World;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    #[expect(clippy::disallowed_methods, reason = "only main reads the environment")]
    let var = |name: &str| std::env::var(name).ok();
    telemetry::init(SERVICE, var);
    std::panic::set_hook(Box::new(quiet::report));
    let config = or_tell(var, Config::from_env(var))?;
    let app = or_tell(var, App::new(config, World::real()).await)?;
    run(service_fn(|event| handle(&app, event))).await
}
