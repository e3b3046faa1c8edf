//! Owns the signature algorithms that can be configured, and which may stand beside each other.

use jsonwebtoken::Algorithm as Verifiable;

/// A signature algorithm of JWS (RFC 7518 section 3, RFC 8037).
///
/// `none` is not among them, and the list is closed: a version of a library
/// that learns another cannot add it here.
#[expect(missing_docs, reason = "the names are the specification's")]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// Algorithms that may stand beside each other in one issuer's list: a token
/// chooses among them, and no choice may turn one kind of key into another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    Hmac,
    RsaPkcs1,
    RsaPss,
    Ecdsa,
    Edwards,
}

impl Algorithm {
    /// Every algorithm.
    pub(crate) const ALL: [Self; 12] = [
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// The name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm of an exact name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    pub(crate) const fn family(self) -> Family {
        match self {
            Self::HS256 | Self::HS384 | Self::HS512 => Family::Hmac,
            Self::RS256 | Self::RS384 | Self::RS512 => Family::RsaPkcs1,
            Self::PS256 | Self::PS384 | Self::PS512 => Family::RsaPss,
            Self::ES256 | Self::ES384 => Family::Ecdsa,
            Self::EdDSA => Family::Edwards,
        }
    }

    /// The fewest bytes of an HMAC key: as many as the hash has (RFC 7518
    /// section 3.2). `None` for what is no HMAC.
    pub(crate) const fn secret_bytes_min(self) -> Option<usize> {
        match self {
            Self::HS256 => Some(32),
            Self::HS384 => Some(48),
            Self::HS512 => Some(64),
            Self::RS256
            | Self::RS384
            | Self::RS512
            | Self::PS256
            | Self::PS384
            | Self::PS512
            | Self::ES256
            | Self::ES384
            | Self::EdDSA => None,
        }
    }

    /// The same algorithm, as the library that verifies signatures calls it.
    pub(crate) const fn verifiable(self) -> Verifiable {
        match self {
            Self::HS256 => Verifiable::HS256,
            Self::HS384 => Verifiable::HS384,
            Self::HS512 => Verifiable::HS512,
            Self::RS256 => Verifiable::RS256,
            Self::RS384 => Verifiable::RS384,
            Self::RS512 => Verifiable::RS512,
            Self::PS256 => Verifiable::PS256,
            Self::PS384 => Verifiable::PS384,
            Self::PS512 => Verifiable::PS512,
            Self::ES256 => Verifiable::ES256,
            Self::ES384 => Verifiable::ES384,
            Self::EdDSA => Verifiable::EdDSA,
        }
    }
}
