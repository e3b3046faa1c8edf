//! Reads the issuers of `ISSUERS`, and refuses an entry that is wrong or unsafe.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::algorithm::{Algorithm, Family};
use crate::config_error::ConfigError;
use crate::grants::{Grants, is_scope};
use crate::issuer::{AudienceClaim, Issuer, KeySource, Types};
use crate::json;
use crate::url::KeyUrl;

/// The longest lifetime of a token, unless the issuer's entry sets another.
const MAX_TTL_SECONDS_DEFAULT: u32 = 24 * 60 * 60;
/// The longest lifetime that an entry can set.
const MAX_TTL_SECONDS_MAX: u32 = 31 * 24 * 60 * 60;
/// How far clocks may differ, unless the issuer's entry sets another leeway.
const LEEWAY_SECONDS_DEFAULT: u32 = 5;
/// The largest leeway that an entry can set.
const LEEWAY_SECONDS_MAX: u32 = 30;
/// How long a replaced secret stays valid, unless the issuer's entry sets another time.
pub const OVERLAP_SECONDS_DEFAULT: u32 = 24 * 60 * 60;
/// The longest time that an entry can set for a replaced secret.
const OVERLAP_SECONDS_MAX: u32 = 31 * 24 * 60 * 60;

/// The longest name of an issuer. Every context carries the name.
const NAME_BYTES_MAX: usize = 64;

/// An entry of `ISSUERS`, not checked yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    iss: String,
    audiences: Vec<String>,
    audience_from: Option<String>,
    require: Option<BTreeMap<String, String>>,
    scopes_from: Option<Vec<Path>>,
    scope_names: Option<BTreeMap<String, Vec<String>>>,
    may: Option<BTreeSet<String>>,
    algorithms: Vec<String>,
    typ: Option<Vec<String>>,
    max_ttl_seconds: Option<u32>,
    leeway_seconds: Option<u32>,
    keys: Keys,
}

/// A claim of `scopes_from`. A name can contain dots, so a path is a list of names.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Path {
    Name(String),
    Members(Vec<String>),
}

/// The `keys` of an entry, not checked yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    secret_id: Option<String>,
    overlap_seconds: Option<u32>,
    jwks_url: Option<String>,
    discovery: Option<bool>,
}

