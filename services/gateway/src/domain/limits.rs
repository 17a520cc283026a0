//! Which rate windows a request counts against.

use super::credential::Resolved;
use super::organization::LexTier;
use contracts::Surface;
use contracts::identity::CredentialKind;
use platform::limits::{Period, Window};
use std::net::IpAddr;

/// Requests per minute of a service credential and, elsewhere, of a CRM key.
const PARTNER_PER_MINUTE: u64 = 60;
const CRM_PER_MINUTE: u64 = 600;

/// Messages per minute of all OAuth credentials of an organisation.
const fn lex_per_minute(tier: LexTier) -> u64 {
    match tier {
        LexTier::Standard => 1_000,
        LexTier::Enterprise => 10_000,
    }
}

/// Wrong secrets per minute and OAuth client.
const WRONG_SECRETS_PER_MINUTE: u64 = 5;

/// Requests per minute and address that fail to authenticate.
const fn failures_per_minute(surface: Surface) -> u64 {
    match surface {
        Surface::Crm => 60,
        Surface::Partner | Surface::Ingest | Surface::Lex | Surface::Platform => 600,
    }
}

/// Requests per minute and address to open routes.
const OPEN_PER_MINUTE: u64 = 600;

/// The windows of an authenticated request, all of one organisation and so on one node.
pub fn of_credential(credential: &Resolved) -> Vec<Window> {
    let organization = credential.organization.id;
    let window =
        |owner: String, period, limit| Window { key: format!("{{{organization}}}:{owner}"), period, limit };
    let own = |default: u64| {
        let limit = credential.rate_limit_override.map_or(default, unsigned);
        window(format!("credential:{}", credential.id), Period::Minute, limit)
    };
    match credential.kind {
        CredentialKind::ServiceJwt => vec![own(PARTNER_PER_MINUTE)],
        CredentialKind::CrmKey => vec![own(CRM_PER_MINUTE)],
        CredentialKind::OauthClient => match credential.rate_limit_override {
            Some(_) => vec![own(0)],
            None => {
                vec![window("lex".to_owned(), Period::Minute, lex_per_minute(credential.lex_tier))]
            }
        },
        CredentialKind::IngestKey => vec![
            own(unsigned(credential.requests_per_minute_per_key)),
            window(
                "ingest".to_owned(),
                Period::Minute,
                unsigned(credential.requests_per_minute_per_organization),
            ),
        ],
        CredentialKind::PlatformKey => {
            let [minute, hour, day] = credential.tier.figures();
            let client = |period, limit| window(format!("client:{}", credential.client_id), period, limit);
            let minute = match credential.rate_limit_override {
                Some(_) => own(minute),
                None => client(Period::Minute, minute),
            };
            vec![minute, client(Period::Hour, hour), client(Period::Day, day)]
        }
    }
}

/// The window of requests that fail to authenticate.
pub fn of_failures(surface: Surface, address: IpAddr) -> Window {
    let key = format!("{{{}}}:failed:{}", network(address), surface.name());
    Window { key, period: Period::Minute, limit: failures_per_minute(surface) }
}

/// The window of requests to open routes.
pub fn of_open_routes(surface: Surface, address: IpAddr) -> Window {
    let key = format!("{{{}}}:open:{}", network(address), surface.name());
    Window { key, period: Period::Minute, limit: OPEN_PER_MINUTE }
}

/// The window of wrong secrets of an OAuth client, which need not exist: by the digest of its id.
pub fn of_wrong_secrets(client: &str) -> Window {
    let key = format!("{{{client}}}:wrong-secret");
    Window { key, period: Period::Minute, limit: WRONG_SECRETS_PER_MINUTE }
}

/// One subscriber of an IPv6 network has a whole /64 to himself.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
    }
}

fn unsigned(figure: i64) -> u64 {
    u64::try_from(figure).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_subscriber_share_a_window() {
        let key = |text: &str| of_failures(Surface::Crm, text.parse().unwrap()).key;
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
