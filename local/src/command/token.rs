//! `surefire token`: prints a token of a local issuer or of a deployed stack.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use shared::world::World;

use super::arguments::{DataArguments, TemplateArguments, duration, usual_template};
use super::error::CommandError;
use super::output::print;
use crate::data::{Access, DataDirectory};
use crate::issuer;
use crate::secrets::Store;
use crate::serve;
use crate::token::{ES256, Issuer, Request, TokenError, algorithms, sign_with_key};
use template::Template;

mod deployed;
mod explain;

/// The arguments of `surefire token`.
#[derive(Args, Debug)]
#[command(
    after_help = "The HS algorithms sign with the secret of the issuer `local`. ES256 signs with the key of the issuer `local-es256`,
whose key set the server publishes. For 5 minutes after a rotation the previous secret signs, until every authorizer has
read the new one.

With --secret-id the token is for a deployed stack, whose output SigningSecretArn names the secret. Region, profile and
credentials are those of the AWS CLI (AWS_PROFILE, AWS_REGION, AWS_ACCESS_KEY_ID, …). An ARN names its own region.

Examples:
  curl -H \"authorization: Bearer $(surefire token)\" http://127.0.0.1:3000/orders
  surefire token --sub payments --scope orders:confirm --ttl 5m
  surefire token --alg ES256
  surefire token --explain - < token.txt
  surefire token --secret-id arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:SigningSecret-abc123"
)]
pub(super) struct TokenArguments {
    /// The caller that the token names
    #[arg(long, default_value = "demo")]
    sub: String,
    /// The token's scopes, separated by spaces [default: every scope that a route requires]
    #[arg(long, help = scope_help())]
    scope: Option<String>,
    /// How long the token is valid: a number with s, m, h or d
    #[arg(long, default_value = "1h", value_parser = duration)]
    ttl: Duration,
    /// The algorithm that signs the token
    #[arg(long, value_name = "ALGORITHM", default_value = "HS256", help = algorithm_help())]
    alg: String,
    /// Sign with a deployed stack's secret, read with your AWS credentials
    #[arg(long, value_name = "ARN")]
    secret_id: Option<String>,
    /// Print no token: say which step of the authorizer denies this token and why, without printing
    /// it; `-` reads it from standard input
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["sub", "scope", "ttl", "alg", "secret_id"])]
    explain: Option<String>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    template: TemplateArguments,
}

pub(super) async fn run(arguments: TokenArguments) -> Result<(), CommandError> {
    if let Some(token) = &arguments.explain {
        return explain::run(token, &arguments.data, &arguments.template).await;
    }
    let (_, template) = arguments.template.options()?;
    let world = World::real();
    let required = template.scopes();
    let scope = scope(arguments.scope.as_deref(), &required)?;
    // A deployed stack may have other routes and scopes.
    if arguments.secret_id.is_none()
        && let Some(note) = note(&scope, &required)
    {
        // The token is printed even if the note cannot be.
        let _ = writeln!(std::io::stderr(), "surefire: {note}");
    }
    let request = Request {
        sub: &arguments.sub,
        scope: &scope,
        ttl: arguments.ttl,
        algorithm: &arguments.alg,
    };
    let data = arguments.data.directory();
    let token = match (&arguments.secret_id, request.algorithm) {
        (Some(id), ES256) => {
            let reason = "ES256 signs with a key of this program, not with a secret";
            return Err(CommandError::Secret(id.clone(), reason.to_owned()));
        }
        (None, ES256) => sign_with_key(&*local_key(&template, &data).await?, &request, &world)?,
        (Some(id), _) => {
            let mut issuer = Issuer::of(&template)?;
            issuer.secret_id.clone_from(id);
            let secret = deployed::secret(&issuer, world.now()).await;
            let secret = secret.map_err(|reason| CommandError::Secret(id.clone(), reason))?;
            issuer.sign_with_secret(&secret, &request, &world)?
        }
        (None, _) => {
            let issuer = Issuer::of(&template)?;
            let secret = local_secret(&issuer, &template, &data).await?;
            issuer.sign(&secret, &request, &world)?
        }
    };
    print(&format!("{token}\n"))
}

