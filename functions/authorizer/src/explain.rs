//! Says which step denies a request, and why: for a person at a laptop.
//!
//! A deployed function never answers with this. An explanation quotes the configuration,
//! and nothing of the token.

use serde_json::{Value, json};

use crate::app::App;
use crate::audit::{Refusal, Trail};
use crate::denial::Denial;
use crate::issuer::Issuer;
use crate::policy::Required;

/// Decides an event as [`crate::handle`] does, without logging the decision.
///
/// The object has `decision` (`allow`, `deny` or `error`), and as far as they are known
/// `step`, `reason`, `why`, `expects` (from the configuration), `issuer` and `route`.
pub async fn explain(app: &App, event: &Value) -> Value {
    let mut trail = Trail::default();
    let decided = app.decide(event, &mut trail).await;
    let issuer = app
        .issuers()
        .iter()
        .find(|issuer| Some(issuer.name()) == trail.issuer.as_deref());
    let mut explanation = match decided {
        Ok(_) => json!({"decision": "allow"}),
        Err(Refusal::Denied(denial)) => json!({
            "decision": "deny",
            "step": step(denial),
            "reason": denial.reason(),
            "why": denial.to_string(),
            "expects": expects(denial, app, issuer, trail.route.as_deref()),
        }),
        Err(Refusal::Failed(error)) => json!({
            "decision": "error",
            "reason": error.reason(),
            "why": error.to_string(),
        }),
    };
    if let Some(members) = explanation.as_object_mut() {
        members.insert("issuer".to_owned(), trail.issuer.into());
        members.insert("route".to_owned(), trail.route.into());
        members.retain(|_, value| !value.is_null());
    }
    explanation
}

/// The step that makes a denial, in the order of the steps.
const fn step(denial: Denial) -> &'static str {
    match denial {
        Denial::MissingToken => "header",
        Denial::Malformed => "form",
        Denial::Issuer => "issuer",
        Denial::Algorithm => "algorithm",
        Denial::Key | Denial::KeysUnavailable => "key",
        Denial::Signature => "signature",
        Denial::Bound
        | Denial::Claim
        | Denial::Audience
        | Denial::Expired
        | Denial::NotYetValid
        | Denial::Lifetime
        | Denial::Subject => "claims",
        Denial::Route => "route",
        Denial::Scope => "scopes",
    }
}

/// What the configuration asks for at the place of a denial.
fn expects(denial: Denial, app: &App, issuer: Option<&Issuer>, route: Option<&str>) -> Value {
    match (denial, issuer) {
        (Denial::Issuer, _) => {
            let known: Vec<&str> = app
                .issuers()
                .iter()
                .map(|known| known.iss.as_str())
                .collect();
            json!({"iss": known})
        }
        (Denial::Claim, Some(issuer)) => json!({"require": issuer.required}),
        (Denial::Audience, Some(issuer)) => json!({"audiences": issuer.audiences}),
        (Denial::Lifetime, Some(issuer)) => json!({"max_ttl_seconds": issuer.max_ttl_seconds}),
        (Denial::Expired | Denial::NotYetValid, Some(issuer)) => {
            json!({"leeway_seconds": issuer.leeway_seconds})
        }
        (Denial::Scope, _) => match route.and_then(|route| app.required(route)) {
            Some(Required::All(scopes)) => json!({"scopes": scopes}),
            Some(Required::Any(scopes)) => json!({"any": scopes}),
            None => Value::Null,
        },
        (_, _) => Value::Null,
    }
}
