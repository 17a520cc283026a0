//! The signature header of each webhook family, keyed with the secret's literal characters.

use crate::secret::Secret;
use crate::{VerifyError, fresh, mac};

/// A webhook family: what its deliveries are signed like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// The body, in plain hexadecimal digits.
    Partner,
    /// Time and body, with the time in the header.
    Platform,
    /// The body, in hexadecimal digits after the name of the digest.
    Lex,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 3] = [Self::Partner, Self::Platform, Self::Lex];

    /// The header with the current secret's signature, in lower case.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Partner => "x-fulfillment-signature",
            Self::Platform => "x-webhook-signature",
            Self::Lex => "x-lex-signature",
        }
    }

    /// The header with the previous secret's signature during a rotation, in lower case.
    pub const fn previous_header(self) -> &'static str {
        match self {
            Self::Partner => "x-fulfillment-signature-previous",
            Self::Platform => "x-webhook-signature-previous",
            Self::Lex => "x-lex-signature-previous",
        }
    }

    /// The value of the family's header. `unix_time` counts for the platform family alone.
    pub fn sign(self, unix_time: u64, body: &[u8], secret: &Secret) -> String {
        match self {
            Self::Partner => hex::encode(of_body(body, secret)),
            Self::Lex => format!("sha256={}", hex::encode(of_body(body, secret))),
            Self::Platform => {
                let signature = of_time_and_body(&unix_time.to_string(), body, secret);
                format!("t={unix_time},v1={}", hex::encode(signature))
            }
        }
    }

    /// Checks the value of the family's header against a body. `now` counts for the platform family alone;
    /// the others sign no time.
    ///
    /// # Errors
    /// Says whether the header, its time or its signature is at fault.
    pub fn verify(self, header: &str, body: &[u8], secret: &Secret, now: u64) -> Result<(), VerifyError> {
        let (expected, candidates) = match self {
            Self::Partner => (of_body(body, secret), vec![signature(header)?]),
            Self::Lex => {
                let digits = header.strip_prefix("sha256=").ok_or(VerifyError::Malformed)?;
                (of_body(body, secret), vec![signature(digits)?])
            }
            Self::Platform => {
                let (time, candidates) = platform_parts(header)?;
                fresh(time.parse().or(Err(VerifyError::Malformed))?, now)?;
                (of_time_and_body(time, body, secret), candidates)
            }
        };
        if mac::matches_any(&expected, &candidates) { Ok(()) } else { Err(VerifyError::Mismatch) }
    }
}

fn of_body(body: &[u8], secret: &Secret) -> [u8; mac::LENGTH] {
    mac::hmac(secret.literal(), &[body])
}

fn of_time_and_body(time: &str, body: &[u8], secret: &Secret) -> [u8; mac::LENGTH] {
    mac::hmac(secret.literal(), &[time.as_bytes(), b".", body])
}

fn signature(digits: &str) -> Result<[u8; mac::LENGTH], VerifyError> {
    mac::from_hex(digits).ok_or(VerifyError::Malformed)
}

/// The time and the signatures of `t=…,v1=…`; parts of other names are for later versions.
fn platform_parts(header: &str) -> Result<(&str, Vec<[u8; mac::LENGTH]>), VerifyError> {
    let (mut time, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=').ok_or(VerifyError::Malformed)? {
            ("t", value) if time.is_none() => time = Some(value),
            ("t", _) => return Err(VerifyError::Malformed),
            ("v1", digits) => signatures.push(signature(digits)?),
            _ => {}
        }
    }
    match time {
        Some(time) if !signatures.is_empty() => Ok((time, signatures)),
        _ => Err(VerifyError::Malformed),
    }
}
