//! Signatures of webhook deliveries: made by the dispatcher, checked by receivers, the CLI and the tests.
//!
//! Pure: the caller brings the time, the id and the secrets. Four schemes, all HMAC-SHA256:
//!
//! | scheme | header | signed | key |
//! |---|---|---|---|
//! | [`standard`] | `webhook-signature: v1,<base64>` | `id.timestamp.body` | decoded `whsec_` secret |
//! | [`Family::Partner`] | `x-fulfillment-signature: <hex>` | body | the secret's characters |
//! | [`Family::Platform`] | `x-webhook-signature: t=<unix>,v1=<hex>` | `timestamp.body` | the secret's characters |
//! | [`Family::Lex`] | `x-lex-signature: sha256=<hex>` | body | the secret's characters |
//!
//! Every delivery carries the standard headers and those of its family; see [`headers`].

mod family;
mod mac;
mod secret;
pub mod standard;

pub use family::Family;
pub use secret::{Secret, Secrets};

use std::time::Duration;
use thiserror::Error;

/// How far a signed timestamp may lie from the verifier's clock, either way.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The header is not of the scheme's form.
    #[error("the signature header is malformed")]
    Malformed,
    /// The signed timestamp is more than [`TOLERANCE`] away from now.
    #[error("the signed timestamp is too far from now")]
    Stale,
    /// No signature fits the secret, the body and what is signed with it.
    #[error("the signature does not match")]
    Mismatch,
}

/// Every signature header of one delivery attempt: the standard ones, the family's own, and with a previous
/// secret the family's `…-previous`. Names are in lower case.
///
/// `id` stays the same over retries and must not contain a full stop (Standard Webhooks 1.0); `unix_time`
/// is the attempt's, in seconds.
pub fn headers(
    family: Family,
    id: &str,
    unix_time: u64,
    body: &[u8],
    secrets: &Secrets,
) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        (standard::ID_HEADER, id.to_owned()),
        (standard::TIMESTAMP_HEADER, unix_time.to_string()),
        (standard::SIGNATURE_HEADER, standard::sign(id, unix_time, body, secrets)),
        (family.header(), family.sign(unix_time, body, &secrets.current)),
    ];
    if let Some(previous) = &secrets.previous {
        headers.push((family.previous_header(), family.sign(unix_time, body, previous)));
    }
    headers
}

/// Refuses a timestamp that is too far from now.
fn fresh(signed: u64, now: u64) -> Result<(), VerifyError> {
    if signed.abs_diff(now) <= TOLERANCE.as_secs() { Ok(()) } else { Err(VerifyError::Stale) }
}
