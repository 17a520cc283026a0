//! The bodies of a client's webhooks: reading what is created or changed, writing what the platform surface
//! shows.

use super::fields::{self, Patch};
use crate::domain::delivery::{DeliveryState, ShownDelivery};
use crate::domain::retry::{MAX_DELAY, RetryConfig};
use crate::domain::subscription::{ShownSubscription, SubscriptionState, Terms};
use platform::Violation;
use platform::document::{Object, Violations, integer};
use platform_http::outbound::RefusedUrl;
use serde_json::{Value, json};
use std::borrow::Cow;
use url::Url;

/// What a new webhook is to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub url: Url,
    pub terms: Terms,
}

/// What of a webhook is to become different.
#[derive(Clone, Debug)]
pub struct Change {
    pub url: Option<Url>,
    events: Option<Vec<String>>,
    state: Option<SubscriptionState>,
    retry: RetryChange,
    rate_limit: Patch<i32>,
    metadata: Patch<Value>,
}

/// What of a `retryConfig` is given.
#[derive(Clone, Copy, Debug, Default)]
struct RetryChange {
    max_retries: Option<i64>,
    retry_delay: Option<i64>,
    backoff_multiplier: Option<f64>,
    timeout: Option<i64>,
}

/// Reads what is to be created. Unknown fields are ignored, filters said twice count once.
///
/// `check` refuses the URLs that are not called.
///
/// # Errors
/// Every field that is missing or malformed, with its path.
pub fn read(
    document: &Value,
    check: impl Fn(&Url) -> Result<(), RefusedUrl>,
) -> Result<Wanted, Vec<Violation>> {
    let violations = Violations::new();
    let wanted = violations.root(document).and_then(|root| {
        let url = root.required("url", fields::url(check));
        let events = root.required("events", fields::events);
        let retry = RetryChange::read(&root).apply(RetryConfig::default());
        if !retry.is_bounded() {
            root.violation("retryConfig", UNBOUNDED);
        }
        let state = root.optional("status", state);
        let rate_limit = root.optional("rateLimit", fields::rate_limit);
        let metadata = root.optional("metadata", fields::metadata);
        let url = url?;
        let terms = Terms {
            url: url.to_string(),
            events: events?,
            description: None,
            state: state.unwrap_or(SubscriptionState::Active),
            retry: Some(retry),
            rate_limit: rate_limit.flatten(),
            metadata: metadata.flatten(),
            lex: None,
        };
        Some(Wanted { url, terms })
    });
    violations.finish(wanted)
}

const UNBOUNDED: &str = "leads to a pause of more than 24 hours";

/// Reads a change of what is there now: what is left out stays, `null` clears what may be absent.
///
/// # Errors
/// Every field that is malformed, with its path.
pub fn read_change(
    document: &Value,
    known: &ShownSubscription,
    check: impl Fn(&Url) -> Result<(), RefusedUrl>,
) -> Result<Change, Vec<Violation>> {
    let violations = Violations::new();
    let change = violations.root(document).map(|root| {
        let change = Change {
            url: root.optional("url", fields::url(check)),
            events: root.optional("events", fields::events),
            state: root.optional("status", state),
            retry: RetryChange::read(&root),
            rate_limit: Patch::read(&root, "rateLimit", fields::rate_limit),
            metadata: Patch::read(&root, "metadata", fields::metadata),
        };
        if !change.retry.apply(known.retry.unwrap_or_default()).is_bounded() {
            root.violation("retryConfig", UNBOUNDED);
        }
        change
    });
    violations.finish(change)
}

/// A status in any case.
fn state(value: &Value) -> Result<SubscriptionState, Cow<'static, str>> {
    value.as_str().and_then(read_state).ok_or_else(|| NOT_A_STATE.into())
}

pub const NOT_A_STATE: &str = "must be one of ACTIVE, PAUSED, DISABLED";

/// A status of a webhook, in any case.
pub fn read_state(text: &str) -> Option<SubscriptionState> {
    [SubscriptionState::Active, SubscriptionState::Paused, SubscriptionState::Disabled]
        .into_iter()
        .find(|state| text.eq_ignore_ascii_case(state.name()))
}

impl RetryChange {
    fn read(root: &Object<'_, '_>) -> Self {
        // `null` asks for nothing, as leaving it out does.
        if root.nullable("retryConfig", Ok).is_none() {
            return Self::default();
        }
        let Some(config) = root.optional_object("retryConfig") else { return Self::default() };
        Self {
            max_retries: config.nullable("maxRetries", integer(0..=10)),
            retry_delay: config.nullable("retryDelay", integer(1..=i64::from(MAX_DELAY))),
            backoff_multiplier: config.nullable("backoffMultiplier", multiplier),
            timeout: config.nullable("timeout", integer(1..=30)),
        }
    }

