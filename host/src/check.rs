//! Tests the surroundings before there is traffic, and says what to do about each fault.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use shared::aws::AwsConfig;
use shared::world::World;

use crate::health::probe;
use crate::serve::{table, template, with_scopes};
use crate::settings::Settings;

/// How long each test may take.
const TEST_TIMEOUT: Duration = Duration::from_secs(10);
/// AWS refuses requests whose clock is wrong by five minutes. Tokens expire sooner.
const SKEW_SECONDS_MAX: i64 = 60;

/// What one test found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What was tested.
    pub subject: &'static str,
    /// What is wrong, and what to do; `None` if nothing is.
    pub fault: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject;
        match &self.fault {
            None => write!(formatter, "ok      {subject}"),
            // One line each, whatever a library's message has.
            Some(fault) => write!(formatter, "FAILED  {subject}: {}", fault.replace('\n', " ")),
        }
    }
}

fn finding(subject: &'static str, result: Result<(), String>) -> Finding {
    let fault = result.err();
    Finding { subject, fault }
}

/// Tests everything that the program needs, in the order in which it needs it.
pub async fn surroundings(
    var: impl Fn(&str) -> Option<String> + Sync,
    credentials: SharedCredentialsProvider,
    world: World,
) -> Vec<Finding> {
    let settings = Settings::from_env(&var).map_err(|error| error.to_string());
    let declared = settings
        .as_ref()
        .ok()
        .and_then(|it| it.architecture.clone());
    let mut findings = vec![
        finding("settings", settings.map(drop)),
        finding(
            "architecture",
            architecture(declared.as_deref(), std::env::consts::ARCH),
        ),
    ];
    let aws = match AwsConfig::with_credentials(&var, credentials) {
        Ok(aws) => aws,
        Err(error) => {
            findings.push(finding("region", Err(error.to_string())));
            return findings;
        }
    };
    let routes = match template(&var, aws.region()) {
        Ok(routes) => routes,
        Err(error) => {
            findings.push(finding("template", Err(error.to_string())));
            return findings;
        }
    };
    findings.push(finding("template", Ok(())));
    let var = with_scopes(&routes, &var);
    findings.push(finding("credentials", in_time(has_credentials(&aws)).await));
    let date = in_time(date_of_dynamodb(&aws)).await;
    let reached = date.as_ref().map(drop).map_err(Clone::clone);
    findings.push(finding("network", reached));
    if let Ok(date) = date {
        findings.push(finding("clock", clock(date, world.machine_now())));
    }
    findings.push(finding("table", in_time(has_table(&var, &aws)).await));
    findings.push(finding("keys", in_time(has_keys(&var, &aws, &world)).await));
    findings
}

async fn in_time<T>(test: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let ended = tokio::time::timeout(TEST_TIMEOUT, test).await;
    ended.unwrap_or_else(|_| {
        let seconds = TEST_TIMEOUT.as_secs();
        Err(format!(
            "no answer after {seconds} seconds: look at the subnets' routes, the endpoints and the security groups"
        ))
    })
}

/// The names of a processor, as Rust, AWS and Docker write it.
fn same_processor(declared: &str, own: &str) -> bool {
    let common = |name: &str| match name.to_ascii_lowercase().as_str() {
        "arm64" | "aarch64" => "arm64".to_owned(),
        "x86_64" | "amd64" => "x86_64".to_owned(),
        other => other.to_owned(),
    };
    common(declared) == common(own)
}

fn architecture(declared: Option<&str>, own: &str) -> Result<(), String> {
    match declared {
        Some(declared) if !same_processor(declared, own) => Err(format!(
            "the image is for {own}, but ARCHITECTURE is {declared}: build it with --platform, or deploy with the other Architecture"
        )),
        _ => Ok(()),
    }
}

async fn has_credentials(aws: &AwsConfig) -> Result<(), String> {
    let provided = aws.credentials().provide_credentials().await;
    provided.map(drop).map_err(|error| {
        let cause = aws_sdk_dynamodb::error::DisplayErrorContext(&error);
        format!("{cause}: give the task or the service account a role")
    })
}

