//! The rate-limit headers of each surface, and beside them those of the IETF's draft, alike on all surfaces
//! (draft-ietf-httpapi-ratelimit-headers-10: `RateLimit`, `RateLimit-Policy`).

use crate::clients::exchange::header as outgoing;
use crate::domain::limits::Standing;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::Surface;
use contracts::limits::{LIMIT_HEADER, REMAINING_HEADER, RESET_HEADER};
use platform::limits::{Period, WindowState};

const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");
/// The version of the ingest contract.
const INGEST_VERSION: HeaderValue = HeaderValue::from_static("2026-04-01");

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// Those of an older draft, which the partner contract names.
const PARTNER_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const PARTNER_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const PARTNER_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const IETF: HeaderName = HeaderName::from_static("ratelimit");
const IETF_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What a service says of a window that it charged more to than the gateway did ([`contracts::limits`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    limit: Option<u64>,
    remaining: u64,
    reset: Option<u64>,
}

impl Charged {
    /// Reads the headers of a service's answer, if it has them.
    pub fn of(headers: &outgoing::HeaderMap) -> Option<Self> {
        let number = |name| headers.get(name)?.to_str().ok()?.parse().ok();
        let remaining = number(REMAINING_HEADER)?;
        Some(Self { limit: number(LIMIT_HEADER), remaining, reset: number(RESET_HEADER) })
    }

    /// Puts the figures in place of those of the request's first window, which is the one to charge more to.
    pub fn applied_to(self, mut standing: Standing) -> Standing {
        if let Some((_, window)) = standing.0.first_mut() {
            window.limit = self.limit.unwrap_or(window.limit);
            window.remaining = self.remaining.min(window.limit);
            if let Some(reset) = self.reset {
                window.reset_at = (window.reset_at + reset).saturating_sub(window.reset_seconds);
                window.reset_seconds = reset;
            }
        }
        standing
    }
}

/// Sets what the surface promises on every answer, in place of what an owner may have set.
pub fn set(headers: &mut HeaderMap, surface: Surface, standing: &Standing) {
    if surface == Surface::Ingest {
        headers.insert(API_VERSION, INGEST_VERSION);
    }
    let Some((owner, window)) = standing.tightest() else { return };
    let mut number = |name, figure: u64| {
        headers.insert(name, HeaderValue::from(figure));
    };
    match surface {
        Surface::Partner => {
            number(PARTNER_LIMIT, window.limit);
            number(PARTNER_REMAINING, window.remaining);
            number(PARTNER_RESET, window.reset_seconds);
        }
        Surface::Crm => {
            number(LIMIT, window.limit);
            number(REMAINING, window.remaining);
            number(RESET, window.reset_seconds);
        }
        Surface::Ingest | Surface::Lex => {
            number(LIMIT, window.limit);
            number(REMAINING, window.remaining);
        }
        Surface::Platform => {
            number(LIMIT, window.limit);
            number(REMAINING, window.remaining);
            if let Some(reset) = iso_8601(window.reset_at) {
                headers.insert(RESET, reset);
            }
        }
    }
    let name = policy_name(owner, window.period);
    let now = format!("\"{name}\";r={};t={}", window.remaining, window.reset_seconds);
    for (header, value) in [(IETF, now), (IETF_POLICY, policies(standing))] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(header, value);
        }
    }
}

/// Every limit that the request counts against, in the order in which they were charged.
fn policies(standing: &Standing) -> String {
    let policy = |(owner, window): &(&'static str, WindowState)| {
        let name = policy_name(owner, window.period);
        format!("\"{name}\";q={};w={}", window.limit, window.period.seconds())
    };
    standing.0.iter().map(policy).collect::<Vec<_>>().join(", ")
}

fn policy_name(owner: &str, period: Period) -> String {
    let period = match period {
        Period::Minute => "minute",
        Period::Hour => "hour",
        Period::Day => "day",
    };
    format!("{owner}-{period}")
}

