//! The orders function on AWS Lambda.

use lambda_http::service_fn;
use orders::{App, Config, SERVICE, handle};
use shared::init::or_tell;
use shared::world::World;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "main reads the environment")]
async fn main() -> Result<(), lambda_http::Error> {
    let var = |name: &str| std::env::var(name).ok();
    shared::telemetry::init(SERVICE, var);
    let config = or_tell(var, Config::from_env(var))?;
    let app = App::new(&config, World::real())?;
    app.connect().await;
    lambda_http::run(service_fn(|request| handle(&app, request))).await
}
