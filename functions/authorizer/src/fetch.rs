//! Owns where keys are fetched from: Secrets Manager, a JWK set's address, or the caller's hand.

use std::sync::Arc;

use aws_sdk_secretsmanager::Client as SecretsManager;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use jiff::{SignedDuration, Timestamp};
use shared::json::Json;

use crate::fetch_error::FetchError;
use crate::http::{Client, FETCH_TIMEOUT};
use crate::json;
use crate::keys::{KeySet, KeySetError};
use crate::secret;
use crate::url::KeyUrl;

/// Where one issuer's keys come from, with what is needed to fetch them.
#[derive(Debug)]
pub(crate) enum Source {
    Secret {
        client: SecretsManager,
        secret_id: String,
        overlap_seconds: u32,
        bytes_min: usize,
    },
    Jwks {
        client: Arc<Client>,
        url: KeyUrl,
    },
    Discovery {
        client: Arc<Client>,
        url: KeyUrl,
        iss: String,
    },
    /// Keys given by hand: the same at each fetch.
    Fixed(Fixed),
}

/// Keys given by hand.
#[derive(Clone)]
pub(crate) struct Fixed(pub(crate) Result<KeySet, KeySetError>);

impl std::fmt::Debug for Fixed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Fixed")
    }
}

impl Source {
    /// Whether the keys were given by hand, for any key id.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }

    pub(crate) async fn fetch(&self, now: Timestamp) -> Result<KeySet, FetchError> {
        match self {
            Self::Secret {
                client,
                secret_id,
                overlap_seconds,
                bytes_min,
            } => {
                let versions = versions(client, secret_id);
                let (current, previous) = match tokio::time::timeout(FETCH_TIMEOUT, versions).await
                {
                    Ok(versions) => versions?,
                    Err(_) => return Err(FetchError::Timeout),
                };
                Ok(combine(
                    &current,
                    previous.as_ref(),
                    *overlap_seconds,
                    *bytes_min,
                    now,
                )?)
            }
            Self::Jwks { client, url } => Ok(KeySet::from_jwks(&client.get(url).await?)?),
            Self::Discovery { client, url, iss } => {
                let url = jwks_uri(&client.get(url).await?, iss)?;
                Ok(KeySet::from_jwks(&client.get(&url).await?)?)
            }
            Self::Fixed(fixed) => Ok(fixed.0.clone()?),
        }
    }
}

/// The key set's address in an OpenID configuration, which must be this
/// issuer's own (OpenID Connect Discovery 1.0, section 4.3).
fn jwks_uri(document: &[u8], iss: &str) -> Result<KeyUrl, FetchError> {
    let members = json::object(document).ok_or(FetchError::Discovery(
        "is not a JSON object, or names a member twice",
    ))?;
    let text = |name: &str| members.get(name).and_then(Json::as_str);
    if text("issuer") != Some(iss) {
        return Err(FetchError::Discovery("is another issuer's"));
    }
    text("jwks_uri")
        .and_then(|url| url.parse().ok())
        .ok_or(FetchError::Discovery("names no `jwks_uri` that is https"))
}

/// Reads the current version, and the previous one if there is one.
async fn versions(
    client: &SecretsManager,
    secret_id: &str,
) -> Result<(GetSecretValueOutput, Option<GetSecretValueOutput>), FetchError> {
    let read = |stage: &'static str| {
        client
            .get_secret_value()
            .secret_id(secret_id)
            .version_stage(stage)
            .send()
    };
    // At once: each has a connection to open, and the second is no afterthought.
    let (current, previous) = tokio::join!(read("AWSCURRENT"), read("AWSPREVIOUS"));
    let current = current.map_err(|error| refusal(&error))?;
    match previous {
        Ok(previous) => Ok((current, Some(previous))),
        // A secret that was never rotated has no previous version.
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok((current, None)),
        Err(error) => Err(refusal(&error)),
    }
}

/// What is told of an error: its code, if it is a known one. Never its message.
fn refusal<E>(error: &SdkError<E>) -> FetchError
where
    SdkError<E>: aws_sdk_secretsmanager::error::ProvideErrorMetadata,
{
    const CODES: [&str; 8] = [
        "AccessDeniedException",
        "DecryptionFailure",
        "ExpiredTokenException",
        "InternalServiceError",
        "InvalidRequestException",
        "ResourceNotFoundException",
        "ThrottlingException",
        "UnrecognizedClientException",
    ];
    match error {
        SdkError::ServiceError(_) => {
            let known = CODES.into_iter().find(|code| error.code() == Some(code));
            FetchError::SecretsManager(known.unwrap_or("an error that is not known here"))
        }
        SdkError::TimeoutError(_) => FetchError::Timeout,
        _ => FetchError::Unreachable,
    }
}

/// The keys of both versions, the current one's first.
fn combine(
    current: &GetSecretValueOutput,
    previous: Option<&GetSecretValueOutput>,
    overlap_seconds: u32,
    bytes_min: usize,
    now: Timestamp,
) -> Result<KeySet, KeySetError> {
    let mut keys = secret::read(value(current)?, bytes_min, None)?;
    if let (Some(previous), Some(until)) = (previous, overlap_end(current, overlap_seconds))
        && now < until
    {
        // What was usable before the rotation is so until the overlap ends. A
        // previous value that never was (a placeholder) is no reason to stop.
        match value(previous).and_then(|value| secret::read(value, bytes_min, Some(until))) {
            Ok(replaced) => keys.extend(replaced),
            Err(error) => tracing::warn!(%error, "the secret's previous version is not used"),
        }
    }
    Ok(KeySet::new(keys))
}

fn value(version: &GetSecretValueOutput) -> Result<&str, KeySetError> {
    version
        .secret_string()
        .ok_or_else(|| KeySetError::new("the secret's value is binary, not a string"))
}

/// The previous version is valid until this long after it was replaced. Of a
/// version without a date nothing is known, so its predecessor is not valid.
fn overlap_end(current: &GetSecretValueOutput, overlap_seconds: u32) -> Option<Timestamp> {
    let created = Timestamp::from_second(current.created_date()?.secs()).ok()?;
    created
        .checked_add(SignedDuration::from_secs(overlap_seconds.into()))
        .ok()
}
