//! Takes a token out of the `Authorization` header and decodes its three parts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::secret::Secret;

use crate::denial::Denial;

/// The longest token that is read.
pub(crate) const TOKEN_BYTES_MAX: usize = 8_192;

/// Reads the token of an `Authorization` header: `Bearer` in any case, one space,
/// the token.
///
/// # Errors
/// [`Denial::MissingToken`] for an empty header, [`Denial::Malformed`] for
/// another scheme, other white space, more than one credential, or a token
/// that is too long.
pub(crate) fn extract(authorization: &str) -> Result<&str, Denial> {
    if authorization.is_empty() {
        return Err(Denial::MissingToken);
    }
    let (scheme, token) = authorization.split_once(' ').ok_or(Denial::Malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denial::Malformed);
    }
    // The gateway joins repeated headers with a comma, so a comma means a second
    // credential. Neither a comma nor a second space is a character of base64url.
    if TOKEN_BYTES_MAX < token.len() || !token.bytes().all(is_token_byte) {
        return Err(Denial::Malformed);
    }
    Ok(token)
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// A token's parts, decoded but not trusted.
pub(crate) struct Decoded<'t> {
    /// The text that is signed: the first two parts as they arrived.
    pub(crate) message: &'t str,
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Secret<Vec<u8>>,
}

impl<'t> Decoded<'t> {
    /// Splits and decodes a compact JWS (RFC 7515 section 7.1).
    pub(crate) fn read(token: &'t str) -> Result<Self, Denial> {
        if TOKEN_BYTES_MAX < token.len() {
            return Err(Denial::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Denial::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Denial::Malformed)?;
        Ok(Self {
            message,
            header: part(header)?,
            // If there is a fourth part, this holds a full stop, which is not base64url.
            payload: part(payload)?,
            signature: Secret::new(part(signature)?),
        })
    }
}

/// Decodes a part that must not be empty.
fn part(text: &str) -> Result<Vec<u8>, Denial> {
    if text.is_empty() {
        return Err(Denial::Malformed);
    }
    base64url(text).ok_or(Denial::Malformed)
}

/// Decodes base64url without padding, in its one canonical spelling.
///
/// The engine refuses padding, white space, the standard alphabet, and a last
/// character whose unused bits are set. Otherwise several texts would stand for
/// one signature, and a list of known tokens could be evaded.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(authorization: &str, expected: Result<&str, Denial>) {
        assert_eq!(extract(authorization), expected, "{authorization:?}");
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case_and_one_space() {
        check("Bearer a.b.c", Ok("a.b.c"));
        check("bEARER a.b.c", Ok("a.b.c"));
        check("", Err(Denial::MissingToken));
        for other in [
            "Bearer",
            "Bearer  a.b.c",
            " Bearer a.b.c",
            "Bearer a.b.c ",
            "Bearer\ta.b.c",
            "Bearer a.b.c\n",
            "Basic a.b.c",
            "Bearera.b.c",
            "a.b.c",
            "Bearer a.b.c,Bearer d.e.f",
            "Bearer a.b.c=",
            "Bearer é.b.c",
        ] {
            check(other, Err(Denial::Malformed));
        }
    }

    #[test]
    fn a_token_may_be_as_long_as_the_limit_and_no_longer() {
        let longest = format!("Bearer {}", "a".repeat(TOKEN_BYTES_MAX));
        assert!(extract(&longest).is_ok());
        check(&format!("{longest}a"), Err(Denial::Malformed));
    }

    #[test]
    fn a_token_has_three_parts_that_are_not_empty() {
        assert!(Decoded::read("YQ.YQ.YQ").is_ok());
        for other in [
            "",
            ".",
            "..",
            "YQ",
            "YQ.YQ",
            "YQ.YQ.",
            ".YQ.YQ",
            "YQ..YQ",
            "YQ.YQ.YQ.YQ",
            "YQ.YQ.YQ.",
        ] {
            assert_eq!(
                Decoded::read(other).err(),
                Some(Denial::Malformed),
                "{other}"
            );
        }
    }

    #[test]
    fn base64url_has_one_spelling() {
        assert_eq!(base64url("YQ"), Some(b"a".to_vec()));
        for other in ["YR", "YQ=", "YQ==", "Y Q", "Y\nQ", "Y", "+/8", "Y+"] {
            assert_eq!(base64url(other), None, "{other}");
        }
        assert_eq!(base64url("-_8"), Some(vec![0xfb, 0xff]));
    }
}