fn scope_help() -> String {
    let scopes = usual_template().map_or_else(String::new, |template| template.scopes().join(" "));
    format!(
        "The token's scopes, separated by spaces [default: every scope that a route requires: {scopes}]"
    )
}

fn algorithm_help() -> String {
    format!("The algorithm that signs the token: {}", algorithms())
}

/// The scopes that were given, or else every scope that a route requires.
fn scope(given: Option<&str>, required: &[String]) -> Result<String, CommandError> {
    match given {
        None => Ok(required.join(" ")),
        Some(scope) if scope.trim().is_empty() => Err(CommandError::NoScope(required.join(", "))),
        Some(scope) => Ok(scope.to_owned()),
    }
}

/// A note about scopes that no route requires: their token is denied wherever a scope is required.
fn note(scope: &str, required: &[String]) -> Option<String> {
    let is_required = |named: &str| required.iter().any(|scope| scope == named);
    if scope.split(' ').any(is_required) {
        return None;
    }
    let known = required.join(", ");
    Some(format!(
        "no route requires `{scope}`; the routes require {known}"
    ))
}

/// The key of the program's own issuer. It is created if it is missing.
async fn local_key(
    template: &Template,
    data: &DataDirectory,
) -> Result<Arc<issuer::Key>, CommandError> {
    if !template.parameters.contains_key(issuer::PARAMETER) {
        return Err(TokenError::NoParameter.into());
    }
    let unusable = |error: std::io::Error| serve::Error::IssuerKey(error.to_string());
    // The file is replaced as a whole, so it can be read while a server has the directory.
    let file = data.issuer_file();
    if let Some(key) = issuer::Key::read(&file).map_err(unusable)? {
        return Ok(Arc::new(key));
    }
    let world = World::real();
    match data.access(&world).await? {
        Access::Held(held) => Ok(serve::open_issuer_key(Some(&held), &world)?),
        // A server has started since, and has created the key.
        Access::Live(_) => {
            let key = issuer::Key::read(&file).map_err(unusable)?;
            Ok(Arc::new(key.ok_or(TokenError::NoIssuerKey)?))
        }
    }
}

/// The value that signs, from the data directory. The secret is created if it is missing.
async fn local_secret(
    issuer: &Issuer,
    template: &Template,
    data: &DataDirectory,
) -> Result<String, CommandError> {
    let world = World::real();
    let current = |store: &Store| {
        let secret = store.find(&issuer.secret_id)?;
        let version = issuer.signing_version(&secret, world.now());
        version.map(|version| version.value.clone())
    };
    // The file is replaced as a whole, so it can be read while a server has the directory.
    let unusable = |error: std::io::Error| serve::Error::Secrets(error.to_string());
    let store = Store::open(Some(data.secrets_file()), world.clone()).map_err(unusable)?;
    if let Some(value) = current(&store) {
        return Ok(value);
    }
    let store = match data.access(&world).await? {
        Access::Held(held) => serve::open_secrets(template, Some(&held), &world)?,
        // A server has started since, and has created the secret.
        Access::Live(_) => Store::open(Some(data.secrets_file()), world.clone())
            .map_err(unusable)?
            .into(),
    };
    let missing = || TokenError::NoSecret(issuer.secret_id.clone());
    Ok(current(&store).ok_or_else(missing)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required() -> Vec<String> {
        ["orders:read", "stock:write"].map(str::to_owned).to_vec()
    }

    #[test]
    fn without_a_scope_a_token_has_every_scope_that_a_route_requires() {
        let scope = |given| scope(given, &required()).map_err(|error| error.to_string());
        assert_eq!(scope(None).as_deref(), Ok("orders:read stock:write"));
        assert_eq!(scope(Some("orders:read")).as_deref(), Ok("orders:read"));
        let error = scope(Some(" ")).unwrap_err();
        assert!(
            error.ends_with("require orders:read, stock:write"),
            "{error}"
        );
    }

    #[test]
    fn a_scope_that_no_route_requires_is_noted_with_those_that_are() {
        assert_eq!(note("stock:write other", &required()), None);
        let note = note("order:read", &required()).unwrap();
        assert!(note.contains("`order:read`") && note.ends_with("orders:read, stock:write"));
    }
}
