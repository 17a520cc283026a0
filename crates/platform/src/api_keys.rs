//! The form of API keys: how one is made, and which part of it is public.
//!
//! A key is a prefix that names its kind, a public part that it is looked up by, and a secret of 256 bits.
//! Only a keyed hash of the whole key is ever stored. Who may use a key is the gateway's business.

use crate::secrets::{SecretError, base64url, random};
use contracts::identity::CredentialKind;
use std::ops::Range;

/// Random bytes of the public part of a platform key: 12 hexadecimal digits.
const KEY_ID_BYTES: usize = 6;
/// Characters after the prefix that a key without a public part is looked up by. They give away 72 of its
/// 256 bits to whoever reads the table.
const LOOKUP_CHARACTERS: usize = 12;
/// 32 bytes in base64url.
const SECRET_CHARACTERS: usize = 43;

const PLATFORM: &str = "ins_";
const CRM: &str = "finova_sk_";
const INGEST: &str = "wp_live_";

/// A key that was just made. The only moment at which the whole of it is known.
pub struct NewKey {
    pub key: String,
    /// What it is found by.
    pub lookup: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("lookup", &self.lookup).finish_non_exhaustive()
    }
}

/// Makes a platform key: `ins_<12 hex>_<secret>`.
///
/// # Errors
/// When the system has no random bytes.
pub fn new_platform_key() -> Result<NewKey, SecretError> {
    let id: [u8; KEY_ID_BYTES] = random()?;
    let lookup = format!("{PLATFORM}{}", hex::encode(id));
    Ok(NewKey { key: format!("{lookup}_{}", secret()?), lookup })
}

/// Makes a CRM key: `finova_sk_<secret>`.
///
/// # Errors
/// When the system has no random bytes.
pub fn new_crm_key() -> Result<NewKey, SecretError> {
    plain(CRM)
}

/// Makes an ingest key: `wp_live_<secret>`.
///
/// # Errors
/// When the system has no random bytes.
pub fn new_ingest_key() -> Result<NewKey, SecretError> {
    plain(INGEST)
}

fn plain(prefix: &str) -> Result<NewKey, SecretError> {
    let key = format!("{prefix}{}", secret()?);
    let lookup = key[..prefix.len() + LOOKUP_CHARACTERS].to_owned();
    Ok(NewKey { key, lookup })
}

fn secret() -> Result<String, SecretError> {
    Ok(base64url(&random::<32>()?))
}

/// The kind of a presented key and what it is looked up by. `None` when it has the form of no kind.
pub fn parse(key: &str) -> Option<(CredentialKind, &str)> {
    let (kind, public): (_, Range<usize>) = if key.starts_with(PLATFORM) {
        (CredentialKind::PlatformKey, 0..PLATFORM.len() + 2 * KEY_ID_BYTES)
    } else if key.starts_with(CRM) {
        (CredentialKind::CrmKey, 0..CRM.len() + LOOKUP_CHARACTERS)
    } else if key.starts_with(INGEST) {
        (CredentialKind::IngestKey, 0..INGEST.len() + LOOKUP_CHARACTERS)
    } else {
        return None;
    };
    let is_well_formed = key.len() <= 128
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let lookup = key.get(public).filter(|_| is_well_formed)?;
    let rest = &key[lookup.len()..];
    let secret = if kind == CredentialKind::PlatformKey { rest.strip_prefix('_')? } else { rest };
    (secret.len() + LOOKUP_CHARACTERS >= SECRET_CHARACTERS).then_some((kind, lookup))
}

/// The first characters, for people who tell keys apart: `ins_abc1`.
pub fn display_prefix(lookup: &str) -> &str {
    let prefix =
        [PLATFORM, CRM, INGEST].into_iter().find(|prefix| lookup.starts_with(prefix)).unwrap_or_default();
    lookup.get(..prefix.len() + 4).unwrap_or(lookup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_looked_up_by_its_public_part() {
        for (made, kind, prefix) in [
            (new_platform_key().unwrap(), CredentialKind::PlatformKey, "ins_"),
            (new_crm_key().unwrap(), CredentialKind::CrmKey, "finova_sk_"),
            (new_ingest_key().unwrap(), CredentialKind::IngestKey, "wp_live_"),
        ] {
            assert_eq!(parse(&made.key), Some((kind, made.lookup.as_str())));
            assert!(display_prefix(&made.lookup).len() == prefix.len() + 4);
            assert!(!format!("{made:?}").contains(&made.key));
        }
    }

    #[test]
    fn what_is_no_key_is_not_looked_up() {
        for text in
            ["", "ins_", "ins_abc", "ins_0123456789ab", "ins_0123456789ab_short", "ey.J.x", "wp_live_ü"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&format!("ins_{}", "a".repeat(500))), None);
    }
}
