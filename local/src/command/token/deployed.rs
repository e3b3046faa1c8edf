//! Owns reading the signing secret of a deployed stack, and saying in one line why it cannot be read.

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

/// Puts the credentials of every way to sign in, single sign-on included, where each SDK finds them.
const SIGN_IN: &str =
    "sign in, then type: eval \"$(aws configure export-credentials --format env)\"";

/// The versions of the issuer's secret that may sign now: the current one, and the previous one as
/// long as an authorizer may not know the current one.
///
/// # Errors
/// One line without anything of the secret's value.
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
        .ok_or("no AWS region is known: give the secret's ARN, or set AWS_REGION")?;
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
            // One without a text never signed.
            Ok(previous) => secret.versions.extend(version(&previous, PREVIOUS)),
            // A secret that is new has no previous value.
            Err(error) if error.code() == Some("ResourceNotFoundException") => {}
            Err(error) => return Err(refusal(&error, region)),
        }
    }
    Ok(secret)
}

/// The region that an ARN names; `None` for a name, which has none.
fn region_of(id: &str) -> Result<Option<&str>, String> {
    let Some(rest) = id.strip_prefix("arn:") else {
        return Ok(None);
    };
    let mut parts = rest.split(':').skip(1);
    match (parts.next(), parts.next()) {
        (Some("secretsmanager"), Some(region)) if !region.is_empty() => Ok(Some(region)),
        _ => Err("this is no secret's ARN (arn:aws:secretsmanager:REGION:…)".to_owned()),
    }
}

/// The credentials of the environment, the profile, or wherever else the SDK looks.
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
        value: text.ok_or("its value is binary and no text")?.to_owned(),
        created_milliseconds: created.unwrap_or_default(),
        stages: vec![stage.to_owned()],
    })
}

/// Why Secrets Manager did not give the value. Its messages name who asked and for what.
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
            "access is denied; it takes secretsmanager:GetSecretValue, and kms:Decrypt if the \
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

/// The innermost cause, which is the one that a person can act upon.
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
    fn an_arn_says_which_region_it_is_in_and_a_name_does_not() {
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