/// The time that DynamoDB's endpoint tells. It needs no credentials for that.
async fn date_of_dynamodb(aws: &AwsConfig) -> Result<Timestamp, String> {
    let region = aws.region();
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    let own = format!("https://dynamodb.{region}.amazonaws.com{suffix}/");
    let url = aws.endpoint("DYNAMODB").unwrap_or(own);
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build();
    let request = HttpRequest::get(url.as_str()).map_err(|error| format!("{url}: {error}"))?;
    let answer = connector.call(request).await.map_err(|error| {
        let cause = aws_sdk_dynamodb::error::DisplayErrorContext(&error);
        format!("{url} cannot be reached: {cause}: look at DNS, the routes and the security groups")
    })?;
    let date = answer.headers().get("date").unwrap_or_default();
    let date = rfc2822::parse(date).map_err(|error| format!("{url} sent no date: {error}"))?;
    Ok(date.timestamp())
}

fn clock(theirs: Timestamp, ours: Timestamp) -> Result<(), String> {
    let skew = ours.duration_since(theirs).as_secs();
    if SKEW_SECONDS_MAX < skew.abs() {
        return Err(format!(
            "this machine's clock is {skew} seconds ahead of AWS: start its time service, such as chrony"
        ));
    }
    Ok(())
}

async fn has_table(var: impl Fn(&str) -> Option<String>, aws: &AwsConfig) -> Result<(), String> {
    let (client, name) = table(var, aws).map_err(|error| error.to_string())?;
    probe(&client, &name).await.map_err(|fault| {
        let advice = if fault.contains("ResourceNotFound") {
            "TABLE_NAME must name the table of the main stack, in this region"
        } else if fault.contains("ValidationException") {
            "the table needs the keys pk and sk: TABLE_NAME names another table"
        } else if fault.contains("AccessDenied") {
            "the role must allow dynamodb:GetItem on this table"
        } else {
            "see the other lines"
        };
        format!("{name} does not answer: {advice} ({fault})")
    })
}

async fn has_keys(
    var: impl Fn(&str) -> Option<String>,
    aws: &AwsConfig,
    world: &World,
) -> Result<(), String> {
    let config = authorizer::Config::with_aws(var, aws.clone()).map_err(|it| it.to_string())?;
    let app = authorizer::App::new(config, world.clone()).await;
    let faults = app.map_err(|error| error.to_string())?.key_faults().await;
    if faults.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = faults
        .into_iter()
        .map(|(issuer, fault)| format!("the issuer {issuer}: {fault}"))
        .collect();
    let advice = "the role must allow secretsmanager:GetSecretValue on the signing secret, and the subnets must reach the issuer";
    Err(format!("{}: {advice}", texts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_for_another_processor_is_a_fault() {
        assert!(architecture(None, "x86_64").is_ok());
        assert!(architecture(Some("X86_64"), "x86_64").is_ok());
        assert!(architecture(Some("arm64"), "aarch64").is_ok());
        let fault = architecture(Some("arm64"), "x86_64").unwrap_err();
        assert!(fault.contains("--platform"), "{fault}");
    }

    #[test]
    fn a_clock_may_be_wrong_by_a_minute() {
        let now = Timestamp::UNIX_EPOCH;
        let off = |seconds| clock(now, now + jiff::SignedDuration::from_secs(seconds));
        assert!(off(60).is_ok());
        assert!(off(-60).is_ok());
        assert!(off(61).unwrap_err().contains("61 seconds ahead"));
        assert!(off(-61).unwrap_err().contains("-61 seconds ahead"));
    }

    #[test]
    fn a_finding_is_one_line() {
        let fault = Some("a\nb".to_owned());
        let finding = Finding {
            subject: "table",
            fault,
        };
        assert_eq!(finding.to_string(), "FAILED  table: a b");
    }
}
