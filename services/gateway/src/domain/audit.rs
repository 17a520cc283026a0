//! The audit log: who did what in the control plane, when and from where. Nothing in it is secret.

use chrono::{DateTime, Utc};
use contracts::ids::{ClientId, CredentialId, OrganizationId};
use contracts::routes::Route;
use contracts::{Service, Surface};
use serde_json::Value;
use uuid::Uuid;

/// One thing that was done.
#[derive(Clone, Debug)]
pub struct Entry {
    pub id: Uuid,
    pub occurred_at: DateTime<Utc>,
    /// Whose thing it was; `None` for the platform's.
    pub organization_id: Option<OrganizationId>,
    /// `client:<id>`, or an operator by name.
    pub actor: String,
    /// When it was a client.
    pub client_id: Option<ClientId>,
    pub credential_id: Option<CredentialId>,
    pub action: String,
    pub target: String,
    /// An address or a host.
    pub origin: Option<String>,
    pub request_id: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Which entries a list shows.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    pub organization_id: Option<OrganizationId>,
    /// An actor as it is written, or the id of a client or of a credential.
    pub actor: Option<String>,
    pub action: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub before: Option<DateTime<Utc>>,
}

/// How a thing of the control plane is called: `client:0190…`.
pub fn named(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}:{id}")
}

/// The members in which two states of one thing differ.
pub fn differing(before: Value, after: Value) -> (Value, Value) {
    match (before, after) {
        (Value::Object(mut before), Value::Object(mut after)) => {
            before.retain(|name, value| match after.get(name) {
                Some(same) if same == value => {
                    after.remove(name);
                    false
                }
                _ => true,
            });
            (before.into(), after.into())
        }
        other => other,
    }
}

/// An automation on the crm surface, where its owner switches it off, renames it or deletes it. The other resources
/// there are data, not configuration.
const AUTOMATION: &str = "/api/v1/automations/{id}";

/// What a request does that the gateway only passes on, from its route. `None`: nothing for the audit log.
pub fn action_of(route: &Route) -> Option<&'static str> {
    let last = route.template.rsplit('/').next()?;
    match (route.owner, route.surface, route.method, last) {
        (Service::WebhookDispatcher, _, "POST", "rotate-secret") => Some("subscription.secret_rotated"),
        (Service::WebhookDispatcher, _, "POST", "test") => Some("subscription.tested"),
        (Service::WebhookDispatcher, _, "POST", "recover") => Some("subscription.recovered"),
        (Service::WebhookDispatcher, _, "POST", "retry") => Some("subscription.delivery_retried"),
        (Service::WebhookDispatcher, _, "POST", _) => Some("subscription.created"),
        (Service::WebhookDispatcher, _, "PUT" | "PATCH", _) => Some("subscription.updated"),
        (Service::WebhookDispatcher, _, "DELETE", _) => Some("subscription.deleted"),
        (Service::CrmResources, Surface::Crm, "PATCH", _) if route.template == AUTOMATION => {
            Some("automation.updated")
        }
        (Service::CrmResources, Surface::Crm, "DELETE", _) if route.template == AUTOMATION => {
            Some("automation.deleted")
        }
        (Service::CrmResources, Surface::Platform, "PUT", "automations") => Some("automation.applied"),
        (Service::CrmResources, Surface::Platform, "PATCH", "{automationId}") => Some("automation.updated"),
        (Service::CrmResources, Surface::Platform, "POST", "runs") => Some("automation.run_started"),
        (Service::CrmResources, Surface::Platform, "POST", "replay") => Some("automation.run_replayed"),
        (Service::LexRouter, Surface::Platform, "POST", "conformance-reports") => Some("lex.conformance_run"),
        _ => None,
    }
}

/// What such a request does it to: the subscription or automation in its path, or the list that it adds to.
pub fn target_of(route: &Route, path: &str) -> String {
    let kind = |name: &str| match name {
        "{webhookId}" | "{subscriptionId}" | "{subscription_id}" => Some("subscription"),
        "{automationId}" => Some("automation"),
        "{deliveryId}" => Some("delivery"),
        "{id}" if route.template == AUTOMATION => Some("automation"),
        _ => None,
    };
    let mut segments = route.template.split('/').zip(path.split('/'));
    let found = segments.find_map(|(name, id)| Some(named(kind(name)?, id)));
    found.unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::routes::{Match, ROUTES, find};
    use serde_json::json;

    #[test]
    fn only_what_changed_is_kept_of_two_states() {
        let (before, after) = (json!({"a": 1, "b": 2, "c": 3}), json!({"a": 1, "b": 4, "d": 5}));
        assert_eq!(differing(before, after), (json!({"b": 2, "c": 3}), json!({"b": 4, "d": 5})));
    }

    #[test]
    fn every_change_that_is_passed_on_has_a_name_and_no_read_has_one() {
        let passed_on = ROUTES.iter().filter(|route| {
            route.owner == Service::WebhookDispatcher
                || (route.surface == Surface::Platform && route.owner != Service::Gateway)
        });
        for route in passed_on {
            let only_looks = route.method == "GET" || route.template.ends_with("/validate");
            assert_eq!(action_of(route).is_none(), only_looks, "{route:?}");
        }
        let path = "/api/v1/api-clients/c/webhooks/w/deliveries/d/retry";
        let Match::Found(retry) = find("POST", path) else { panic!("no route") };
        assert_eq!(action_of(retry), Some("subscription.delivery_retried"));
        assert_eq!(target_of(retry, path), "subscription:w");
        let Match::Found(create) = find("POST", "/v1/subscriptions") else { panic!("no route") };
        assert_eq!(action_of(create), Some("subscription.created"));
        assert_eq!(target_of(create, "/v1/subscriptions"), "/v1/subscriptions");
        for (method, path, action) in [
            ("PATCH", "/api/v1/automations/a", Some("automation.updated")),
            ("DELETE", "/api/v1/automations/a", Some("automation.deleted")),
            ("DELETE", "/api/v1/leads/l", None),
        ] {
            let Match::Found(route) = find(method, path) else { panic!("no route") };
            assert_eq!(action_of(route), action, "{path}");
            if action.is_some() {
                assert_eq!(target_of(route, path), "automation:a");
            }
        }
    }
}
