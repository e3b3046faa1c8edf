//! Chooses where credentials come from: the environment, web identity, or the container.
//!
//! Web identity is what Kubernetes calls IRSA. The container's provider serves ECS tasks and EKS Pod
//! Identity. The machine's own role is never used: a container must not act as its node.

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::region::Region;

/// The providers, in the order in which they are asked. Clients ask again before the credentials
/// expire. They read the process' environment when they are asked.
pub fn provider(region: Option<String>) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region()
        .with_region(region.map(Region::new))
        .with_behavior_version(Some(BehaviorVersion::latest()));
    let environment = EnvironmentVariableCredentialsProvider::new();
    let web_identity = WebIdentityTokenCredentialsProvider::builder();
    let container = EcsCredentialsProvider::builder();
    let chain = CredentialsProviderChain::first_try("environment", environment)
        .or_else("web identity", web_identity.configure(&config).build())
        .or_else("container", container.configure(&config).build());
    SharedCredentialsProvider::new(chain)
}
