//! The orders sweeper on AWS Lambda.

use lambda_http::lambda_runtime::{self, service_fn};
use orders::sweeper::{self, SERVICE, Sweeper};
use shared::init::or_tell;
use shared::world::World;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "main reads the environment")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let var = |name: &str| std::env::var(name).ok();
    shared::telemetry::init(SERVICE, var);
    let config = or_tell(var, sweeper::config(var))?;
    let sweeper = Sweeper::new(&config, World::real())?;
    lambda_runtime::run(service_fn(|event| sweeper::handle(&sweeper, event))).await
}
