//! Standard Webhooks 1.0, symmetric signatures `v1`. The asymmetric `v1a` is not offered.

use crate::secret::{Secret, Secrets};
use crate::{VerifyError, fresh, mac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The delivery's id; the same over retries and replays.
pub const ID_HEADER: &str = "webhook-id";
/// The attempt's time in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// One signature per live secret, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

const VERSION: &str = "v1";

/// The value of [`SIGNATURE_HEADER`]: the current secret's signature first.
pub fn sign(id: &str, unix_time: u64, body: &[u8], secrets: &Secrets) -> String {
    let time = unix_time.to_string();
    let signatures: Vec<_> = secrets
        .iter()
        .map(|secret| format!("{VERSION},{}", STANDARD.encode(signature(id, &time, body, secret))))
        .collect();
    signatures.join(" ")
}

/// Checks the three headers against a body. Signatures of other versions are passed over.
///
/// # Errors
/// Says whether the headers, their time or the signatures are at fault.
pub fn verify(
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    secret: &Secret,
    now: u64,
) -> Result<(), VerifyError> {
    // A full stop in the id would let one signature stand for two different messages.
    if id.is_empty() || id.contains('.') {
        return Err(VerifyError::Malformed);
    }
    fresh(timestamp.parse().or(Err(VerifyError::Malformed))?, now)?;
    let mut candidates = Vec::new();
    for entry in signatures.split_whitespace() {
        let (version, encoded) = entry.split_once(',').ok_or(VerifyError::Malformed)?;
        if version == VERSION {
            let bytes = STANDARD.decode(encoded).or(Err(VerifyError::Malformed))?;
            candidates.push(<[u8; mac::LENGTH]>::try_from(bytes).or(Err(VerifyError::Malformed))?);
        }
    }
    let expected = signature(id, timestamp, body, secret);
    if mac::matches_any(&expected, &candidates) { Ok(()) } else { Err(VerifyError::Mismatch) }
}

fn signature(id: &str, time: &str, body: &[u8], secret: &Secret) -> [u8; mac::LENGTH] {
    mac::hmac(&secret.decoded(), &[id.as_bytes(), b".", time.as_bytes(), b".", body])
}
