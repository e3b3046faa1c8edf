//! Owns why a token is refused: one stable word for each reason, and nothing of the token.

/// Why a request is not allowed.
///
/// The words of [`Denial::reason`] are an interface: alarms and dashboards
/// count by them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum Denial {
    /// No `Authorization` header arrived.
    #[error("there is no bearer token in the Authorization header")]
    MissingToken,
    /// The header, or one of the token's parts, is not what its format asks for.
    #[error("the token is not a well-formed JWS of this API")]
    Malformed,
    /// The token names no algorithm that its issuer may use.
    #[error("the token's algorithm is not one its issuer uses")]
    Algorithm,
    /// The token's issuer has no such key for that algorithm.
    #[error("the token's key is not one of its issuer's")]
    Key,
    /// The signature is not by the key.
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
    /// `aud` is missing, of a wrong type, or does not name this API.
    #[error("the token is not meant for this API")]
    Audience,
    /// `sub` is missing, not a string, or empty.
    #[error("the token names no subject")]
    Subject,
    /// The token does not state its lifetime, or lives longer than it may.
    #[error("the token's lifetime is missing or too long")]
    Lifetime,
    /// The token does not carry a scope that the route asks for.
    #[error("the token does not carry the scope of this route")]
    Scope,
    /// The route is not listed.
    #[error("the route is not listed")]
    Route,
    /// The issuer's keys could not be had: nothing can be decided.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
}

impl Denial {
    /// Every denial, in the order of the design.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 14] = [
        Self::MissingToken,
        Self::Malformed,
        Self::Algorithm,
        Self::Key,
        Self::Signature,
        Self::Expired,
        Self::NotYetValid,
        Self::Issuer,
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
            Self::Audience => "audience",
            Self::Subject => "subject",
            Self::Lifetime => "lifetime",
            Self::Scope => "scope",
            Self::Route => "route",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }
}
