//! Reads the signing secret of a deployed stack.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use jiff::Timestamp;

use crate::secrets::{CURRENT, PREVIOUS, StoredSecret, Version};
use crate::token::Issuer;

/// The command makes credentials of any kind, single sign-on included, visible to this program.
const SIGN_IN: &str =
    "sign in, and then run: eval \"$(aws configure export-credentials --format env)\"";

/// The versions of the issuer's secret that may sign now: the current one, and the previous one as
/// long as an authorizer may not have read the current one.
///
/// # Errors
/// One line, without the secret's value.
pub(super) async fn secret(issuer: &Issuer, now: Timestamp) -> Result<StoredSecret, String> {
    read(issuer, now).await.map_err(|reason| one_line(&reason))
}

async fn read(issuer: &Issuer, now: Timestamp) -> Result<StoredSecret, String> {
    let id = &issuer.secret_id;
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region_of(id)? {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    let region = config
        .region()
        .ok_or("no AWS region is known: use the secret's ARN, or set AWS_REGION")?;
    let service = aws_sdk_secretsmanager::config::Builder::from(&config)
        .credentials_provider(credentials(&config).await?)
        .build();
    let client = Client::from_conf(service);
    let get = async |stage: &str| {
        let request = client.get_secret_value().secret_id(id);
        request.version_stage(stage).send().await
    };
    let current = get(CURRENT).await;
    let current = current.map_err(|error| refusal(&error, region))?;
    let mut secret = StoredSecret {
        name: id.clone(),
        arn: current.arn().unwrap_or(id).to_owned(),
        versions: vec![version(&current, CURRENT)?],
    };
    let created = secret.staged(CURRENT).map(Version::created);
    if created.is_some_and(|created| now < issuer.signs_from(created)) {
        match get(PREVIOUS).await {
            // A version without a text never signed.
            Ok(previous) => secret.versions.extend(version(&previous, PREVIOUS)),
            // A new secret has no previous value.
            Err(error) if error.code() == Some("ResourceNotFoundException") => {}
            Err(error) => return Err(refusal(&error, region)),
        }
    }
    Ok(secret)
}

/// The region of an ARN; `None` for a name.
fn region_of(id: &str) -> Result<Option<&str>, String> {
    let Some(rest) = id.strip_prefix("arn:") else {
        return Ok(None);
    };
    let mut parts = rest.split(':').skip(1);
    match (parts.next(), parts.next()) {
        (Some("secretsmanager"), Some(region)) if !region.is_empty() => Ok(Some(region)),
        _ => Err("this is not the ARN of a secret (arn:aws:secretsmanager:REGION:…)".to_owned()),
    }
}

/// The credentials from the environment, the profile, or another source of the SDK.
async fn credentials(config: &SdkConfig) -> Result<Credentials, String> {
    let missing = || {
        format!(
            "no AWS credentials were found in the environment or the profile (AWS_PROFILE): {SIGN_IN}"
        )
    };
    let provider = config.credentials_provider().ok_or_else(missing)?;
    let provided = provider.provide_credentials().await;
    provided.map_err(|error| match &error {
        CredentialsError::CredentialsNotLoaded(_) => missing(),
        other => {
            let cause = root(other);
            format!("the AWS credentials cannot be used ({cause}): {SIGN_IN}")
        }
    })
}

fn version(value: &GetSecretValueOutput, stage: &str) -> Result<Version, String> {
    let text = value.secret_string();
    let created = value.created_date().and_then(|date| date.to_millis().ok());
    Ok(Version {
        id: value.version_id().unwrap_or_default().to_owned(),
        value: text.ok_or("its value is binary, not text")?.to_owned(),
        created_milliseconds: created.unwrap_or_default(),
        stages: vec![stage.to_owned()],
    })
}

/// Why Secrets Manager refused. Its messages name the caller and the action.
fn refusal(error: &SdkError<GetSecretValueError>, region: &Region) -> String {
    if !matches!(error, SdkError::ServiceError(_)) {
        return format!(
            "Secrets Manager in {region} gave no answer ({})",
            root(error)
        );
    }
    let message = error.message().unwrap_or_default();
    match error.code().unwrap_or("unknown error") {
        "AccessDeniedException" => format!(
            "access is denied: allow secretsmanager:GetSecretValue, and kms:Decrypt if the \
             secret has a key of its own ({message})"
        ),
        "ResourceNotFoundException" => {
            format!("there is no such secret in {region}, or it has no value ({message})")
        }
        code @ ("ExpiredTokenException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "UnrecognizedClientException") => {
            format!("AWS does not accept the credentials ({code}): {SIGN_IN}")
        }
        code => format!("{code}: {message}"),
    }
}

/// The innermost cause, which a person can act on.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, expected: Result<Option<&str>, ()>) {
        assert_eq!(region_of(id).map_err(drop), expected, "{id}");
    }

    #[test]
    fn an_arn_names_its_region_and_a_name_does_not() {
        check(
            "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:SigningSecret-abc123",
            Ok(Some("ap-northeast-2")),
        );
        check(
            "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:S-abc123",
            Ok(Some("cn-north-1")),
        );
        check("SigningSecret-abc123", Ok(None));
        check("arn:aws:sns:eu-west-1:123456789012:alerts", Err(()));
        check("arn:aws:secretsmanager::1:secret:S", Err(()));
        check("arn:", Err(()));
    }
}
