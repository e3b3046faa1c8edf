//! The Lambda function: wiring only.

use cors::{App, Config, handle};
use lambda_http::{Error, run, service_fn};
use shared::init::or_tell;

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "main is where the environment is read"
)]
async fn main() -> Result<(), Error> {
    let var = |name: &str| std::env::var(name).ok();
    shared::telemetry::init("cors", var);
    let app = App::new(or_tell(var, Config::from_env(var))?);
    run(service_fn(|request| handle(&app, request))).await
}