fn iso_8601(unix_seconds: u64) -> Option<HeaderValue> {
    let time = DateTime::<Utc>::from_timestamp(i64::try_from(unix_seconds).ok()?, 0)?;
    HeaderValue::from_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(period: Period, limit: u64, remaining: u64) -> WindowState {
        WindowState { period, limit, remaining, reset_seconds: 12, reset_at: 1_705_316_400 }
    }

    fn shown(surface: Surface, standing: &Standing) -> Vec<String> {
        let mut headers = HeaderMap::new();
        set(&mut headers, surface, standing);
        let mut lines: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    #[test]
    fn each_surface_has_headers_of_its_own() {
        let standing = Standing(vec![("credential", window(Period::Minute, 60, 59))]);
        let own = |surface| {
            let mut lines = shown(surface, &standing);
            lines.retain(|line| !line.starts_with("ratelimit: ") && !line.starts_with("ratelimit-policy: "));
            lines
        };
        assert_eq!(
            own(Surface::Partner),
            ["ratelimit-limit: 60", "ratelimit-remaining: 59", "ratelimit-reset: 12"]
        );
        assert_eq!(
            own(Surface::Crm),
            ["x-ratelimit-limit: 60", "x-ratelimit-remaining: 59", "x-ratelimit-reset: 12"]
        );
        assert_eq!(
            own(Surface::Platform),
            ["x-ratelimit-limit: 60", "x-ratelimit-remaining: 59", "x-ratelimit-reset: 2024-01-15T11:00:00Z"]
        );
        assert_eq!(
            own(Surface::Ingest),
            ["x-api-version: 2026-04-01", "x-ratelimit-limit: 60", "x-ratelimit-remaining: 59"]
        );
        assert_eq!(own(Surface::Lex), ["x-ratelimit-limit: 60", "x-ratelimit-remaining: 59"]);
    }

    #[test]
    fn the_draft_of_the_ietf_names_every_limit_and_shows_the_tightest() {
        let standing = Standing(vec![
            ("credential", window(Period::Minute, 600, 599)),
            ("client", window(Period::Hour, 5_000, 3)),
            ("client", window(Period::Day, 50_000, 40_000)),
        ]);
        let lines = shown(Surface::Platform, &standing);
        assert!(lines.contains(&r#"ratelimit: "client-hour";r=3;t=12"#.to_owned()), "{lines:?}");
        let policies = r#"ratelimit-policy: "credential-minute";q=600;w=60, "client-hour";q=5000;w=3600, "client-day";q=50000;w=86400"#;
        assert!(lines.contains(&policies.to_owned()), "{lines:?}");
    }

    #[test]
    fn what_a_service_charged_more_takes_the_place_of_what_the_gateway_knew() {
        let standing = || Standing(vec![("organization", window(Period::Minute, 1_000, 999))]);
        let charged = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = outgoing::HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, outgoing::HeaderValue::from_static(value));
            }
            Charged::of(&headers)
        };
        assert_eq!(charged(&[]), None);
        assert_eq!(charged(&[(REMAINING_HEADER, "many")]), None);
        let changed = charged(&[(REMAINING_HEADER, "950")]).unwrap().applied_to(standing());
        assert_eq!(changed.0[0].1, window(Period::Minute, 1_000, 950));
        // A minute that began between the two charges.
        let all = [(LIMIT_HEADER, "10000"), (REMAINING_HEADER, "9950"), (RESET_HEADER, "60")];
        let (_, changed) = charged(&all).unwrap().applied_to(standing()).0[0];
        assert_eq!((changed.limit, changed.remaining, changed.reset_seconds), (10_000, 9_950, 60));
        assert_eq!(changed.reset_at, 1_705_316_448);
        assert_eq!(charged(&all).unwrap().applied_to(Standing::default()), Standing::default());
    }
}
