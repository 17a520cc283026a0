//! HMAC-SHA256 over several parts, made and compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// The length of a signature in bytes.
pub(crate) const LENGTH: usize = 32;

/// The HMAC-SHA256 of the parts, one after the other.
pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; LENGTH] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length (RFC 2104 §2)"));
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether any of the candidates is the expected signature; takes the same time wherever they differ.
pub(crate) fn matches_any(expected: &[u8; LENGTH], candidates: &[[u8; LENGTH]]) -> bool {
    candidates.iter().fold(Choice::from(0), |found, candidate| found | candidate.ct_eq(expected)).into()
}

/// Reads a signature in hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}