/// Reads `ISSUERS`, a JSON array.
pub(crate) fn issuers(text: &str) -> Result<Vec<Issuer>, ConfigError> {
    let fail = |problem: &str| ConfigError::new("ISSUERS", problem);
    let entries: Vec<serde_json::Value> = serde_json::from_str(text)
        .map_err(|error| fail(&format!("is not a JSON array: {error}")))?;
    // The library accepts repeated members, so the strict reader reads the text too.
    if json::object(format!("{{\"ISSUERS\":{text}}}").as_bytes()).is_none() {
        return Err(fail("repeats a member, or nests too deep"));
    }
    if entries.is_empty() {
        return Err(fail("is empty: add an issuer, or every request is denied"));
    }
    let mut issuers: Vec<Issuer> = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let issuer = read_issuer(index, entry)?;
        let place = place(index, &issuer.name);
        if issuers.iter().any(|other| other.name == issuer.name) {
            return Err(ConfigError::new(&place, "has the name of an earlier entry"));
        }
        if issuers.iter().any(|other| other.iss == issuer.iss) {
            return Err(ConfigError::new(
                &place,
                "has the `iss` of an earlier entry",
            ));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

fn place(index: usize, name: &str) -> String {
    format!("ISSUERS[{index}] ({name:?}):")
}

fn read_issuer(index: usize, value: serde_json::Value) -> Result<Issuer, ConfigError> {
    let place = place(
        index,
        value
            .get("name")
            .and_then(serde_json::Value::as_str)
            .unwrap_or("?"),
    );
    let fail = |problem: &str| ConfigError::new(&place, problem);
    let entry: Entry = serde_json::from_value(value).map_err(|error| fail(&error.to_string()))?;

    let name = &entry.name;
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || NAME_BYTES_MAX < name.len() || !name.bytes().all(is_name_byte) {
        return Err(fail(
            "`name` must be 1 to 64 letters, digits, `-`, `_` or `.`",
        ));
    }
    if entry.iss.is_empty() {
        return Err(fail("`iss` is empty"));
    }
    if entry.audiences.is_empty() || entry.audiences.iter().any(String::is_empty) {
        return Err(fail(
            "`audiences` must list at least one audience, and no empty ones",
        ));
    }
    let audience_from = audience_from(&entry).map_err(|problem| fail(&problem))?;
    let grants = grants(&entry).map_err(&fail)?;
    let max_ttl_seconds = entry.max_ttl_seconds.unwrap_or(MAX_TTL_SECONDS_DEFAULT);
    if !(1..=MAX_TTL_SECONDS_MAX).contains(&max_ttl_seconds) {
        return Err(fail(&format!(
            "`max_ttl_seconds` must be 1 to {MAX_TTL_SECONDS_MAX}"
        )));
    }
    let leeway_seconds = entry.leeway_seconds.unwrap_or(LEEWAY_SECONDS_DEFAULT);
    if LEEWAY_SECONDS_MAX < leeway_seconds {
        return Err(fail(&format!(
            "`leeway_seconds` must be at most {LEEWAY_SECONDS_MAX}"
        )));
    }
    let types = match &entry.typ {
        None => Types::standard(),
        Some(list) if list.is_empty() || list.iter().any(String::is_empty) => {
            return Err(fail("`typ` must list at least one type, and no empty ones"));
        }
        Some(list) => Types::only(list),
    };
    let algorithms = algorithms(&entry.algorithms).map_err(|problem| fail(&problem))?;
    let keys = key_source(&entry, &algorithms).map_err(|problem| fail(&problem))?;
    Ok(Issuer {
        name: entry.name,
        iss: entry.iss,
        audiences: entry.audiences,
        audience_from,
        required: entry.require.unwrap_or_default(),
        grants,
        algorithms,
        types,
        max_ttl_seconds,
        leeway_seconds,
        keys,
    })
}

/// Reads `audience_from` and `require`.
///
/// An ID token names a client too, and so does a token for another API of that
/// client. A required claim tells them from the tokens for this API.
fn audience_from(entry: &Entry) -> Result<AudienceClaim, String> {
    if let Some(required) = &entry.require {
        let is_empty = |(name, value): (&String, &String)| name.is_empty() || value.is_empty();
        if required.is_empty() || required.iter().any(is_empty) {
            return Err(
                "`require` must name at least one claim, and no empty names or values".to_owned(),
            );
        }
    }
    match entry.audience_from.as_deref() {
        None => Ok(AudienceClaim::Aud),
        Some("client_id") if entry.require.is_some() => Ok(AudienceClaim::ClientId),
        Some("client_id") => Err(
            "`audience_from` needs `require`, such as {\"token_use\": \"access\"}: without it, an \
             ID token could pass for an access token"
                .to_owned(),
        ),
        Some(_) => Err(
            "`audience_from` must be `client_id`: leave it out to read the audience from `aud`"
                .to_owned(),
        ),
    }
}

/// Reads `scopes_from`, `scope_names` and `may`.
fn grants(entry: &Entry) -> Result<Grants, &'static str> {
    let paths = entry.scopes_from.clone().map(|paths| {
        let path = |path| match path {
            Path::Name(name) => vec![name],
            Path::Members(names) => names,
        };
        paths.into_iter().map(path).collect::<Vec<_>>()
    });
    let is_empty = |path: &Vec<String>| path.is_empty() || path.iter().any(String::is_empty);
    if let Some(paths) = &paths
        && (paths.is_empty() || paths.iter().any(is_empty))
    {
        return Err("`scopes_from` must list at least one claim, and no empty names");
    }
    if let Some(names) = &entry.scope_names {
        let is_wrong = |(name, scopes): (&String, &Vec<String>)| {
            name.is_empty() || scopes.is_empty() || !scopes.iter().all(|scope| is_scope(scope))
        };
        if names.is_empty() || names.iter().any(is_wrong) {
            return Err(
                "`scope_names` must give at least one name, and at least one scope for each name",
            );
        }
    }
    if let Some(may) = &entry.may
        && (may.is_empty() || !may.iter().all(|scope| is_scope(scope)))
    {
        return Err(
            "`may` must list at least one scope, and only scopes: leave it out for no limit",
        );
    }
    Ok(Grants {
        from: paths.unwrap_or_default(),
        names: entry.scope_names.clone(),
        may: entry.may.clone(),
    })
}

fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, String> {
    let mut algorithms = Vec::with_capacity(names.len());
    for name in names {
        let algorithm = Algorithm::named(name).ok_or_else(|| {
            format!(
                "`algorithms` has {name:?}, which is not one of HS256, HS384, HS512, RS256, \
                 RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA"
            )
        })?;
        if algorithms.contains(&algorithm) {
            return Err(format!("`algorithms` has {name:?} twice"));
        }
        algorithms.push(algorithm);
    }
    let families = algorithms.iter().map(|algorithm| algorithm.family());
    let mut families: Vec<Family> = families.collect();
    families.dedup();
    match families.as_slice() {
        [] => Err("`algorithms` is empty".to_owned()),
        [_] => Ok(algorithms),
        _ => Err("`algorithms` mixes families: use one of HS*, RS*, PS*, ES*, EdDSA".to_owned()),
    }
}

fn key_source(entry: &Entry, algorithms: &[Algorithm]) -> Result<KeySource, String> {
    let symmetric = algorithms
        .iter()
        .any(|algorithm| algorithm.family() == Family::Hmac);
    let keys = &entry.keys;
    if keys.overlap_seconds.is_some() && keys.secret_id.is_none() {
        return Err("`keys.overlap_seconds` can only be set beside `keys.secret_id`".to_owned());
    }
    let source = match (&keys.secret_id, &keys.jwks_url, keys.discovery) {
        (Some(secret_id), None, None) => secret_source(secret_id, keys.overlap_seconds)?,
        (None, Some(url), None) => KeySource::Jwks(
            url.parse()
                .map_err(|error| format!("`keys.jwks_url` {error}"))?,
        ),
        (None, None, Some(true)) => KeySource::Discovery(
            KeyUrl::discovery(&entry.iss)
                .map_err(|error| format!("`iss`, used for discovery, {error}"))?,
        ),
        _ => {
            return Err(
                "`keys` must have one of `secret_id`, `jwks_url` and `discovery: true`".to_owned(),
            );
        }
    };
    match (&source, symmetric) {
        (KeySource::Secret { .. }, true)
        | (KeySource::Jwks(_) | KeySource::Discovery(_), false) => Ok(source),
        (KeySource::Secret { .. }, false) => Err(
            "`keys.secret_id` works with HS* algorithms only: set `keys.jwks_url` or \
             `keys.discovery` for public keys"
                .to_owned(),
        ),
        (KeySource::Jwks(_) | KeySource::Discovery(_), true) => {
            Err("HS* algorithms need `keys.secret_id`: a published key is not secret".to_owned())
        }
    }
}

fn secret_source(secret_id: &str, overlap_seconds: Option<u32>) -> Result<KeySource, String> {
    if secret_id.is_empty() {
        return Err("`keys.secret_id` is empty".to_owned());
    }
    let overlap_seconds = overlap_seconds.unwrap_or(OVERLAP_SECONDS_DEFAULT);
    if OVERLAP_SECONDS_MAX < overlap_seconds {
        return Err(format!(
            "`keys.overlap_seconds` must be at most {OVERLAP_SECONDS_MAX}"
        ));
    }
    Ok(KeySource::Secret {
        secret_id: secret_id.to_owned(),
        overlap_seconds,
    })
}
