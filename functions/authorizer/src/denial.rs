//! The reasons for a denial, each with a stable word for logs and metrics.

/// Why a request is not allowed.
///
/// Its words in logs and metrics are an interface: alarms and dashboards count
/// by them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Denial {
    /// No `Authorization` header arrived.
    #[error("there is no bearer token in the Authorization header")]
    MissingToken,
    /// The header or a part of the token breaks the rules of its format.
    #[error("the token is not a well-formed JWS of this API")]
    Malformed,
    /// The token does not name an algorithm of its issuer.
    #[error("the issuer does not use the token's algorithm")]
    Algorithm,
    /// The issuer has no key with the token's key id and algorithm.
    #[error("the issuer has no key with the token's key id and algorithm")]
    Key,
    /// The signature does not verify with the key.
    #[error("the signature does not verify")]
    Signature,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` has not come yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` is missing, not a string, or not configured.
    #[error("the token's issuer is not known")]
    Issuer,
    /// `cnf` binds the token to a key of its client, which is not checked here.
    #[error("the token is bound to a key (`cnf`), so it is not a bearer token")]
    Bound,
    /// A claim that the issuer's entry requires is missing or has another value.
    #[error("the token lacks a claim that its issuer's entry requires")]
    Claim,
    /// The audience is missing, of a wrong type, or does not name this API.
    #[error("the token is not meant for this API")]
    Audience,
    /// `sub` is missing, not a string, empty, longer than 256 bytes, or has control
    /// characters.
    #[error(
        "the token does not name its subject, or the name is too long or has control characters"
    )]
    Subject,
    /// `exp` or `iat` is missing or not an integer, or the token lives too long.
    #[error("the token's lifetime is missing or too long")]
    Lifetime,
    /// The token lacks a scope that the route requires.
    #[error("the token lacks a scope of this route")]
    Scope,
    /// The route is not listed.
    #[error("the route is not listed")]
    Route,
    /// The issuer's keys could not be fetched, so the token cannot be verified.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
}

impl Denial {
    /// Every denial.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 16] = [
        Self::MissingToken,
        Self::Malformed,
        Self::Algorithm,
        Self::Key,
        Self::Signature,
        Self::Expired,
        Self::NotYetValid,
        Self::Issuer,
        Self::Bound,
        Self::Claim,
        Self::Audience,
        Self::Subject,
        Self::Lifetime,
        Self::Scope,
        Self::Route,
        Self::KeysUnavailable,
    ];

    /// The stable word for the log and the metric.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Issuer => "issuer",
            Self::Bound => "bound",
            Self::Claim => "claim",
            Self::Audience => "audience",
            Self::Subject => "subject",
            Self::Lifetime => "lifetime",
            Self::Scope => "scope",
            Self::Route => "route",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }
}
