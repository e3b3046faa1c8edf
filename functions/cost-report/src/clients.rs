//! Builds the clients of the services that are asked.

use std::time::Duration;

use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::Region;

use crate::config::Config;

/// The clients. Their retries are off: each call of Cost Explorer costs money, so `ask` counts them.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) costs: aws_sdk_costexplorer::Client,
    pub(crate) budgets: aws_sdk_budgets::Client,
    pub(crate) optimizer: aws_sdk_computeoptimizer::Client,
    pub(crate) hub: aws_sdk_costoptimizationhub::Client,
    pub(crate) advisor: aws_sdk_trustedadvisor::Client,
    pub(crate) metrics: aws_sdk_cloudwatch::Client,
    pub(crate) table: aws_sdk_dynamodb::Client,
    pub(crate) topic: aws_sdk_sns::Client,
}

/// The time to connect. A service that cannot be reached must not use up a call's whole time.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// The longest call of the table, which answers in milliseconds or not at all.
const TABLE_CALL_MAX: Duration = Duration::from_secs(5);

/// The region of the services that know what an account costs: they are in no other.
const REGION: &str = "us-east-1";

/// A client of a crate, with the endpoint that is set for its service.
macro_rules! client {
    ($sdk:ident, $config:expr, $here:expr, $service:literal) => {{
        let mut builder = $sdk::config::Builder::from($here);
        builder.set_endpoint_url($config.aws.endpoint($service));
        $sdk::Client::from_conf(builder.build())
    }};
}

impl Clients {
    pub(crate) fn new(config: &Config) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_MAX)
            .operation_timeout(config.timeouts.call)
            .build();
        let here = config
            .aws
            .sdk_config()
            .into_builder()
            .timeout_config(timeouts)
            .build();
        let costs = here
            .clone()
            .into_builder()
            .region(Region::new(REGION))
            .build();
        // The table, the orders' metric and the functions are in the region of the stack.
        let stack = here
            .clone()
            .into_builder()
            .region(Region::new(config.stack_region.clone()))
            .build();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_MAX)
            .operation_timeout(TABLE_CALL_MAX)
            .build();
        let table = stack
            .clone()
            .into_builder()
            .timeout_config(timeouts)
            .build();
        Self {
            costs: client!(aws_sdk_costexplorer, config, &costs, "COST_EXPLORER"),
            budgets: client!(aws_sdk_budgets, config, &costs, "BUDGETS"),
            hub: client!(
                aws_sdk_costoptimizationhub,
                config,
                &costs,
                "COST_OPTIMIZATION_HUB"
            ),
            advisor: client!(aws_sdk_trustedadvisor, config, &costs, "TRUSTEDADVISOR"),
            topic: client!(aws_sdk_sns, config, &here, "SNS"),
            optimizer: client!(
                aws_sdk_computeoptimizer,
                config,
                &stack,
                "COMPUTE_OPTIMIZER"
            ),
            metrics: client!(aws_sdk_cloudwatch, config, &stack, "CLOUDWATCH"),
            table: client!(aws_sdk_dynamodb, config, &table, "DYNAMODB"),
        }
    }
}
