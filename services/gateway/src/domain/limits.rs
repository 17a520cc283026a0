//! Which rate windows a request counts against.

use super::client::Tier;
use super::credential::Resolved;
use super::organization::LexTier;
use contracts::Surface;
use contracts::identity::CredentialKind;
use contracts::ids::{ClientId, OrganizationId};
use contracts::limits::LimitWindow;
use platform::limits::{Period, Verdict, Window, WindowState};
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

/// A rate window with the name that callers know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it is a limit of: `credential`, `client`, `organization`, `address`.
    pub owner: &'static str,
    pub window: Window,
}

/// How the windows of a request stand after it was charged to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing(pub Vec<(&'static str, WindowState)>);

impl Standing {
    /// What the limiter said of these limits.
    pub fn of(limits: &[Limit], verdict: &Verdict) -> Self {
        Self(limits.iter().map(|limit| limit.owner).zip(verdict.windows.iter().copied()).collect())
    }

    /// The window that is closest to its limit, with its owner.
    pub fn tightest(&self) -> Option<(&'static str, WindowState)> {
        self.0.iter().copied().min_by_key(|(_, window)| (window.remaining, u64::MAX - window.reset_seconds))
    }
}

/// The windows of an authenticated request, all of one organisation and so on one node.
pub fn of_credential(credential: &Resolved) -> Vec<Limit> {
    let organization = credential.organization.id;
    let limit = |owner, key: String, period, limit| Limit {
        owner,
        window: Window { key: format!("{{{organization}}}:{key}"), period, limit },
    };
    let own = |default: u64| {
        let figure = credential.rate_limit_override.map_or(default, unsigned);
        limit("credential", format!("credential:{}", credential.id), Period::Minute, figure)
    };
    match credential.kind {
        CredentialKind::ServiceJwt => vec![own(PARTNER_PER_MINUTE)],
        CredentialKind::CrmKey => vec![own(CRM_PER_MINUTE)],
        CredentialKind::OauthClient => vec![if credential.rate_limit_override.is_some() {
            own(0)
        } else {
            let figure = lex_per_minute(credential.lex_tier);
            limit("organization", "lex".to_owned(), Period::Minute, figure)
        }],
        CredentialKind::IngestKey => vec![
            own(unsigned(credential.plan.requests_per_minute_per_key)),
            limit(
                "organization",
                "ingest".to_owned(),
                Period::Minute,
                unsigned(credential.plan.requests_per_minute_per_organization),
            ),
        ],
        CredentialKind::PlatformKey => {
            let [minute, hour, day] = credential.tier.figures();
            let client =
                |period, figure| limit("client", format!("client:{}", credential.client_id), period, figure);
            let minute = match credential.rate_limit_override {
                Some(_) => own(minute),
                None => client(Period::Minute, minute),
            };
            vec![minute, client(Period::Hour, hour), client(Period::Day, day)]
        }
    }
}

/// The windows of a client's tier.
pub fn of_client(organization: OrganizationId, client: ClientId, tier: Tier) -> [Window; 3] {
    let [minute, hour, day] = tier.figures();
    [(Period::Minute, minute), (Period::Hour, hour), (Period::Day, day)].map(|(period, limit)| Window {
        key: format!("{{{organization}}}:client:{client}"),
        period,
        limit,
    })
}

/// The window that a service may charge more of a request to.
pub fn window_of_messages(limits: &[Limit]) -> Option<LimitWindow> {
    let Window { key, limit, .. } = &limits.first()?.window;
    Some(LimitWindow { key: key.clone(), limit: *limit })
}

/// The window of requests that fail to authenticate.
pub fn of_failures(surface: Surface, address: IpAddr) -> Limit {
    of_address(address, "failed", surface, failures_per_minute(surface))
}

/// The window of requests to open routes.
pub fn of_open_routes(surface: Surface, address: IpAddr) -> Limit {
    of_address(address, "open", surface, OPEN_PER_MINUTE)
}

/// The window of visits of pages for browsers.
pub fn of_visits(address: IpAddr) -> Limit {
    of_address(address, "visit", Surface::Platform, OPEN_PER_MINUTE)
}

fn of_address(address: IpAddr, what: &str, surface: Surface, limit: u64) -> Limit {
    let key = format!("{{{}}}:{what}:{}", network(address), surface.name());
    Limit { owner: "address", window: Window { key, period: Period::Minute, limit } }
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
        let key = |text: &str| of_failures(Surface::Crm, text.parse().unwrap()).window.key;
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
