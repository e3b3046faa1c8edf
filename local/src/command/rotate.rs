//! `surefire rotate`: gives the local issuer a new signing secret, and says until when old tokens
//! are accepted.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use clap::Args;
use jiff::Timestamp;
use shared::world::World;

use super::arguments::{DataArguments, TemplateArguments};
use super::error::CommandError;
use super::output::print;
use crate::data::{Access, DataDirectory};
use crate::secrets::{self, CURRENT, PREVIOUS, Store, StoredSecret, Version};
use crate::serve;
use crate::token::{Issuer, TokenError, known_from};
use template::{Place, Recipe, SecretValue, Template};

/// The length of a new value if the template has no recipe.
const LENGTH_DEFAULT: usize = 64;

/// The arguments of `surefire rotate`.
#[derive(Args, Debug)]
#[command(
    after_help = "The new value becomes AWSCURRENT and the old one AWSPREVIOUS, in the running server with the same --data, or else in
the directory. Tokens of the old value are accepted during the overlap: 24 hours, or `overlap_seconds` in the template.
An authorizer reads the secret every 4 to 5 minutes. `surefire token` signs with the new value as soon as every
authorizer has read it.

If a secret has leaked, rotate twice. The second rotation ends the overlap of the leaked value.

Example:
  surefire rotate --data .surefire"
)]
pub(super) struct RotateArguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    template: TemplateArguments,
}

/// A rotation that was made.
struct Rotation {
    secret: String,
    /// The server or the directory that has the secret.
    place: String,
    version: Version,
    /// The version that was current before, if it had replaced another one.
    replaced: Option<Version>,
}

pub(super) async fn run(arguments: RotateArguments) -> Result<(), CommandError> {
    let (_, template) = arguments.template.options()?;
    let issuer = Issuer::of(&template)?;
    let data = arguments.data.directory();
    let rotation = rotate(&issuer, &template, &data, &World::real()).await?;
    print(&report(&issuer, &rotation))
}

async fn rotate(
    issuer: &Issuer,
    template: &Template,
    data: &DataDirectory,
    world: &World,
) -> Result<Rotation, CommandError> {
    let value = new_value(template, &issuer.secret_id, world);
    let (before, after, place) = match data.access(world).await? {
        Access::Held(held) => {
            let store = serve::open_secrets(template, Some(&held), world)?;
            let before = stored(&store, issuer)?;
            let put = store.put(&issuer.secret_id, &value, None);
            put.map_err(|error| CommandError::Rotate(before.name.clone(), error.to_string()))?;
            (
                before,
                stored(&store, issuer)?,
                held.directory().path().display().to_string(),
            )
        }
        Access::Live(live) => {
            // The server replaces the whole file, so it can be read at any time.
            let read = || {
                let store = Store::open(Some(data.secrets_file()), world.clone());
                let store = store.map_err(|error| serve::Error::Secrets(error.to_string()))?;
                stored(&store, issuer)
            };
            let before = read()?;
            put(&live.endpoints.aws, &template.place, &before, &value).await?;
            (before, read()?, format!("the server at {}", live.api))
        }
    };
    let missing = || TokenError::NoSecret(issuer.secret_id.clone());
    let replaced = before.staged(PREVIOUS).and(before.staged(CURRENT));
    Ok(Rotation {
        version: after.staged(CURRENT).cloned().ok_or_else(missing)?,
        replaced: replaced.cloned(),
        secret: after.name,
        place,
    })
}

fn stored(store: &Store, issuer: &Issuer) -> Result<StoredSecret, CommandError> {
    let secret = store.find(&issuer.secret_id);
    Ok(secret.ok_or_else(|| TokenError::NoSecret(issuer.secret_id.clone()))?)
}

/// A random text, made with the template's recipe.
fn new_value(template: &Template, id: &str, world: &World) -> String {
    let mut specs = template.secrets.iter();
    match specs
        .find(|spec| spec.arn == id || spec.name == id)
        .map(|spec| &spec.value)
    {
        Some(SecretValue::Generated(recipe)) => secrets::generate(recipe, world),
        Some(SecretValue::Text(_)) | None => {
            let recipe = Recipe {
                length: LENGTH_DEFAULT,
                alphabet: ('0'..='9').chain('A'..='Z').chain('a'..='z').collect(),
            };
            secrets::generate(&recipe, world)
        }
    }
}

/// Puts a value into a server's secret, as a client of Secrets Manager.
async fn put(
    url: &str,
    place: &Place,
    secret: &StoredSecret,
    value: &str,
) -> Result<(), CommandError> {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(place.region.clone()))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(url)
        .build();
    let request = Client::from_conf(config)
        .put_secret_value()
        .secret_id(&secret.arn)
        .secret_string(value);
    request.send().await.map(drop).map_err(|error| {
        let reason = DisplayErrorContext(error).to_string();
        CommandError::Rotate(secret.name.clone(), reason)
    })
}

/// The text about a rotation, without the secret's value.
fn report(issuer: &Issuer, rotation: &Rotation) -> String {
    let created = rotation.version.created();
    let known = known_from(created);
    let replaced = rotation.replaced.as_ref().map(Version::created);
    // Until `known` the previous value signs: every authorizer must have read it, and must accept
    // it until then.
    let seamless = replaced.is_none_or(|replaced| known_from(replaced) <= created)
        && known <= issuer.overlap_end(created);
    let (overlap_end, known) = (second(issuer.overlap_end(created)), second(known));
    let new = if seamless {
        format!(
            "are accepted at once; the new value signs them from {known}, when every authorizer has read it."
        )
    } else {
        format!("may be denied until {known}, when every authorizer has read the new value.")
    };
    let ended = replaced.filter(|replaced| created < issuer.overlap_end(*replaced));
    let older = ended.map(|replaced| {
        let rotated = second(replaced);
        format!(
            "Tokens from before the rotation of {rotated} are denied from {known} at the latest.\n"
        )
    });
    let (secret, place, version) = (&rotation.secret, &rotation.place, &rotation.version.id);
    format!(
        "Rotated {secret} in {place}: version {version} is current.\n\
         Old tokens  are accepted until {overlap_end}, or until they expire.\n\
         New tokens  {new}\n{}",
        older.unwrap_or_default()
    )
}

/// A time, rounded up to the second.
fn second(time: Timestamp) -> Timestamp {
    let seconds = time.as_second() + i64::from(time.subsec_nanosecond() != 0);
    Timestamp::from_second(seconds).unwrap_or(time)
}

#[cfg(test)]
mod tests;
