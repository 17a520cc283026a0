//! Access tokens: JWTs of RFC 9068, signed with Ed25519 keys of our own (RFC 8037).
//!
//! Whether the credential behind a token still works is not decided here.

use super::token::{Audience, MAX_TOKEN, TokenError, decode, present, there};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// How far two clocks may be apart, in seconds.
const LEEWAY: i64 = 30;
/// What every PKCS#8 document of an Ed25519 key begins with; its seed follows (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const TYPE: &str = "at+jwt";
const MAX_KEY_ID: usize = 64;

/// What is said of an unknown key and of a wrong signature alike.
const UNVERIFIED: TokenError = TokenError::Invalid("the access token's kid or signature is not valid");

/// Why the setting is refused. Says nothing about the keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    #[error("oauth.signing_keys has no key")]
    None,
    #[error(
        "oauth.signing_keys must be kid:key,kid:key, each kid once, of letters, digits, '-', '_' and '.'"
    )]
    KeyId,
    #[error("signing key {0:?} is neither a seed of 32 bytes nor an Ed25519 PKCS#8 document, in base64url")]
    Key(String),
}

/// The keys of access tokens: the first signs, all verify.
pub struct SigningKeys(Vec<SigningKey>);

struct SigningKey {
    id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    /// The public key in base64url.
    x: String,
}

/// What an access token says (RFC 9068 §2.2).
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims<A> {
    pub iss: String,
    pub sub: String,
    pub aud: A,
    pub exp: i64,
    pub iat: i64,
    pub jti: String,
    pub client_id: String,
    pub scope: String,
}

/// A derived struct refuses a member that it knows and finds twice.
#[derive(Deserialize)]
struct ReadHeader {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    kid: String,
    #[serde(default, deserialize_with = "there")]
    crit: bool,
}

impl SigningKeys {
    /// Reads `kid:key,kid:key`.
    ///
    /// # Errors
    /// When there is no key, or one is malformed.
    pub fn parse(text: &SecretString) -> Result<Self, SigningKeyError> {
        let entries = text.expose_secret().split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let mut keys: Vec<SigningKey> = Vec::new();
        for entry in entries {
            let (id, key) = entry.split_once(':').ok_or(SigningKeyError::KeyId)?;
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let is_id = (1..=MAX_KEY_ID).contains(&id.len()) && id.bytes().all(is_plain);
            if !is_id || keys.iter().any(|key| key.id == id) {
                return Err(SigningKeyError::KeyId);
            }
            keys.push(signing_key(id, key).ok_or_else(|| SigningKeyError::Key(id.to_owned()))?);
        }
        if keys.is_empty() { Err(SigningKeyError::None) } else { Ok(Self(keys)) }
    }

    /// A token with these claims, signed with the first key.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON, which none can.
    pub fn sign(&self, claims: &Claims<String>) -> Result<String, jsonwebtoken::errors::Error> {
        let Some(key) = self.0.first() else {
            return Err(jsonwebtoken::errors::ErrorKind::InvalidEddsaKey.into());
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.id.clone());
        jsonwebtoken::encode(&header, claims, &key.signing)
    }

