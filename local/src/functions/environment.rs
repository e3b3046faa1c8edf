//! A function's environment: the template's variables, and those that Lambda sets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::secret::Secret;

use template::{FunctionSpec, Kind, Place};

/// The services that functions call.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Endpoints {
    /// The URL of DynamoDB.
    pub dynamodb: String,
    /// The URL of every other AWS service. It refuses services that are not imitated.
    pub aws: String,
    /// The URL of a Redis for the orders function. It may contain a password, so no file has it.
    #[serde(skip)]
    pub redis: Option<Secret<String>>,
}

impl Endpoints {
    /// Endpoints for functions that call no service: port 9 (discard), where nothing listens.
    pub(crate) fn nowhere() -> Self {
        Self {
            dynamodb: "http://127.0.0.1:9".to_owned(),
            aws: "http://127.0.0.1:9".to_owned(),
            redis: None,
        }
    }
}

/// The environment of a function.
pub fn of(spec: &FunctionSpec, place: &Place, endpoints: &Endpoints) -> BTreeMap<String, String> {
    let mut environment = spec.environment.clone();
    let mut set =
        |name: &str, value: &str| drop(environment.insert(name.to_owned(), value.to_owned()));
    set("AWS_REGION", &place.region);
    set("AWS_DEFAULT_REGION", &place.region);
    // The local services do not check the key of a signature.
    set("AWS_ACCESS_KEY_ID", "local");
    set("AWS_SECRET_ACCESS_KEY", "local");
    set("AWS_LAMBDA_FUNCTION_NAME", &spec.name);
    set("AWS_LAMBDA_FUNCTION_VERSION", "1");
    set(
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        &spec.memory_megabytes.to_string(),
    );
    // Calls of other services go to a server that refuses them, never to AWS.
    set("AWS_ENDPOINT_URL", &endpoints.aws);
    set("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb);
    if let (Kind::Orders, Some(redis)) = (spec.kind, &endpoints.redis) {
        set("REDIS_URL", redis.expose());
        environment.remove("REDIS_SECRET_ARN");
    }
    environment
}
