//! Service JWTs (RFC 7519, RFC 7515): HS256 only, every rule of the partner surface in its order.
//!
//! Whose key it is and whether the `jti` was used before is not decided here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

/// Longer tokens are not looked at, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;
const MAX_KEY_ID: usize = 128;
const MAX_JTI: usize = 256;
/// How far two clocks may be apart, in seconds.
pub const LEEWAY: i64 = 60;

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token's alg is not HS256")]
    Algorithm,
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the token has expired")]
    Expired,
}

/// What is said of an unknown key and of a wrong signature alike.
pub const UNVERIFIED: TokenError = TokenError::Invalid("the token's kid or signature is not valid");

/// What a token must say, and how long it may live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    pub issuer: &'e str,
    pub audience: &'e str,
    pub max_lifetime: i64,
}

/// A token whose header has been checked and whose signature has not.
#[derive(Clone, Debug)]
pub struct Unverified<'t> {
    token: &'t str,
    pub key_id: String,
}

/// What is left to use of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub jti: String,
    pub scopes: Vec<String>,
    /// Seconds of Unix time.
    pub expires_at: i64,
}

#[derive(Deserialize)]
struct AlgorithmOnly {
    alg: Value,
}

/// A derived struct refuses a member that it knows and finds twice.
#[derive(Deserialize)]
struct Header {
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "there")]
    crit: bool,
}

#[derive(Deserialize)]
struct KeyIdOnly {
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    #[serde(rename = "sub")]
    _sub: String,
    aud: Audience,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    jti: String,
    scopes: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
}

/// `aud`: one or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A member that may be left out, and is not null when it is there.
pub fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// A member that is there, whatever it holds.
pub fn there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl<'t> Unverified<'t> {
    /// Checks the header and finds the key's id, in the header or else in the claims.
    ///
    /// # Errors
    /// [`TokenError::Algorithm`] first, [`TokenError::Invalid`] for everything else.
    pub fn read(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Invalid("the token is too long"));
        }
        let mut parts = token.split('.');
        let header = parts.next().unwrap_or_default();
        let AlgorithmOnly { alg } = decode(header).ok_or(TokenError::Invalid("the token is not a JWT"))?;
        if alg != "HS256" {
            return Err(TokenError::Algorithm);
        }
        let (Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(TokenError::Invalid("the token is not a JWT"));
        };
        let header: Header = decode(header).ok_or(TokenError::Invalid("the token's header is malformed"))?;
        if header.crit {
            return Err(TokenError::Invalid("the token's header has crit"));
        }
        if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(TokenError::Invalid("the token's typ is not JWT"));
        }
        let key_id = header
            .kid
            .or_else(|| decode::<KeyIdOnly>(payload).map(|claims| claims.kid))
            .ok_or(TokenError::Invalid("the token has no kid"))?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if key_id.is_empty() || key_id.len() > MAX_KEY_ID || !key_id.bytes().all(is_plain) {
            return Err(UNVERIFIED);
        }
        Ok(Self { token, key_id })
    }

    /// Checks the signature, then the claims at a moment in seconds of Unix time.
    ///
    /// # Errors
    /// [`TokenError::Expired`] last.
    pub fn verify(self, secret: &[u8], expected: Expected<'_>, now: i64) -> Result<Verified, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The claims are compared below: with the process's clock, and each with words of its own.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let Some(payload) = self.token.split('.').nth(1) else { return Err(UNVERIFIED) };
        if jsonwebtoken::decode::<IgnoredAny>(self.token, &DecodingKey::from_secret(secret), &validation)
            .is_err()
        {
            return Err(UNVERIFIED);
        }
        let claims: Claims = decode(payload).ok_or(TokenError::Invalid(
            "a claim among iss, sub, aud, exp, iat, jti, scopes is missing or malformed",
        ))?;
        claims.check(&self.key_id, expected, now)
    }
}

impl Claims {
    fn check(self, key_id: &str, expected: Expected<'_>, now: i64) -> Result<Verified, TokenError> {
        let wrong = |message| Err(TokenError::Invalid(message));
        let (Some(exp), Some(iat)) = (seconds(self.exp), seconds(self.iat)) else {
            return wrong("exp and iat must be seconds of Unix time");
        };
        if self.kid.is_some_and(|kid| kid != key_id) {
            return wrong("the kid of the header and of the claims differ");
        }
        if self.iss != expected.issuer {
            return wrong("the token's iss is not this credential's issuer");
        }
        if !self.aud.has(expected.audience) {
            return wrong("the token's aud is not this platform");
        }
        if self.jti.is_empty() || self.jti.len() > MAX_JTI {
            return wrong("the token's jti is empty or too long");
        }
        if iat > now + LEEWAY {
            return wrong("the token's iat lies in the future");
        }
        if self.nbf.is_some_and(|nbf| seconds(nbf).is_none_or(|nbf| nbf > now + LEEWAY)) {
            return wrong("the token is not valid yet");
        }
        if exp - iat > expected.max_lifetime {
            return wrong("the token lives too long");
        }
        if exp + LEEWAY < now {
            return Err(TokenError::Expired);
        }
        Ok(Verified { jti: self.jti, scopes: self.scopes, expires_at: exp })
    }
}

impl Audience {
    pub fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == wanted),
        }
    }
}

/// A `NumericDate` (RFC 7519 §2), which may have a fraction.
#[expect(clippy::cast_possible_truncation, reason = "checked to lie within ten thousand years")]
fn seconds(date: f64) -> Option<i64> {
    (0.0..253_402_300_800.0).contains(&date).then_some(date as i64)
}

/// JSON in base64url.
pub fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests;