    fn apply(self, known: RetryConfig) -> RetryConfig {
        RetryConfig {
            max_retries: within(self.max_retries, known.max_retries),
            retry_delay: within(self.retry_delay, known.retry_delay),
            backoff_multiplier: self.backoff_multiplier.unwrap_or(known.backoff_multiplier),
            timeout: within(self.timeout, known.timeout),
        }
    }
}

fn within<T: TryFrom<i64>>(given: Option<i64>, known: T) -> T {
    given.and_then(|number| T::try_from(number).ok()).unwrap_or(known)
}

fn multiplier(value: &Value) -> Result<f64, Cow<'static, str>> {
    let number = value.as_f64().ok_or("must be a number")?;
    if (1.0..=10.0).contains(&number) { Ok(number) } else { Err("must be between 1 and 10".into()) }
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
        if let Some(state) = self.state {
            terms.state = state;
        }
        terms.retry = Some(self.retry.apply(terms.retry.unwrap_or_default()));
        self.rate_limit.apply(&mut terms.rate_limit);
        self.metadata.apply(&mut terms.metadata);
    }
}

/// A webhook in full, with the whole secret or the beginning of it.
pub fn write(shown: &ShownSubscription, secret: Option<&str>) -> Value {
    let hint = || format!("{}…", shown.secret_hint);
    let mut webhook = json!({
        "id": shown.id,
        "clientId": shown.client,
        "url": shown.url,
        "secret": secret.map_or_else(hint, str::to_owned),
        "events": shown.events,
        "status": shown.state.name().to_ascii_uppercase(),
        "retryConfig": shown.retry.unwrap_or_default(),
        "rateLimit": shown.rate_limit,
        "metadata": shown.metadata,
        "createdAt": shown.created_at,
        "updatedAt": shown.updated_at,
    });
    if let Some(until) = shown.previous_secret_until {
        webhook["previousSecretUntil"] = json!(until);
    }
    webhook
}

/// A webhook as lists show it.
pub fn write_row(shown: &ShownSubscription) -> Value {
    json!({
        "id": shown.id,
        "url": shown.url,
        "events": shown.events,
        "status": shown.state.name().to_ascii_uppercase(),
        "createdAt": shown.created_at,
        "_count": {"deliveries": shown.deliveries},
    })
}

/// A delivery, without what it carries. The id is the `webhook-id` that the receiver sees.
pub fn write_delivery(delivery: &ShownDelivery) -> Value {
    json!({
        "id": delivery.key.webhook_id(),
        "subscriptionId": delivery.key.subscription,
        "eventType": delivery.event_kind,
        "status": delivery.state.name().to_ascii_uppercase(),
        "attemptCount": delivery.attempts,
        "responseCode": delivery.last_status,
        "error": delivery.last_error,
        "scheduledFor": delivery.next_at,
        "deliveredAt": delivery.ended_at.filter(|_| delivery.state == DeliveryState::Delivered),
        "createdAt": delivery.created_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(document: &Value) -> Vec<String> {
        let violations = read(document, |_| Ok(())).unwrap_err();
        violations.into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn every_failing_field_is_named_and_so_is_a_schedule_that_is_too_long() {
        assert_eq!(failing(&json!({})), ["url", "events"]);
        let document = json!({
            "url": "hooks", "events": [], "status": "SLEEPING", "rateLimit": 1001, "metadata": [],
            "retryConfig": {"maxRetries": 11, "retryDelay": 3601, "backoffMultiplier": 0.5, "timeout": 31},
        });
        assert_eq!(
            failing(&document),
            [
                "url",
                "events",
                "retryConfig.maxRetries",
                "retryConfig.retryDelay",
                "retryConfig.backoffMultiplier",
                "retryConfig.timeout",
                "status",
                "rateLimit",
                "metadata"
            ]
        );
        let long = json!({"maxRetries": 10, "retryDelay": 3600, "backoffMultiplier": 10});
        let document = json!({"url": "https://a.example", "events": ["*"], "retryConfig": long});
        assert_eq!(failing(&document), ["retryConfig"]);
        let document = json!({"url": "https://a.example", "events": ["*"], "retryConfig": 5});
        assert_eq!(failing(&document), ["retryConfig"]);
    }

    #[test]
    fn what_is_not_said_of_the_retries_is_the_default() {
        let document = json!({
            "url": "https://a.example", "events": ["*"], "retryConfig": {"maxRetries": 0, "timeout": null},
        });
        let terms = read(&document, |_| Ok(())).unwrap().terms;
        assert_eq!(terms.retry, Some(RetryConfig { max_retries: 0, ..RetryConfig::default() }));
    }
}
