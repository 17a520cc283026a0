//! The bodies of partner subscriptions: reading the contract's `WebhookSubscriptionCreate` and changes of it,
//! writing its `WebhookSubscription`.

use super::fields::{self, Patch};
use crate::domain::subscription::{ShownSubscription, SubscriptionState, Terms};
use platform::Violation;
use platform::document::{Violations, boolean, text};
use platform_http::outbound::RefusedUrl;
use serde_json::{Value, json};
use std::borrow::Cow;
use url::Url;

const MAX_DESCRIPTION: usize = 500;

/// What a new subscription is to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub url: Url,
    pub terms: Terms,
}

/// What of a subscription is to become different.
#[derive(Clone, Debug)]
pub struct Change {
    pub url: Option<Url>,
    events: Option<Vec<String>>,
    description: Patch<String>,
    active: Option<bool>,
    rate_limit: Patch<i32>,
}

/// Reads a `WebhookSubscriptionCreate`. Unknown fields are ignored, filters said twice count once.
///
/// `check` refuses the URLs that are not called.
///
/// # Errors
/// Every field that breaks the contract, with its path.
pub fn read(
    document: &Value,
    check: impl Fn(&Url) -> Result<(), RefusedUrl>,
) -> Result<Wanted, Vec<Violation>> {
    let violations = Violations::new();
    let wanted = violations.root(document).and_then(|root| {
        let url = root.required("url", fields::url(check));
        let events = root.required("events", fields::events);
        let description = root.optional("description", description);
        let rate_limit = root.optional("rate_limit", fields::rate_limit);
        let url = url?;
        let terms = Terms {
            url: url.to_string(),
            events: events?,
            description: description.flatten(),
            state: SubscriptionState::Active,
            retry: None,
            rate_limit: rate_limit.flatten(),
            metadata: None,
            lex: None,
        };
        Some(Wanted { url, terms })
    });
    violations.finish(wanted)
}

/// Reads a change (RFC 7396): what is left out stays, `null` clears what may be absent.
///
/// # Errors
/// Every field that breaks the contract, with its path.
pub fn read_change(
    document: &Value,
    check: impl Fn(&Url) -> Result<(), RefusedUrl>,
) -> Result<Change, Vec<Violation>> {
    let violations = Violations::new();
    let change = violations.root(document).map(|root| Change {
        url: root.optional("url", fields::url(check)),
        events: root.optional("events", fields::events),
        description: Patch::read(&root, "description", description),
        active: root.optional("active", boolean),
        rate_limit: Patch::read(&root, "rate_limit", fields::rate_limit),
    });
    violations.finish(change)
}

fn description(value: &Value) -> Result<Option<String>, Cow<'static, str>> {
    if value.is_null() {
        return Ok(None);
    }
    text(0..=MAX_DESCRIPTION)(value).map(|text| Some(text.to_owned()))
}

impl Change {
    /// Makes terms different.
    pub fn apply(&self, terms: &mut Terms) {
        if let Some(url) = &self.url {
            terms.url = url.to_string();
        }
        if let Some(events) = &self.events {
            terms.events.clone_from(events);
        }
        self.description.apply(&mut terms.description);
        self.rate_limit.apply(&mut terms.rate_limit);
        match self.active {
            Some(true) => terms.state = SubscriptionState::Active,
            // One that is disabled stays so: it is not active either.
            Some(false) if terms.state == SubscriptionState::Active => {
                terms.state = SubscriptionState::Paused;
            }
            Some(false) | None => {}
        }
    }
}

/// The contract's `WebhookSubscription`, with the whole secret or the beginning of it.
pub fn write(shown: &ShownSubscription, secret: Option<&str>) -> Value {
    let hint = || format!("{}…", shown.secret_hint);
    let mut subscription = json!({
        "id": shown.id,
        "url": shown.url,
        "events": shown.events,
        "hmac_secret": secret.map_or_else(hint, str::to_owned),
        "active": shown.state == SubscriptionState::Active,
        "created_at": shown.created_at,
        "last_success_at": shown.last_success_at,
        "last_failure_at": shown.last_failure_at,
        "consecutive_failures": shown.consecutive_failures,
    });
    if let Some(description) = &shown.description {
        subscription["description"] = json!(description);
    }
    if let Some(rate_limit) = shown.rate_limit {
        subscription["rate_limit"] = json!(rate_limit);
    }
    if let Some(until) = shown.previous_secret_until {
        subscription["previous_secret_until"] = json!(until);
    }
    subscription
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &Value) -> Result<Wanted, Vec<Violation>> {
        super::read(document, |_| Ok(()))
    }

    #[test]
    fn every_failing_field_is_named() {
        let document = json!({
            "url": "hooks", "events": ["lead.created", "lead created"], "description": "d".repeat(501),
            "rate_limit": 0,
        });
        let expected = ["url", "events", "description", "rate_limit"];
        let violations = [read(&document).unwrap_err(), read_change(&document, |_| Ok(())).unwrap_err()];
        for violations in violations {
            let paths: Vec<_> = violations.into_iter().map(|violation| violation.path).collect();
            assert_eq!(paths, expected);
        }
        let paths: Vec<_> =
            read(&json!({})).unwrap_err().into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, ["url", "events"]);
        assert!(read(&json!({"url": "https://a.example", "events": []})).is_err());
    }

    #[test]
    fn a_url_that_is_not_called_is_a_failing_field_among_others() {
        let document = json!({"url": "https://10.0.0.1", "events": []});
        let violations = super::read(&document, |_| Err(RefusedUrl::Address)).unwrap_err();
        assert_eq!(violations.len(), 2);
        assert_eq!(violations[0].message, "must not point to a private, local or reserved address");
    }

    #[test]
    fn filters_said_twice_count_once() {
        let wanted =
            read(&json!({"url": "https://a.example", "events": ["*", "lead.*", "*"], "more": 1})).unwrap();
        assert_eq!(wanted.terms.events, ["*", "lead.*"]);
        assert_eq!(wanted.terms.description, None);
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let mut terms = read(&json!({
            "url": "https://a.example", "events": ["*"], "description": "all", "rate_limit": 5,
        }))
        .unwrap()
        .terms;
        let before = terms.clone();
        let change = |document| read_change(&document, |_| Ok(())).unwrap();
        change(json!({})).apply(&mut terms);
        assert_eq!(terms, before);
        change(json!({"description": null, "rate_limit": null, "active": false})).apply(&mut terms);
        let paused =
            Terms { description: None, rate_limit: None, state: SubscriptionState::Paused, ..before.clone() };
        assert_eq!(terms, paused);
        terms.state = SubscriptionState::Disabled;
        change(json!({"active": false})).apply(&mut terms);
        assert_eq!(terms.state, SubscriptionState::Disabled);
        change(json!({"active": true})).apply(&mut terms);
        assert_eq!(terms.state, SubscriptionState::Active);
    }
}
