//! Secrets: random bytes, keyed hashes for what is only compared, sealing for what must be read back.
//!
//! Keeps nothing itself: where ciphertexts and hashes are stored is the business of each service.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const NONCE_BYTES: usize = 12;

/// What can go wrong with keys and ciphertexts. Says nothing about their content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the operating system gave no random bytes")]
    Random(#[source] getrandom::Error),
    #[error("key {0:?} is not 32 bytes in base64url without padding")]
    Key(String),
    #[error("no encryption key is configured")]
    NoKey,
    #[error("the ciphertext was sealed with key {0:?}, which is not configured")]
    UnknownKey(String),
    #[error("the ciphertext does not open: it is damaged, or belongs to something else")]
    Sealed,
}

/// Bytes from the operating system's random source.
///
/// # Errors
/// When the system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N], SecretError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(SecretError::Random)?;
    Ok(bytes)
}

/// SHA-256 of some bytes.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The server-side key of keyed hashes. A stolen table of hashes is worth nothing without it.
#[derive(Clone)]
pub struct Pepper(Zeroizing<[u8; 32]>);

impl Pepper {
    /// # Errors
    /// When the text is not 32 bytes in base64url.
    pub fn parse(text: &SecretString) -> Result<Self, SecretError> {
        let key = decode_key(text.expose_secret()).ok_or_else(|| SecretError::Key("pepper".to_owned()))?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// HMAC-SHA-256 of a secret.
    pub fn hash(&self, secret: &str) -> [u8; 32] {
        hmac_sha256(&*self.0, secret.as_bytes())
    }

    /// Whether a secret has this hash, in constant time.
    pub fn matches(&self, secret: &str, hash: &[u8]) -> bool {
        self.hash(secret).ct_eq(hash).into()
    }
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pepper(…)")
    }
}

/// HMAC-SHA-256 (RFC 2104).
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The keys that secrets at rest are sealed with: AES-256-GCM, a random nonce each, the owner's identity as
/// associated data so that a ciphertext copied to another row does not open.
#[derive(Clone)]
pub struct SealingKeys(Vec<(String, Aes256Gcm)>);

/// A secret as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which key opens it.
    pub key_id: String,
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
}

impl Sealed {
    /// Both in one: the length of the key's id, the id, nonce and ciphertext.
    pub fn pack(&self) -> Vec<u8> {
        let id = self.key_id.as_bytes();
        // Ids are a few characters from the settings; a longer one would only fail to open.
        let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
        [&[length], id, &self.bytes].concat()
    }

    /// The reverse of [`Self::pack`]; `None` when the bytes are something else.
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let (&length, rest) = bytes.split_first()?;
        let (id, sealed) = rest.split_at_checked(usize::from(length))?;
        Some(Self { key_id: String::from_utf8(id.to_vec()).ok()?, bytes: sealed.to_vec() })
    }
}

impl SealingKeys {
    /// Reads `id:key,id:key`; the first seals, all of them open.
    ///
    /// # Errors
    /// When there is no key, or one is not 32 bytes in base64url.
    pub fn parse(text: &SecretString) -> Result<Self, SecretError> {
        let keys: Result<Vec<_>, SecretError> = text
            .expose_secret()
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(|entry| {
                let (id, key) =
                    entry.split_once(':').ok_or_else(|| SecretError::Key("without id".to_owned()))?;
                let key =
                    decode_key(key).map(Zeroizing::new).ok_or_else(|| SecretError::Key(id.to_owned()))?;
                Ok((id.to_owned(), Aes256Gcm::new((&*key).into())))
            })
            .collect();
        let keys = keys?;
        if keys.is_empty() { Err(SecretError::NoKey) } else { Ok(Self(keys)) }
    }

    /// The id of the key that seals.
    pub fn current(&self) -> &str {
        self.0.first().map_or("", |(id, _)| id)
    }

    /// Seals a secret for its owner.
    ///
    /// # Errors
    /// When the system gives no random nonce.
    pub fn seal(&self, secret: &[u8], owner: &[u8]) -> Result<Sealed, SecretError> {
        let (key_id, cipher) = self.0.first().ok_or(SecretError::NoKey)?;
        let nonce: [u8; NONCE_BYTES] = random()?;
        let payload = Payload { msg: secret, aad: owner };
        let Ok(ciphertext) = cipher.encrypt(&Nonce::from(nonce), payload) else {
            return Err(SecretError::Sealed);
        };
        Ok(Sealed { key_id: key_id.clone(), bytes: [nonce.as_slice(), &ciphertext].concat() })
    }

    /// Opens what was sealed for this owner.
    ///
    /// # Errors
    /// When its key is not configured, or it was changed, or sealed for another owner.
    pub fn open(&self, sealed: &Sealed, owner: &[u8]) -> Result<Vec<u8>, SecretError> {
        let Some((_, cipher)) = self.0.iter().find(|(id, _)| *id == sealed.key_id) else {
            return Err(SecretError::UnknownKey(sealed.key_id.clone()));
        };
        let Some((nonce, ciphertext)) = sealed.bytes.split_first_chunk::<NONCE_BYTES>() else {
            return Err(SecretError::Sealed);
        };
        let payload = Payload { msg: ciphertext, aad: owner };
        let Ok(secret) = cipher.decrypt(&Nonce::from(*nonce), payload) else {
            return Err(SecretError::Sealed);
        };
        Ok(secret)
    }
}

impl std::fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

/// 32 bytes from base64url without padding.
pub fn decode_key(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok()
}

/// Base64url without padding (RFC 4648 §5).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> SealingKeys {
        SealingKeys::parse(&SecretString::from(text)).unwrap()
    }

    const ONE: &str = "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const TWO_THEN_ONE: &str =
        "2:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE,1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn what_is_packed_is_unpacked_and_rubbish_is_not() {
        let sealed = Sealed { key_id: "2026".to_owned(), bytes: vec![1, 2, 3] };
        assert_eq!(Sealed::unpack(&sealed.pack()), Some(sealed));
        assert_eq!(Sealed::unpack(&[]), None);
        assert_eq!(Sealed::unpack(&[9, 1]), None);
    }

    #[test]
    fn a_secret_opens_for_its_owner_alone() {
        let sealed = keys(ONE).seal(b"s3cret", b"acme|1").unwrap();
        assert_eq!(keys(ONE).open(&sealed, b"acme|1").unwrap(), b"s3cret");
        assert!(matches!(keys(ONE).open(&sealed, b"acme|2"), Err(SecretError::Sealed)));
    }

    #[test]
    fn an_old_key_still_opens_and_the_first_one_seals() {
        let old = keys(ONE).seal(b"s3cret", b"o").unwrap();
        assert_eq!(keys(TWO_THEN_ONE).open(&old, b"o").unwrap(), b"s3cret");
        let new = keys(TWO_THEN_ONE).seal(b"s3cret", b"o").unwrap();
        assert!(matches!(keys(ONE).open(&new, b"o"), Err(SecretError::UnknownKey(id)) if id == "2"));
    }
}
