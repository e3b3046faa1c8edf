//! The signature algorithms that can be configured, and the families they belong to.

use jsonwebtoken::Algorithm as Verifiable;

/// A signature algorithm of JWS (RFC 7518 section 3, RFC 8037).
///
/// `none` is not among them. The list is closed: a new version of a library
/// cannot add to it.
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

/// The algorithms of one issuer are of one family. A token chooses among them,
/// so no choice can make a key of one kind serve as a key of another.
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

    /// The algorithm with exactly this name.
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

    /// The shortest HMAC key in bytes: as long as the hash (RFC 7518 section
    /// 3.2). `None` for an algorithm that is not HMAC.
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

    /// This algorithm in the types of the library that verifies signatures.
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
