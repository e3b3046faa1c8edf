//! Reads the region, credentials and endpoints of AWS from the environment.
//!
//! Lambda passes the region and the credentials as environment variables. The
//! SDK's provider chain also searches files, containers and instance metadata.
//! It would find nothing there, and searching takes milliseconds of every cold
//! start, so it is not used. A program that runs elsewhere brings a provider of its own.

use std::collections::BTreeMap;

use aws_credential_types::Credentials;
pub use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

/// The services whose endpoint can be replaced, as the AWS SDKs name them in
/// `AWS_ENDPOINT_URL_<SERVICE>`.
const SERVICES: [&str; 14] = [
    "BUDGETS",
    "CLOUDFORMATION",
    "CLOUDWATCH",
    "CLOUDWATCH_LOGS",
    "CODEDEPLOY",
    "COMPUTE_OPTIMIZER",
    "COST_EXPLORER",
    "COST_OPTIMIZATION_HUB",
    "DYNAMODB",
    "LAMBDA",
    "SECRETS_MANAGER",
    "SNS",
    "SQS",
    "TRUSTEDADVISOR",
];

/// A required variable is missing.
#[derive(Debug, thiserror::Error, Eq, PartialEq)]
#[error("{0} is not set. Lambda sets it for every function; outside Lambda, set it yourself")]
pub struct MissingVariable(&'static str);

/// Region, credentials and endpoints.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    region: String,
    credentials: SharedCredentialsProvider,
    endpoints: BTreeMap<&'static str, String>,
}

impl AwsConfig {
    /// Reads `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.
    ///
    /// # Errors
    /// Names the first variable that is missing.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, MissingVariable> {
        let required = |name| var(name).ok_or(MissingVariable(name));
        // The region's absence is reported first.
        required("AWS_REGION")?;
        let credentials = Credentials::new(
            required("AWS_ACCESS_KEY_ID")?,
            required("AWS_SECRET_ACCESS_KEY")?,
            var("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        Self::with_credentials(&var, SharedCredentialsProvider::new(credentials))
    }

    /// Reads the same variables without those of the credentials, which `credentials`
    /// provides. A client asks it again before they expire.
    ///
    /// # Errors
    /// `AWS_REGION` is missing.
    pub fn with_credentials(
        var: impl Fn(&str) -> Option<String>,
        credentials: SharedCredentialsProvider,
    ) -> Result<Self, MissingVariable> {
        let everywhere = var("AWS_ENDPOINT_URL");
        let endpoint = |service: &&'static str| {
            var(&format!("AWS_ENDPOINT_URL_{service}"))
                .or_else(|| everywhere.clone())
                .map(|url| (*service, url))
        };
        Ok(Self {
            region: var("AWS_REGION").ok_or(MissingVariable("AWS_REGION"))?,
            credentials,
            endpoints: SERVICES.iter().filter_map(endpoint).collect(),
        })
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Where the credentials come from.
    pub fn credentials(&self) -> &SharedCredentialsProvider {
        &self.credentials
    }

    /// The URL to use instead of the service's own endpoint, if one is set.
    ///
    /// `service` is a name such as `DYNAMODB`.
    pub fn endpoint(&self, service: &str) -> Option<String> {
        self.endpoints.get(service).cloned()
    }

    /// The configuration that every client starts from.
    ///
    /// The SDK's retries are off: the caller decides which requests may be
    /// repeated, and waits on the clock of its [`World`](crate::world::World).
    pub fn sdk_config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .retry_config(RetryConfig::disabled())
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(extra: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let base = [
            ("AWS_REGION", "ap-northeast-2"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ];
        let all: BTreeMap<String, String> = base
            .iter()
            .chain(extra)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |name| all.get(name).cloned()
    }

    #[test]
    fn a_service_prefers_its_own_endpoint_to_the_general_one() {
        let config = AwsConfig::from_env(environment(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:2"),
        ]))
        .unwrap();
        assert_eq!(config.endpoint("DYNAMODB").unwrap(), "http://127.0.0.1:2");
        assert_eq!(config.endpoint("SQS").unwrap(), "http://127.0.0.1:1");
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = AwsConfig::from_env(|_| None).unwrap_err();
        assert!(error.to_string().starts_with("AWS_REGION is not set"));
    }

    #[test]
    fn a_program_with_a_provider_of_its_own_needs_no_keys_in_the_environment() {
        let given = Credentials::new("given", "hunter2", None, None, "a test");
        let given = SharedCredentialsProvider::new(given);
        let region = |name: &str| (name == "AWS_REGION").then(|| "eu-west-1".to_owned());
        let config = AwsConfig::with_credentials(region, given.clone()).unwrap();
        assert_eq!(config.region(), "eu-west-1");
        assert!(!format!("{config:?}").contains("hunter2"));
        let error = AwsConfig::with_credentials(|_| None, given).unwrap_err();
        assert!(error.to_string().starts_with("AWS_REGION is not set"));
    }

    #[test]
    fn credentials_are_not_printed() {
        let config = AwsConfig::from_env(environment(&[])).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
