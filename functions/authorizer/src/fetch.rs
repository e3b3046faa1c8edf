//! Fetches an issuer's keys: from Secrets Manager, from a JWK set's address, or as they were given.

use std::sync::Arc;

use aws_sdk_secretsmanager::Client as SecretsManager;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use jiff::{SignedDuration, Timestamp};
use shared::json::Json;

use crate::algorithm::Algorithm;
use crate::fetch_error::FetchError;
use crate::http::{Client, FETCH_TIMEOUT};
use crate::json;
use crate::keys::{KeySet, KeySetError};
use crate::secret;
use crate::url::KeyUrl;

/// Where one issuer's keys come from, with the client and settings to fetch them.
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
        algorithms: Vec<Algorithm>,
    },
    Discovery {
        client: Arc<Client>,
        url: KeyUrl,
        iss: String,
        algorithms: Vec<Algorithm>,
    },
    /// Keys given by hand: every fetch returns the same.
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
    /// Whether the keys were given by hand, so that a token may name any key id.
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
            Self::Jwks {
                client,
                url,
                algorithms,
            } => Ok(usable(&client.get(url).await?, algorithms)?),
            Self::Discovery {
                client,
                url,
                iss,
                algorithms,
            } => {
                let url = jwks_uri(&client.get(url).await?, iss)?;
                Ok(usable(&client.get(&url).await?, algorithms)?)
            }
            Self::Fixed(fixed) => Ok(fixed.0.clone()?),
        }
    }
}

/// Reads a published set.
///
/// A set without a key for one of the issuer's algorithms is refused. It would
/// otherwise replace good keys, and deny every token until the next refresh.
fn usable(document: &[u8], algorithms: &[Algorithm]) -> Result<KeySet, KeySetError> {
    let set = KeySet::from_jwks(document)?;
    if set.serves(algorithms) {
        Ok(set.read_from([document]))
    } else {
        // A token of a key that was left out is denied: no other set makes it valid.
        Err(KeySetError::offending(
            "the key set has no key for the issuer's `algorithms`",
            set.kids_left_out(),
            false,
        ))
    }
}

/// Reads the address of the key set from an OpenID configuration, which must name
/// this issuer (OpenID Connect Discovery 1.0, section 4.3).
fn jwks_uri(document: &[u8], iss: &str) -> Result<KeyUrl, FetchError> {
    let members = json::object(document).ok_or(FetchError::Discovery(
        "is not a JSON object, or repeats a member",
    ))?;
    let text = |name: &str| members.get(name).and_then(Json::as_str);
    if text("issuer") != Some(iss) {
        return Err(FetchError::Discovery("belongs to another issuer"));
    }
    text("jwks_uri")
        .and_then(|url| url.parse().ok())
        .ok_or(FetchError::Discovery(
            "has no `jwks_uri` with an https address",
        ))
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
    // Both at once, since each opens a connection of its own.
    let (current, previous) = tokio::join!(read("AWSCURRENT"), read("AWSPREVIOUS"));
    let current = current.map_err(|error| refusal(&error))?;
    match previous {
        Ok(previous) => Ok((current, Some(previous))),
        // A secret that was never rotated has no previous version.
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok((current, None)),
        Err(error) => Err(refusal(&error)),
    }
}

/// Keeps the code of an error, if it is a known one, and drops the message.
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
            FetchError::SecretsManager(known.unwrap_or("an unknown error code"))
        }
        SdkError::TimeoutError(_) => FetchError::Timeout,
        _ => FetchError::Unreachable,
    }
}

/// The keys of both versions. The keys of the current version come first.
fn combine(
    current: &GetSecretValueOutput,
    previous: Option<&GetSecretValueOutput>,
    overlap_seconds: u32,
    bytes_min: usize,
    now: Timestamp,
) -> Result<KeySet, KeySetError> {
    let mut keys = secret::read(value(current)?, bytes_min, None)?;
    if let Some(previous) = previous
        && let Some(until) = overlap_end(current, previous, overlap_seconds)
        && now < until
    {
        // Keys that were usable before the rotation stay usable until the overlap
        // ends. An unusable previous value, such as a placeholder, is ignored.
        match value(previous).and_then(|value| secret::read(value, bytes_min, Some(until))) {
            Ok(replaced) => keys.extend(replaced),
            Err(error) => tracing::warn!(%error, "the secret's previous version is ignored"),
        }
    }
    let texts = [Some(current), previous]
        .map(|version| version.and_then(|version| version.secret_string()));
    Ok(KeySet::new(keys).read_from(texts.map(|text| text.unwrap_or_default().as_bytes())))
}

fn value(version: &GetSecretValueOutput) -> Result<&str, KeySetError> {
    version
        .secret_string()
        .ok_or_else(|| KeySetError::new("the secret's value is binary, not a string"))
}

/// The moment at which the previous version stops being valid: the overlap counts
/// from the later of the two dates. If a stage was moved back, the previous version is
/// the newer one, and tokens that it signed are still around.
///
/// `None` if the current version has no date: then it is unknown when the
/// previous one was replaced, so it is not valid. The time at which this environment
/// first saw a version does not count, because a new environment sees it anew.
fn overlap_end(
    current: &GetSecretValueOutput,
    previous: &GetSecretValueOutput,
    overlap_seconds: u32,
) -> Option<Timestamp> {
    let created = current.created_date()?.secs();
    let created = previous
        .created_date()
        .map_or(created, |date| created.max(date.secs()));
    Timestamp::from_second(created)
        .ok()?
        .checked_add(SignedDuration::from_secs(overlap_seconds.into()))
        .ok()
}
