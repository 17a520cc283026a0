//! Certificates of conformance: `LEX-L{level}-CERT-{year}-{organisation}-{signature}` (LEX reference §15).
//!
//! The signature is 8 hexadecimal digits of the moment of expiry (Unix seconds) and the first 16 of an
//! HMAC-SHA256 over level, organisation and that moment, so that whoever has the key verifies one without asking
//! anybody.

use chrono::{DateTime, Datelike, Months, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write as _;

/// Hexadecimal digits of the expiry, and of the code behind it.
const EXPIRY: usize = 8;
const CODE: usize = 16;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// 1 to 3.
    pub level: u8,
    /// The organisation's LEX id.
    pub organization: String,
    pub expires_at: DateTime<Utc>,
}

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it has not the form LEX-L<level>-CERT-<year>-<organization>-<signature>")]
    Form,
    #[error("its signature was not made with this key")]
    Signature,
    #[error("it expired at {0}")]
    Expired(DateTime<Utc>),
}

/// The certificate of an organisation that passed at `now`; it is good for twelve months.
pub fn issue(key: &[u8], level: u8, organization: &str, now: DateTime<Utc>) -> String {
    let expires = now.checked_add_months(Months::new(12)).unwrap_or(now);
    let expiry = u32::try_from(expires.timestamp()).unwrap_or(u32::MAX);
    let code = code(key, level, organization, expiry);
    format!("LEX-L{level}-CERT-{}-{organization}-{expiry:08x}{code}", now.year())
}

/// Verifies a token.
///
/// # Errors
/// When it is none, is not of this key, or is over.
pub fn verify(key: &[u8], token: &str, now: DateTime<Utc>) -> Result<Certificate, Refused> {
    let (level, rest) = token
        .strip_prefix("LEX-L")
        .and_then(|rest| rest.split_once("-CERT-"))
        .and_then(|(level, rest)| Some((level.parse().ok().filter(|level| (1..=3).contains(level))?, rest)))
        .ok_or(Refused::Form)?;
    let (year, rest) = rest.split_once('-').ok_or(Refused::Form)?;
    let (organization, signature) = rest.rsplit_once('-').ok_or(Refused::Form)?;
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if year.len() != 4 || !is_hex(signature) || signature.len() != EXPIRY + CODE {
        return Err(Refused::Form);
    }
    let (expiry, given) = signature.split_at(EXPIRY);
    let expiry =
        u32::from_str_radix(expiry, 16).map_err(|_overflow: std::num::ParseIntError| Refused::Form)?;
    let expires_at = DateTime::from_timestamp(i64::from(expiry), 0).ok_or(Refused::Form)?;
    // The year is told beside the expiry, not by it: one that was changed is a forgery too.
    let issued = expires_at.checked_sub_months(Months::new(12)).unwrap_or(expires_at);
    if !equal(&code(key, level, organization, expiry), given) || year != issued.year().to_string() {
        return Err(Refused::Signature);
    }
    if expires_at <= now {
        return Err(Refused::Expired(expires_at));
    }
    Ok(Certificate { level, organization: organization.to_owned(), expires_at })
}

fn code(key: &[u8], level: u8, organization: &str, expiry: u32) -> String {
    let mut hex = String::with_capacity(CODE);
    // An HMAC takes keys of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(format!("{level}|{organization}|{expiry}").as_bytes());
        for byte in mac.finalize().into_bytes().iter().take(CODE / 2) {
            write!(hex, "{byte:02x}").unwrap_or_default();
        }
    }
    hex
}

/// In a time that does not depend on where they differ.
fn equal(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, TimeZone};

    const KEY: &[u8] = b"a key of an installation";

    #[test]
    fn a_certificate_is_good_for_a_year_with_its_key_alone_and_as_it_was_made() {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 11, 30, 0).unwrap();
        let token = issue(KEY, 2, "DEALER-ABC-MAIN", now);
        assert!(token.starts_with("LEX-L2-CERT-2026-DEALER-ABC-MAIN-"), "{token}");
        let certificate = verify(KEY, &token, now).unwrap();
        assert_eq!((certificate.level, certificate.organization.as_str()), (2, "DEALER-ABC-MAIN"));
        assert_eq!(certificate.expires_at, Utc.with_ymd_and_hms(2027, 11, 22, 11, 30, 0).unwrap());
        assert_eq!(verify(b"another", &token, now), Err(Refused::Signature));
        assert_eq!(
            verify(KEY, &token, now + TimeDelta::days(365)),
            Err(Refused::Expired(certificate.expires_at))
        );
        for forged in
            [token.replace("L2", "L3"), token.replace("ABC", "ABD"), token.replace("-2026-", "-2025-")]
        {
            assert_eq!(verify(KEY, &forged, now), Err(Refused::Signature), "{forged}");
        }
        for none in ["", "LEX-L4-CERT-2026-A-00", "LEX-L2-CERT-2026", &token[1..], &token.to_uppercase()] {
            assert_eq!(verify(KEY, none, now), Err(Refused::Form), "{none}");
        }
    }
}
