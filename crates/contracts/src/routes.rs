//! Every public route: method and path template → owner, surface, access, body limit, timeout.
//!
//! The gateway routes by this table and counts usage by its templates; nothing else decides where a
//! request goes. Templates use `{name}` for one non-empty segment.

use crate::service::Service;
use crate::surface::Surface;
use std::sync::LazyLock;
use std::time::Duration;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only with a credential of the route's surface.
    Authenticated,
    /// Anybody; limited per address.
    Open,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    pub template: &'static str,
    pub owner: Service,
    pub surface: Surface,
    pub access: Access,
}

impl Route {
    /// The largest body that is passed on, in bytes.
    pub const fn body_limit(&self) -> usize {
        body_limit(self.surface)
    }

    /// How long the owner may take for the whole answer.
    pub const fn timeout(&self) -> Duration {
        match self.surface {
            Surface::Lex => Duration::from_mins(1),
            Surface::Partner | Surface::Ingest | Surface::Crm | Surface::Platform => Duration::from_secs(30),
        }
    }
}

/// The largest body of a surface, in bytes.
pub const fn body_limit(surface: Surface) -> usize {
    match surface {
        Surface::Lex => 4 * 1024 * 1024,
        Surface::Ingest => 1024 * 1024,
        Surface::Partner | Surface::Crm | Surface::Platform => 256 * 1024,
    }
}

/// What the table says about a method and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    Found(&'static Route),
    /// The path exists with these methods only.
    WrongMethod(Vec<&'static str>),
    Unknown,
}

/// Looks a method and a raw path up. The path is compared as it stands, without decoding.
///
/// Where a literal and a placeholder both fit (`/messages/batch`, `/messages/{messageId}`), the literal wins.
pub fn find(method: &str, path: &str) -> Match {
    let given: Vec<_> = path.split('/').collect();
    let Some(of_length) = BY_LENGTH.get(given.len()) else { return Match::Unknown };
    let fitting = || of_length.iter().filter(|pattern| pattern.fits(&given)).map(|pattern| pattern.route);
    let wanted = fitting().filter(|route| route.method == method);
    if let Some(route) = wanted.min_by_key(|route| route.template.matches('{').count()) {
        return Match::Found(route);
    }
    let mut methods: Vec<_> = fitting().map(|route| route.method).collect();
    methods.sort_unstable();
    methods.dedup();
    if methods.is_empty() { Match::Unknown } else { Match::WrongMethod(methods) }
}

/// A route with its template in segments.
struct Pattern {
    route: &'static Route,
    segments: Vec<&'static str>,
}

impl Pattern {
    /// Whether a path of as many segments is one of this template. Looks at the last first: paths differ there.
    fn fits(&self, given: &[&str]) -> bool {
        let is_placeholder = |wanted: &str| wanted.starts_with('{');
        let mut segments = self.segments.iter().zip(given).rev();
        segments.all(|(wanted, given)| wanted == given || is_placeholder(wanted) && !given.is_empty())
    }
}

/// The table by the number of segments: every request is looked up.
static BY_LENGTH: LazyLock<Vec<Vec<Pattern>>> = LazyLock::new(|| {
    let mut by_length = Vec::new();
    for route in ROUTES {
        let segments: Vec<_> = route.template.split('/').collect();
        if by_length.len() <= segments.len() {
            by_length.resize_with(segments.len() + 1, Vec::new);
        }
        by_length[segments.len()].push(Pattern { route, segments });
    }
    by_length
});

const fn route(method: &'static str, template: &'static str, owner: Service, surface: Surface) -> Route {
    Route { method, template, owner, surface, access: Access::Authenticated }
}

const fn open(method: &'static str, template: &'static str, owner: Service, surface: Surface) -> Route {
    Route { method, template, owner, surface, access: Access::Open }
}

use Service::{CrmResources, Gateway, Ingest, LeadIntake, LexRouter, WebhookDispatcher};
use Surface::{Crm, Lex, Partner, Platform};

