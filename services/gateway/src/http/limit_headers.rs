//! The rate-limit headers of each surface.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::Surface;
use platform::limits::WindowState;

const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");
/// The version of the ingest contract.
const INGEST_VERSION: HeaderValue = HeaderValue::from_static("2026-04-01");

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const IETF_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const IETF_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const IETF_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Sets what the surface promises on every answer, in place of what an owner may have set.
pub fn set(headers: &mut HeaderMap, surface: Surface, standing: Option<WindowState>) {
    if surface == Surface::Ingest {
        headers.insert(API_VERSION, INGEST_VERSION);
    }
    let Some(window) = standing else { return };
    let mut number = |name, figure: u64| {
        headers.insert(name, HeaderValue::from(figure));
    };
    match surface {
        Surface::Partner => {
            number(IETF_LIMIT, window.limit);
            number(IETF_REMAINING, window.remaining);
            number(IETF_RESET, window.reset_seconds);
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
}

fn iso_8601(unix_seconds: u64) -> Option<HeaderValue> {
    let time = DateTime::<Utc>::from_timestamp(i64::try_from(unix_seconds).ok()?, 0)?;
    HeaderValue::from_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::limits::Period;

    #[test]
    fn each_surface_has_headers_of_its_own() {
        let window = WindowState {
            period: Period::Minute,
            limit: 60,
            remaining: 59,
            reset_seconds: 12,
            reset_at: 1_705_316_400,
        };
        let shown = |surface| {
            let mut headers = HeaderMap::new();
            set(&mut headers, surface, Some(window));
            let mut lines: Vec<_> =
                headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            lines.sort();
            lines
        };
        assert_eq!(
            shown(Surface::Partner),
            ["ratelimit-limit: 60", "ratelimit-remaining: 59", "ratelimit-reset: 12"]
        );
        assert_eq!(
            shown(Surface::Crm),
            ["x-ratelimit-limit: 60", "x-ratelimit-remaining: 59", "x-ratelimit-reset: 12"]
        );
        assert_eq!(
            shown(Surface::Platform),
            ["x-ratelimit-limit: 60", "x-ratelimit-remaining: 59", "x-ratelimit-reset: 2024-01-15T11:00:00Z"]
        );
        assert_eq!(
            shown(Surface::Ingest),
            ["x-api-version: 2026-04-01", "x-ratelimit-limit: 60", "x-ratelimit-remaining: 59"]
        );
        assert_eq!(shown(Surface::Lex), ["x-ratelimit-limit: 60", "x-ratelimit-remaining: 59"]);
    }
}