    /// The claims of a token of ours that is good at a moment in seconds of Unix time.
    ///
    /// # Errors
    /// [`TokenError::Expired`] last.
    pub fn verify(
        &self,
        token: &str,
        issuer: &str,
        audience: &str,
        now: i64,
    ) -> Result<Claims<Audience>, TokenError> {
        let wrong = |message| Err(TokenError::Invalid(message));
        if token.len() > MAX_TOKEN {
            return wrong("the access token is too long");
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return wrong("the access token is not a JWT");
        };
        let header: ReadHeader =
            decode(header).ok_or(TokenError::Invalid("the access token's header is malformed"))?;
        if header.alg != "EdDSA" {
            return wrong("the access token's alg is not EdDSA");
        }
        if header.crit {
            return wrong("the access token's header has crit");
        }
        let typ = header.typ.unwrap_or_default().to_ascii_lowercase();
        if typ.strip_prefix("application/").unwrap_or(&typ) != TYPE {
            return wrong("the access token's typ is not at+jwt");
        }
        let key = self.0.iter().find(|key| key.id == header.kid).ok_or(UNVERIFIED)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The claims are compared below: with the process's clock, and each with words of its own.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        if jsonwebtoken::decode::<IgnoredAny>(token, &key.verifying, &validation).is_err() {
            return Err(UNVERIFIED);
        }
        let claims: Claims<Audience> = decode(payload)
            .ok_or(TokenError::Invalid("a claim of the access token is missing or malformed"))?;
        if claims.iss != issuer {
            return wrong("the access token's iss is not this platform");
        }
        if !claims.aud.has(audience) {
            return wrong("the access token's aud is not this platform");
        }
        if claims.iat > now + LEEWAY {
            return wrong("the access token's iat lies in the future");
        }
        if claims.exp + LEEWAY < now {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// The public keys (RFC 7517 §5, RFC 8037 §2).
    pub fn public(&self) -> Value {
        let keys = self.0.iter().map(|key| {
            json!({"kty": "OKP", "crv": "Ed25519", "x": key.x, "kid": key.id, "use": "sig", "alg": "EdDSA"})
        });
        json!({"keys": keys.collect::<Vec<_>>()})
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

fn signing_key(id: &str, text: &str) -> Option<SigningKey> {
    let mut document = URL_SAFE_NO_PAD.decode(text).ok()?;
    if document.len() == 32 {
        document = [PKCS8_PREFIX.as_slice(), &document].concat();
    }
    if !document.starts_with(&PKCS8_PREFIX) {
        return None;
    }
    let signing = EncodingKey::from_ed_der(&document);
    let AlgorithmParameters::OctetKeyPair(public) =
        Jwk::from_encoding_key(&signing, Algorithm::EdDSA).ok()?.algorithm
    else {
        return None;
    };
    let verifying = DecodingKey::from_ed_components(&public.x).ok()?;
    Some(SigningKey { id: id.to_owned(), signing, verifying, x: public.x })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn keys(text: &str) -> Result<SigningKeys, SigningKeyError> {
        SigningKeys::parse(&SecretString::from(text))
    }

    /// The key of RFC 8037, appendix A.
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

    #[test]
    fn a_seed_and_a_document_of_the_same_key_are_the_same_key() {
        let document = [PKCS8_PREFIX.as_slice(), &URL_SAFE_NO_PAD.decode(SEED).unwrap()].concat();
        for text in [SEED.to_owned(), URL_SAFE_NO_PAD.encode(document)] {
            let public = keys(&format!("a:{text}")).unwrap().public();
            assert_eq!(public["keys"][0]["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        }
    }

    #[test]
    fn malformed_keys_are_refused_without_being_shown() {
        for text in ["", " , ", "a", "a:", ":AAAA", "a b:AAAA", "a:AAAA", "a:!"] {
            assert!(keys(text).is_err(), "{text}");
        }
        assert_eq!(keys(&format!("a:{SEED},a:{SEED}")).unwrap_err(), SigningKeyError::KeyId);
        assert!(!format!("{:?}", keys(&format!("a:{SEED}")).unwrap()).contains(SEED));
    }

    #[test]
    fn a_token_is_good_from_its_making_to_half_a_minute_after_its_end() {
        let keys = keys(&format!("a:{SEED}")).unwrap();
        let text = str::to_owned;
        let token = keys
            .sign(&Claims {
                iss: text("https://a"),
                sub: text("c"),
                aud: text("leadwire"),
                exp: NOW + 900,
                iat: NOW,
                jti: text("j"),
                client_id: text("c"),
                scope: text("s"),
            })
            .unwrap();
        let judge =
            |issuer, audience, now| keys.verify(&token, issuer, audience, now).map(|claims| claims.jti);
        assert_eq!(judge("https://a", "leadwire", NOW - 30), Ok(text("j")));
        assert_eq!(judge("https://a", "leadwire", NOW + 930), Ok(text("j")));
        assert_eq!(judge("https://a", "leadwire", NOW + 931), Err(TokenError::Expired));
        for (issuer, audience, now) in
            [("https://a/", "leadwire", NOW), ("https://a", "lead", NOW), ("https://a", "leadwire", NOW - 31)]
        {
            assert!(matches!(judge(issuer, audience, now), Err(TokenError::Invalid(_))));
        }
    }
}