/// The table.
pub const ROUTES: &[Route] = &[
    // partner
    open("GET", "/.well-known/jwks.json", Gateway, Partner),
    open("GET", "/api/v1/healthz", LeadIntake, Partner),
    route("POST", "/api/v1/partners/{partner_slug}/leads", LeadIntake, Partner),
    route("GET", "/api/v1/partners/{partner_slug}/leads", LeadIntake, Partner),
    route("GET", "/api/v1/partners/{partner_slug}/leads/{lead_id}", LeadIntake, Partner),
    route("POST", "/api/v1/partners/{partner_slug}/webhook-subscriptions", WebhookDispatcher, Partner),
    route("GET", "/api/v1/partners/{partner_slug}/webhook-subscriptions", WebhookDispatcher, Partner),
    route(
        "GET",
        "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}",
        WebhookDispatcher,
        Partner,
    ),
    route(
        "PATCH",
        "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}",
        WebhookDispatcher,
        Partner,
    ),
    route(
        "DELETE",
        "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}",
        WebhookDispatcher,
        Partner,
    ),
    route(
        "POST",
        "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/rotate-secret",
        WebhookDispatcher,
        Partner,
    ),
    route(
        "POST",
        "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/test",
        WebhookDispatcher,
        Partner,
    ),
    route(
        "POST",
        "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/recover",
        WebhookDispatcher,
        Partner,
    ),
    route(
        "GET",
        "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/deliveries",
        WebhookDispatcher,
        Partner,
    ),
    route(
        "POST",
        "/api/v1/partners/{partner_slug}/webhook-subscriptions/{subscription_id}/deliveries/{delivery_id}/retry",
        WebhookDispatcher,
        Partner,
    ),
    // ingest
    route("GET", "/api/v1/ingest/ping", Ingest, Surface::Ingest),
    route("POST", "/api/v1/ingest/events", Ingest, Surface::Ingest),
    route("POST", "/api/v1/ingest/snapshots", Ingest, Surface::Ingest),
    route("GET", "/api/v1/ingest/workers", Ingest, Surface::Ingest),
    route("GET", "/api/v1/ingest/workers/{id}/timeline", Ingest, Surface::Ingest),
    route("GET", "/api/v1/ingest/workers/{id}/snapshots", Ingest, Surface::Ingest),
    // lex
    route("POST", "/v1/messages", LexRouter, Lex),
    route("GET", "/v1/messages", LexRouter, Lex),
    route("POST", "/v1/messages/batch", LexRouter, Lex),
    route("GET", "/v1/messages/{messageId}", LexRouter, Lex),
    route("GET", "/v1/messages/{messageId}/acknowledgment", LexRouter, Lex),
    route("GET", "/v1/messages/{messageId}/ack", LexRouter, Lex),
    route("POST", "/v1/leads", LexRouter, Lex),
    route("POST", "/v1/leads/{leadId}/closure", LexRouter, Lex),
    route("POST", "/v1/assets", LexRouter, Lex),
    route("POST", "/v1/subscriptions", WebhookDispatcher, Lex),
    route("GET", "/v1/subscriptions", WebhookDispatcher, Lex),
    route("GET", "/v1/subscriptions/{subscriptionId}", WebhookDispatcher, Lex),
    route("PATCH", "/v1/subscriptions/{subscriptionId}", WebhookDispatcher, Lex),
    route("DELETE", "/v1/subscriptions/{subscriptionId}", WebhookDispatcher, Lex),
    route("POST", "/v1/subscriptions/{subscriptionId}/rotate-secret", WebhookDispatcher, Lex),
    route("POST", "/v1/subscriptions/{subscriptionId}/test", WebhookDispatcher, Lex),
    route("POST", "/v1/subscriptions/{subscriptionId}/recover", WebhookDispatcher, Lex),
    route("GET", "/v1/subscriptions/{subscriptionId}/deliveries", WebhookDispatcher, Lex),
    route("POST", "/v1/subscriptions/{subscriptionId}/deliveries/{deliveryId}/retry", WebhookDispatcher, Lex),
    route("POST", "/v1/conformance/run", LexRouter, Lex),
    route("GET", "/v1/conformance/report/{sessionId}", LexRouter, Lex),
    open("GET", "/v1/schema/{messageType}", LexRouter, Lex),
    open("GET", "/v1/health", LexRouter, Lex),
    // crm
    route("GET", "/api/v1/products", CrmResources, Crm),
    route("POST", "/api/v1/products", CrmResources, Crm),
    route("GET", "/api/v1/products/{id}", CrmResources, Crm),
    route("PATCH", "/api/v1/products/{id}", CrmResources, Crm),
    route("DELETE", "/api/v1/products/{id}", CrmResources, Crm),
    route("GET", "/api/v1/customers", CrmResources, Crm),
    route("POST", "/api/v1/customers", CrmResources, Crm),
    route("GET", "/api/v1/customers/{id}", CrmResources, Crm),
    route("PATCH", "/api/v1/customers/{id}", CrmResources, Crm),
    route("DELETE", "/api/v1/customers/{id}", CrmResources, Crm),
    route("GET", "/api/v1/leads", CrmResources, Crm),
    route("POST", "/api/v1/leads", CrmResources, Crm),
    route("GET", "/api/v1/leads/{id}", CrmResources, Crm),
    route("PATCH", "/api/v1/leads/{id}", CrmResources, Crm),
    route("DELETE", "/api/v1/leads/{id}", CrmResources, Crm),
    route("POST", "/api/v1/leads/{id}/convert", CrmResources, Crm),
    route("GET", "/api/v1/automations", CrmResources, Crm),
    route("POST", "/api/v1/automations", CrmResources, Crm),
    route("GET", "/api/v1/automations/{id}", CrmResources, Crm),
    route("PATCH", "/api/v1/automations/{id}", CrmResources, Crm),
    route("DELETE", "/api/v1/automations/{id}", CrmResources, Crm),
    route("GET", "/api/v1/automations/{id}/runs", CrmResources, Crm),
    // platform: the control plane
    route("POST", "/api/v1/organizations", Gateway, Platform),
    route("GET", "/api/v1/organizations", Gateway, Platform),
    route("GET", "/api/v1/organizations/{id}", Gateway, Platform),
    route("PATCH", "/api/v1/organizations/{id}", Gateway, Platform),
    route("DELETE", "/api/v1/organizations/{id}", Gateway, Platform),
    route("POST", "/api/v1/organizations/{id}/erase", Gateway, Platform),
    route("GET", "/api/v1/organizations/{id}/events", WebhookDispatcher, Platform),
    route("GET", "/api/v1/organizations/{id}/events/{eventId}", WebhookDispatcher, Platform),
    route("GET", "/api/v1/organizations/{id}/events/{eventId}/deliveries", WebhookDispatcher, Platform),
    route("GET", "/api/v1/organizations/{id}/deliveries", WebhookDispatcher, Platform),
    route("GET", "/api/v1/organizations/{id}/deliveries/stats", WebhookDispatcher, Platform),
    route("GET", "/api/v1/organizations/{id}/deliveries/summary", WebhookDispatcher, Platform),
    route("GET", "/api/v1/organizations/{id}/deliveries/{deliveryId}", WebhookDispatcher, Platform),
    route("POST", "/api/v1/organizations/{id}/deliveries/{deliveryId}/retry", WebhookDispatcher, Platform),
    route("GET", "/api/v1/organizations/{id}/subscriptions", WebhookDispatcher, Platform),
    route("GET", "/api/v1/organizations/{id}/subscriptions/{subscriptionId}", WebhookDispatcher, Platform),
    route("PATCH", "/api/v1/organizations/{id}/subscriptions/{subscriptionId}", WebhookDispatcher, Platform),
    route(
        "POST",
        "/api/v1/organizations/{id}/subscriptions/{subscriptionId}/test",
        WebhookDispatcher,
        Platform,
    ),
    route(
        "POST",
        "/api/v1/organizations/{id}/subscriptions/{subscriptionId}/recover",
        WebhookDispatcher,
        Platform,
    ),
    route("GET", "/api/v1/organizations/{id}/automations", CrmResources, Platform),
    route("PUT", "/api/v1/organizations/{id}/automations", CrmResources, Platform),
    route("POST", "/api/v1/organizations/{id}/automations/validate", CrmResources, Platform),
    route("GET", "/api/v1/organizations/{id}/automations/{automationId}", CrmResources, Platform),
    route("PATCH", "/api/v1/organizations/{id}/automations/{automationId}", CrmResources, Platform),
    route("GET", "/api/v1/organizations/{id}/automations/{automationId}/runs", CrmResources, Platform),
    route("POST", "/api/v1/organizations/{id}/automations/{automationId}/runs", CrmResources, Platform),
    route(
        "GET",
        "/api/v1/organizations/{id}/automations/{automationId}/runs/{runId}",
        CrmResources,
        Platform,
    ),
    route(
        "POST",
        "/api/v1/organizations/{id}/automations/{automationId}/runs/{runId}/replay",
        CrmResources,
        Platform,
    ),
    route("GET", "/api/v1/organizations/{id}/crm/products", CrmResources, Platform),
    route("GET", "/api/v1/organizations/{id}/crm/products/{productId}", CrmResources, Platform),
    route("GET", "/api/v1/organizations/{id}/crm/customers", CrmResources, Platform),
    route("GET", "/api/v1/organizations/{id}/crm/customers/{customerId}", CrmResources, Platform),
    route("GET", "/api/v1/organizations/{id}/crm/leads", CrmResources, Platform),
    route("GET", "/api/v1/organizations/{id}/crm/leads/{leadId}", CrmResources, Platform),
    route("GET", "/api/v1/organizations/{id}/ingest/workers", Ingest, Platform),
    route("GET", "/api/v1/organizations/{id}/ingest/workers/{workerId}", Ingest, Platform),
    route("GET", "/api/v1/organizations/{id}/ingest/workers/{workerId}/timeline", Ingest, Platform),
    route("GET", "/api/v1/organizations/{id}/ingest/workers/{workerId}/cards", Ingest, Platform),
    route("GET", "/api/v1/organizations/{id}/ingest/usage", Ingest, Platform),
    route("GET", "/api/v1/organizations/{id}/lex/messages", LexRouter, Platform),
    route("GET", "/api/v1/organizations/{id}/lex/messages/{recordId}", LexRouter, Platform),
    route("GET", "/api/v1/organizations/{id}/lex/conformance-reports", LexRouter, Platform),
    route("POST", "/api/v1/organizations/{id}/lex/conformance-reports", LexRouter, Platform),
    route("GET", "/api/v1/organizations/{id}/lex/conformance-reports/{sessionId}", LexRouter, Platform),
    route("GET", "/api/v1/admin/events", WebhookDispatcher, Platform),
    route("GET", "/api/v1/admin/events/{eventId}", WebhookDispatcher, Platform),
    route("GET", "/api/v1/admin/deliveries", WebhookDispatcher, Platform),
    route("GET", "/api/v1/admin/deliveries/stats", WebhookDispatcher, Platform),
    route("GET", "/api/v1/admin/deliveries/summary", WebhookDispatcher, Platform),
    route("GET", "/api/v1/admin/deliveries/{deliveryId}", WebhookDispatcher, Platform),
    route("POST", "/api/v1/admin/deliveries/{deliveryId}/retry", WebhookDispatcher, Platform),
    route("POST", "/api/v1/admin/subscriptions/{subscriptionId}/recover", WebhookDispatcher, Platform),
    route("GET", "/api/v1/admin/services", Gateway, Platform),
    route("GET", "/api/v1/admin/dead-letter-queues", Gateway, Platform),
    route("GET", "/api/v1/admin/dead-letter-queues/{queue}/messages", Gateway, Platform),
    route("GET", "/api/v1/admin/dead-letter-queues/{queue}/messages/{messageId}", Gateway, Platform),
    route("GET", "/api/v1/admin/dead-letter-queues/{queue}/export", Gateway, Platform),
    route("POST", "/api/v1/admin/dead-letter-queues/{queue}/replays", Gateway, Platform),
    route("GET", "/api/v1/admin/dead-letter-queues/{queue}/replays", Gateway, Platform),
    route("GET", "/api/v1/admin/dead-letter-queues/{queue}/replays/{replayId}", Gateway, Platform),
    route("POST", "/api/v1/admin/dead-letter-queues/{queue}/replays/{replayId}/cancel", Gateway, Platform),
    route("POST", "/api/v1/admin/dead-letter-queues/{queue}/replays/{replayId}/resume", Gateway, Platform),
    route("GET", "/api/v1/audit-log", Gateway, Platform),
    route("POST", "/api/v1/api-clients", Gateway, Platform),
    route("GET", "/api/v1/api-clients", Gateway, Platform),
    route("GET", "/api/v1/api-clients/{id}", Gateway, Platform),
    route("PUT", "/api/v1/api-clients/{id}", Gateway, Platform),
    route("DELETE", "/api/v1/api-clients/{id}", Gateway, Platform),
    route("GET", "/api/v1/api-clients/{id}/dashboard", Gateway, Platform),
    route("GET", "/api/v1/api-clients/{id}/usage", Gateway, Platform),
    route("POST", "/api/v1/api-keys", Gateway, Platform),
    route("GET", "/api/v1/api-clients/{id}/api-keys", Gateway, Platform),
    route("DELETE", "/api/v1/api-clients/{id}/api-keys/{apiKeyId}", Gateway, Platform),
    route("POST", "/api/v1/api-clients/{id}/service-credentials", Gateway, Platform),
    route("GET", "/api/v1/api-clients/{id}/service-credentials", Gateway, Platform),
    route("DELETE", "/api/v1/api-clients/{id}/service-credentials/{credentialId}", Gateway, Platform),
    route("POST", "/api/v1/api-clients/{id}/service-credentials/{credentialId}/rotate", Gateway, Platform),
    route("POST", "/api/v1/api-clients/{id}/oauth-credentials", Gateway, Platform),
    route("GET", "/api/v1/api-clients/{id}/oauth-credentials", Gateway, Platform),
    route("DELETE", "/api/v1/api-clients/{id}/oauth-credentials/{credentialId}", Gateway, Platform),
    route("POST", "/api/v1/api-clients/{id}/oauth-credentials/{credentialId}/rotate", Gateway, Platform),
    open("POST", "/oauth/token", Gateway, Platform),
    open("GET", "/.well-known/oauth-authorization-server", Gateway, Platform),
    route("GET", "/api/v1/whoami", Gateway, Platform),
    route("GET", "/api/v1/rate-limits", Gateway, Platform),
    route("GET", "/api/v1/webhook-events", Gateway, Platform),
    route("POST", "/api/v1/api-clients/{id}/webhooks", WebhookDispatcher, Platform),
    route("GET", "/api/v1/api-clients/{id}/webhooks", WebhookDispatcher, Platform),
    route("GET", "/api/v1/api-clients/{id}/webhooks/{webhookId}", WebhookDispatcher, Platform),
    route("PUT", "/api/v1/api-clients/{id}/webhooks/{webhookId}", WebhookDispatcher, Platform),
    route("DELETE", "/api/v1/api-clients/{id}/webhooks/{webhookId}", WebhookDispatcher, Platform),
    route("POST", "/api/v1/api-clients/{id}/webhooks/{webhookId}/rotate-secret", WebhookDispatcher, Platform),
    route("POST", "/api/v1/api-clients/{id}/webhooks/{webhookId}/test", WebhookDispatcher, Platform),
    route("POST", "/api/v1/api-clients/{id}/webhooks/{webhookId}/recover", WebhookDispatcher, Platform),
    route("GET", "/api/v1/api-clients/{id}/webhooks/{webhookId}/deliveries", WebhookDispatcher, Platform),
    route(
        "POST",
        "/api/v1/api-clients/{id}/webhooks/{webhookId}/deliveries/{deliveryId}/retry",
        WebhookDispatcher,
        Platform,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_segment_wins_over_a_placeholder() {
        let Match::Found(route) = find("POST", "/v1/messages/batch") else { panic!("no route") };
        assert_eq!(route.template, "/v1/messages/batch");
        assert_eq!(find("GET", "/v1/messages/"), Match::Unknown);
    }

    #[test]
    fn a_known_path_with_another_method_says_which_methods_it_has() {
        assert_eq!(find("DELETE", "/api/v1/partners/acme/leads"), Match::WrongMethod(vec!["GET", "POST"]));
        assert_eq!(find("GET", "/api/v1/partners/acme/leads/1/2"), Match::Unknown);
    }

    #[test]
    fn every_route_speaks_the_dialect_that_its_path_speaks_when_nothing_matches() {
        for route in ROUTES {
            assert_eq!(Surface::of_path(route.template), route.surface, "{}", route.template);
        }
    }
}
