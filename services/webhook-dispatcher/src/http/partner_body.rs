//! The bodies of partner subscriptions: reading the contract's `WebhookSubscriptionCreate`, writing its
//! `WebhookSubscription`.

use crate::domain::filter::EventFilter;
use crate::domain::subscription::{ListedSubscription, SubscriptionState};
use crate::usecases::create_subscription::{Created, Wanted};
use platform::Violation;
use platform::document::{Violations, list, text};
use platform_http::outbound::RefusedUrl;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::borrow::Cow;
use url::Url;

const MAX_URL: usize = 2_048;
const MAX_FILTERS: usize = 100;
const MAX_DESCRIPTION: usize = 500;

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
        let url = root.required("url", |value| read_url(value, check));
        let events = root.required("events", list(1..=MAX_FILTERS, read_filter));
        let description = root.nullable("description", text(0..=MAX_DESCRIPTION));
        let mut distinct = Vec::new();
        for filter in events? {
            if !distinct.contains(&filter) {
                distinct.push(filter);
            }
        }
        Some(Wanted { url: url?, events: distinct, description: description.map(str::to_owned) })
    });
    violations.finish(wanted)
}

fn read_url(value: &Value, check: impl Fn(&Url) -> Result<(), RefusedUrl>) -> Result<Url, Cow<'static, str>> {
    let url = text(1..=MAX_URL)(value)?;
    let url = Url::parse(url).map_err(|error| Cow::from(format!("must be a URL: {error}")))?;
    check(&url).map_err(|refused| refused.to_string())?;
    Ok(url)
}

fn read_filter(value: &Value) -> Result<String, Cow<'static, str>> {
    let filter = text(1..=crate::domain::filter::MAX_LENGTH)(value)?;
    if EventFilter::parse(filter).is_none() {
        return Err("must be an event type such as lead.created, a prefix such as lead.*, or *".into());
    }
    Ok(filter.to_owned())
}

/// The contract's `WebhookSubscription`, with the whole secret.
pub fn write_created(wanted: &Wanted, created: &Created) -> Value {
    let mut subscription = json!({
        "id": created.id,
        "url": wanted.url,
        "events": wanted.events,
        "hmac_secret": created.secret.expose_secret(),
        "active": true,
        "created_at": created.created_at,
        "last_success_at": null,
        "last_failure_at": null,
        "consecutive_failures": 0,
    });
    if let Some(description) = &wanted.description {
        subscription["description"] = json!(description);
    }
    subscription
}

/// The contract's `WebhookSubscription`, with the beginning of the secret.
pub fn write_listed(listed: &ListedSubscription) -> Value {
    let mut subscription = json!({
        "id": listed.id,
        "url": listed.url,
        "events": listed.events,
        "hmac_secret": format!("{}…", listed.secret_hint),
        "active": listed.state == SubscriptionState::Active,
        "created_at": listed.created_at,
        "last_success_at": listed.last_success_at,
        "last_failure_at": listed.last_failure_at,
        "consecutive_failures": listed.consecutive_failures,
    });
    if let Some(description) = &listed.description {
        subscription["description"] = json!(description);
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
        let document = json!({"url": "hooks", "events": ["lead.created", "lead created"], "description": "d".repeat(501)});
        let paths: Vec<_> =
            read(&document).unwrap_err().into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, ["url", "events", "description"]);
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
        assert_eq!(wanted.events, ["*", "lead.*"]);
        assert_eq!(wanted.description, None);
    }
}
