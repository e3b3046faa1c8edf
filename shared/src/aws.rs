//! Reads the region, credentials and endpoints of AWS from the environment.
//!
//! Lambda passes the region and the credentials as environment variables. The
//! SDK's provider chain also searches files, containers and instance metadata.
//! It would find nothing there, and searching takes milliseconds of every cold
//! start, so it is not used. A program that runs elsewhere brings a provider of its own.

use std::collections::BTreeMap;

use aws_credential_types::Credentials;
pub use aws_credential_types::provider::SharedCredentialsProvider;
#[cfg(feature = "https")]
use aws_smithy_http_client::tls::TlsContext;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

#[cfg(feature = "https")]
use crate::https::{self, Authorities};

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
    #[cfg(feature = "https")]
    authorities: Authorities,
}

impl AwsConfig {
    /// Reads `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`. Its clients trust
    /// the authorities of AWS only, unless the region, an endpoint, `SSL_CERT_FILE`, `SSL_CERT_DIR`
    /// or a proxy says that others may sign.
    ///
    /// # Errors
    /// Names the first variable that is missing.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, MissingVariable> {
        let required = |name| var(name).ok_or(MissingVariable(name));
        // The region's absence is reported first.
        let region = required("AWS_REGION")?;
        let credentials = Credentials::new(
            required("AWS_ACCESS_KEY_ID")?,
            required("AWS_SECRET_ACCESS_KEY")?,
            var("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let config = Self::with_credentials(&var, SharedCredentialsProvider::new(credentials))?;
        Ok(Self {
            #[cfg(feature = "https")]
            authorities: Authorities::of(&var, &region, config.endpoints.values()),
            region,
            ..config
        })
    }

    /// Reads the same variables without those of the credentials, which `credentials`
    /// provides. A client asks it again before they expire, and trusts whom this machine trusts:
    /// such a program starts seldom, on a machine of which nothing is known.
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
        let region = var("AWS_REGION").ok_or(MissingVariable("AWS_REGION"))?;
        let endpoints: BTreeMap<_, _> = SERVICES.iter().filter_map(endpoint).collect();
        Ok(Self {
            #[cfg(feature = "https")]
            authorities: Authorities::System,
            region,
            credentials,
            endpoints,
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
        let mut config = SdkConfig::builder();
        config
            .set_behavior_version(Some(BehaviorVersion::latest()))
            .set_region(Some(Region::new(self.region.clone())))
            .set_credentials_provider(Some(self.credentials.clone()))
            .set_retry_config(Some(RetryConfig::disabled()));
        #[cfg(feature = "https")]
        config.set_http_client(self.tls_context().map(https::client));
        config.build()
    }

    /// Whom a client of AWS trusts: the authorities of AWS, or those of this machine where
    /// others may sign. `None` is the SDK's own choice.
    #[cfg(feature = "https")]
    pub fn tls_context(&self) -> Option<TlsContext> {
        self.authorities.context()
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

    #[cfg(feature = "https")]
    #[test]
    fn only_a_program_that_lambda_starts_trusts_fewer_authorities_than_its_machine() {
        let lambdas = AwsConfig::from_env(environment(&[])).unwrap();
        assert_eq!(lambdas.authorities, Authorities::Amazon);
        let provider = lambdas.credentials().clone();
        let other = AwsConfig::with_credentials(environment(&[]), provider).unwrap();
        assert_eq!(other.authorities, Authorities::System);
    }

    #[test]
    fn credentials_are_not_printed() {
        let config = AwsConfig::from_env(environment(&[])).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
