//! The Lambda function: wiring only.

use cors::{App, Config, handle};
use lambda_http::{Error, run, service_fn};

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "main is where the environment is read"
)]
async fn main() -> Result<(), Error> {
    let var = |name: &str| std::env::var(name).ok();
    shared::telemetry::init("cors", var);
    let app = App::new(Config::from_env(var)?);
    run(service_fn(|request| handle(&app, request))).await
}
