//! Owns `surefire token`.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use clap::Args;
use shared::world::World;

use super::{CommandError, DataArguments, TemplateArguments, duration, print};
use crate::data::{Access, DataDirectory};
use crate::secrets::{CURRENT, Store};
use crate::serve;
use crate::template::Template;
use crate::token::{Issuer, Request, SCOPES_DEFAULT};

/// The arguments of `surefire token`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  curl -H \"authorization: Bearer $(surefire token)\" http://127.0.0.1:3000/orders
  surefire token --sub payments --scope orders:confirm --ttl 5m
  surefire token --secret-id arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:SigningSecret-abc123")]
pub(super) struct TokenArguments {
    /// Who the token says is calling
    #[arg(long, default_value = "demo")]
    sub: String,
    /// What the token allows, separated by spaces
    #[arg(long, default_value = SCOPES_DEFAULT)]
    scope: String,
    /// For how long: a number with s, m, h or d
    #[arg(long, default_value = "1h", value_parser = duration)]
    ttl: Duration,
    /// How it is signed: HS256, HS384 or HS512
    #[arg(long, value_name = "ALGORITHM", default_value = "HS256")]
    alg: String,
    /// Sign with a deployed stack's secret, read with your AWS credentials
    #[arg(long, value_name = "ARN")]
    secret_id: Option<String>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    template: TemplateArguments,
}

pub(super) async fn run(arguments: TokenArguments) -> Result<(), CommandError> {
    let (_, template) = arguments.template.options()?;
    let issuer = Issuer::of(&template)?;
    let secret = match &arguments.secret_id {
        Some(id) => deployed_secret(id).await?,
        None => local_secret(&issuer, &template, &arguments.data.directory()).await?,
    };
    let request = Request {
        sub: &arguments.sub,
        scope: &arguments.scope,
        ttl: arguments.ttl,
        algorithm: &arguments.alg,
    };
    let token = issuer.sign(&secret, &request, &World::real())?;
    print(&format!("{token}\n"))
}

/// The current value of the secret in the data directory, which is created if it is not there.
async fn local_secret(
    issuer: &Issuer,
    template: &Template,
    data: &DataDirectory,
) -> Result<String, CommandError> {
    let world = World::real();
    let current = |store: &Store| {
        let secret = store.find(&issuer.secret_id)?;
        secret.staged(CURRENT).map(|version| version.value.clone())
    };
    // A file that is replaced whole can be read whoever has the directory.
    let unusable = |error: std::io::Error| serve::Error::Secrets(error.to_string());
    let store = Store::open(Some(data.secrets_file()), world.clone()).map_err(unusable)?;
    if let Some(value) = current(&store) {
        return Ok(value);
    }
    let store = match data.access(&world).await? {
        Access::Held(held) => serve::open_secrets(template, Some(&held), &world)?,
        // A server is there by now, and so is its secret.
        Access::Live(_) => Store::open(Some(data.secrets_file()), world)
            .map_err(unusable)?
            .into(),
    };
    let missing = || crate::token::TokenError::NoSecret(issuer.secret_id.clone());
    Ok(current(&store).ok_or_else(missing)?)
}

/// The current value of a secret in AWS.
async fn deployed_secret(id: &str) -> Result<String, CommandError> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    // An ARN says which region it is in.
    if let Some(region) = id
        .strip_prefix("arn:")
        .and_then(|arn| arn.split(':').nth(2))
    {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let client = aws_sdk_secretsmanager::Client::new(&loader.load().await);
    let failed = |reason: String| CommandError::Secret(id.to_owned(), reason);
    let value = client.get_secret_value().secret_id(id).send().await;
    let value = value.map_err(|error| failed(DisplayErrorContext(error).to_string()))?;
    let text = value.secret_string().map(str::to_owned);
    text.ok_or_else(|| failed("it holds no text".to_owned()))
}
