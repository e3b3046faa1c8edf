//! The orders auditor on AWS Lambda.

use lambda_http::lambda_runtime::{self, service_fn};
use orders::auditor::{self, Auditor, SERVICE};
use shared::init::or_tell;
use shared::world::World;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "main reads the environment")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let var = |name: &str| std::env::var(name).ok();
    shared::telemetry::init(SERVICE, var);
    let config = or_tell(var, auditor::config(var))?;
    let auditor = Auditor::new(&config, World::real())?;
    lambda_runtime::run(service_fn(|event| auditor::handle(&auditor, event))).await
}
