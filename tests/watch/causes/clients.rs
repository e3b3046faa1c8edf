//! What clients send that is refused, and an authorizer that cannot check it.

use crate::watch::load::Load;
use crate::watch::scenario::Scenario;

pub(super) const ALL: &[Scenario] = &[SECRETS_FAIL, CLIENTS_ERR, TOKENS_DENIED];

const SECRETS_FAIL: Scenario = Scenario {
    name: "secrets-fail",
    faults: &["secrets=error"],
    load: Load::Orders(2),
    minutes: 90,
    fires: &[
        "key-fetch",
        "keys-unavailable",
        "service-degraded",
        "user-impact",
    ],
    // The forwarder, which nobody needed before, cannot read its webhook either. So an e-mail says it first, and
    // Discord hears what is still red when the secrets can be read again.
    says: &["alerts-undelivered", "alerts-wait", "service-degraded"],
    recovery_minutes: 500,
};

#[tokio::test]
async fn slow_an_authorizer_without_keys_is_user_impact() {
    SECRETS_FAIL.play().await;
}

const CLIENTS_ERR: Scenario = Scenario {
    name: "clients-err",
    faults: &[],
    load: Load::NotFound,
    minutes: 12,
    fires: &["api-client-errors", "requests-refused"],
    says: &["requests-refused"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_requests_that_are_refused_are_noticed() {
    CLIENTS_ERR.play().await;
}

const TOKENS_DENIED: Scenario = Scenario {
    name: "tokens-denied",
    faults: &[],
    load: Load::Denied,
    minutes: 12,
    fires: &["denials", "requests-refused"],
    says: &["requests-refused"],
    recovery_minutes: 60,
};

#[tokio::test]
async fn slow_tokens_that_are_denied_are_noticed() {
    TOKENS_DENIED.play().await;
}
