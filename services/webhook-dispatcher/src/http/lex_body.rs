//! The bodies of LEX subscriptions: reading the contract's `SubscriptionRequest` and changes of it, writing its
//! `SubscriptionRecord` and its envelope for requests that fail.

use super::fields::{self, Patch};
use crate::domain::lex::{LexTerms, event_of};
use crate::domain::subscription::{ShownSubscription, SubscriptionState, Terms};
use contracts::lex::{LexFilters, LexFormat};
use platform::Violation;
use platform::document::{Object, Violations, list, text};
use platform_http::outbound::RefusedUrl;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use url::Url;

type Message = Cow<'static, str>;

/// Names in one filter, and how long each is.
const MAX_NAMES: usize = 100;
const MAX_NAME: usize = 255;
const MAX_SECRET: usize = 256;
const FILTERS: [&str; 4] = ["productTypes", "leadStatuses", "regions", "senderIds"];
const NOT_AN_EVENT: &str = "must be one of LEAD_RECEIVED, LEAD_CREATED, LEAD_UPDATED, LEAD_STATUS_CHANGED, \
    LEAD_CLOSED, LEAD_ASSIGNED, LEAD_REASSIGNED, ASSET_ADDED, ASSET_UPDATED, ASSET_SOLD, ASSET_REMOVED, \
    MESSAGE_FAILED, MESSAGE_PROCESSED, ALL";

/// What a new subscription is to be.
#[derive(Debug)]
pub struct Wanted {
    pub url: Url,
    pub terms: Terms,
    /// The subscriber's own, if it chose one.
    pub secret: Option<SecretString>,
}

/// What of a subscription is to become different.
#[derive(Clone, Debug)]
pub struct Change {
    pub url: Option<Url>,
    events: Option<Vec<String>>,
    filters: Patch<FilterChange>,
    format: Patch<LexFormat>,
    rate_limit: Patch<i32>,
    state: Option<SubscriptionState>,
}

/// What of the filters is given, in the order of [`FILTERS`].
type FilterChange = [Option<Vec<String>>; 4];

/// Reads a `SubscriptionRequest`. Unknown fields are ignored, names said twice count once.
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
        let events = root.required("eventTypes", events);
        let filters = filters(&root, document);
        let url = root.required("deliveryEndpoint", fields::url(check));
        let format = root.nullable("deliveryFormat", format);
        let secret = root.nullable("hmacSecret", secret);
        let rate_limit = root.optional("rateLimit", fields::rate_limit);
        let mut lex = LexTerms { format, ..LexTerms::default() };
        apply(&filters, &mut lex.filters);
        let url = url?;
        let terms = Terms {
            url: url.to_string(),
            events: events?,
            description: None,
            state: SubscriptionState::Active,
            retry: None,
            rate_limit: rate_limit.flatten(),
            metadata: None,
            lex: Some(lex),
        };
        Some(Wanted { url, terms, secret })
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
    let change = violations.root(document).map(|root| {
        if root.has("hmacSecret") {
            root.violation(
                "hmacSecret",
                "is changed by rotate-secret, which lets the old one live on for a while",
            );
        }
        Change {
            url: root.optional("deliveryEndpoint", fields::url(check)),
            events: root.optional("eventTypes", events),
            filters: filters(&root, document),
            format: Patch::read(&root, "deliveryFormat", |value| {
                if value.is_null() { Ok(None) } else { format(value).map(Some) }
            }),
            rate_limit: Patch::read(&root, "rateLimit", fields::rate_limit),
            state: root.optional("status", state),
        }
    });
    violations.finish(change)
}

/// A secret of the subscriber's own choice, from 1 to 256 characters.
pub fn secret(value: &Value) -> Result<SecretString, Message> {
    text(1..=MAX_SECRET)(value).map(SecretString::from)
}

fn events(value: &Value) -> Result<Vec<String>, Message> {
    distinct(1, |value| {
        let name = text(1..=MAX_NAME)(value)?;
        if event_of(name).is_some() { Ok(name.to_owned()) } else { Err(NOT_AN_EVENT.into()) }
    })(value)
}

/// The filters that are named; `null` clears all.
fn filters(root: &Object<'_, '_>, document: &Value) -> Patch<FilterChange> {
    if document.get("filters").is_some_and(Value::is_null) {
        return Patch::To(None);
    }
    let named = |filters: Object<'_, '_>| FILTERS.map(|name| read_filter(&filters, name));
    root.optional_object("filters").map_or(Patch::Keep, |filters| Patch::To(Some(named(filters))))
}

fn read_filter(filters: &Object<'_, '_>, name: &str) -> Option<Vec<String>> {
    filters.optional(name, |value| {
        if value.is_null() {
            return Ok(Vec::new());
        }
        distinct(0, |value| text(1..=MAX_NAME)(value).map(str::to_owned))(value)
    })
}

fn distinct(
    least: usize,
    parse: impl Fn(&Value) -> Result<String, Message>,
) -> impl Fn(&Value) -> Result<Vec<String>, Message> {
    move |value| {
        let mut distinct = Vec::new();
        for name in list(least..=MAX_NAMES, &parse)(value)? {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        Ok(distinct)
    }
}

fn format(value: &Value) -> Result<LexFormat, Message> {
    match value.as_str() {
        Some("JSON_EDI") => Ok(LexFormat::JsonEdi),
        Some("XML_EDI") => Ok(LexFormat::XmlEdi),
        _ => Err("must be JSON_EDI or XML_EDI".into()),
    }
}

fn state(value: &Value) -> Result<SubscriptionState, Message> {
    match value.as_str() {
        Some("ACTIVE") => Ok(SubscriptionState::Active),
        Some("PAUSED") => Ok(SubscriptionState::Paused),
        _ => Err("must be ACTIVE or PAUSED; DELETE cancels a subscription".into()),
    }
}

fn apply(change: &Patch<FilterChange>, filters: &mut LexFilters) {
    let change = match change {
        Patch::Keep => return,
        Patch::To(None) => {
            *filters = LexFilters::default();
            return;
        }
        Patch::To(Some(change)) => change,
    };
    let fields = [
        &mut filters.product_types,
        &mut filters.lead_statuses,
        &mut filters.regions,
        &mut filters.sender_ids,
    ];
    for (field, names) in fields.into_iter().zip(change) {
        if let Some(names) = names {
            field.clone_from(names);
        }
    }
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
        let lex = terms.lex.get_or_insert_default();
        apply(&self.filters, &mut lex.filters);
        self.format.apply(&mut lex.format);
        self.rate_limit.apply(&mut terms.rate_limit);
        match self.state {
            Some(SubscriptionState::Active) => terms.state = SubscriptionState::Active,
            // One that is disabled stays so: it is paused as well.
            Some(_) if terms.state == SubscriptionState::Active => terms.state = SubscriptionState::Paused,
            _ => {}
        }
    }
}

/// The contract's word for a state.
pub fn status(state: SubscriptionState) -> &'static str {
    match state {
        SubscriptionState::Active => "ACTIVE",
        SubscriptionState::Paused | SubscriptionState::Disabled => "PAUSED",
        SubscriptionState::Deleted => "CANCELLED",
    }
}

/// The filters that say something.
pub fn write_filters(terms: &LexTerms) -> Map<String, Value> {
    let LexFilters { product_types, lead_statuses, regions, sender_ids } = &terms.filters;
    FILTERS
        .into_iter()
        .zip([product_types, lead_statuses, regions, sender_ids])
        .filter(|(_, names)| !names.is_empty())
        .map(|(name, names)| (name.to_owned(), json!(names)))
        .collect()
}

/// The contract's `SubscriptionRecord`, which never has the secret.
pub fn write(shown: &ShownSubscription, lex_id: &str) -> Value {
    let lex = shown.lex.clone().unwrap_or_default();
    let filters = write_filters(&lex);
    let mut record = json!({
        "subscriptionId": shown.id,
        "organizationId": lex_id,
        "eventTypes": shown.events,
        "filters": filters,
        "deliveryEndpoint": shown.url,
        "deliveryFormat": lex.format.unwrap_or(LexFormat::JsonEdi),
        "status": status(shown.state),
        "createdAt": shown.created_at,
        "deliveryCount": shown.delivered,
    });
    let more = [
        ("lastDeliveryAt", shown.last_success_at.map(|at| json!(at))),
        ("rateLimit", shown.rate_limit.map(|rate| json!(rate))),
        ("previousSecretUntil", shown.previous_secret_until.map(|until| json!(until))),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            record[name] = value;
        }
    }
    record
}

/// The contract's `ValidationFailureResponse` for a request that carries no message.
pub fn write_failure(document: Option<&Value>, violations: &[Violation]) -> Value {
    let errors: Vec<Value> = violations.iter().map(|violation| write_issue(document, violation)).collect();
    json!({"messageId": "", "valid": false, "errors": errors, "warnings": []})
}

fn write_issue(document: Option<&Value>, violation: &Violation) -> Value {
    // The use cases of all families call the address so.
    let field = if violation.path == "url" { "deliveryEndpoint" } else { &violation.path };
    let sent = document.and_then(|document| document.pointer(&format!("/{}", field.replace('.', "/"))));
    let is_named = matches!(field, "eventTypes" | "deliveryFormat" | "status");
    let code = match sent {
        None if field.is_empty() => "INVALID_FORMAT",
        None => "REQUIRED_FIELD_MISSING",
        Some(Value::String(_) | Value::Array(_)) if is_named => "INVALID_ENUM_VALUE",
        Some(_) => "INVALID_FORMAT",
    };
    let level = if field.is_empty() { "CRITICAL" } else { "ERROR" };
    json!({"level": level, "field": field, "message": violation.message, "code": code})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(document: &Value) -> Terms {
        read(document, |_| Ok(())).unwrap().terms
    }

    #[test]
    fn every_failing_field_is_named_with_a_code() {
        let document = json!({
            "eventTypes": ["LEAD_CREATED", "LEAD_SOLD"], "deliveryFormat": "X12", "hmacSecret": "", "rateLimit": 0,
            "filters": {"regions": "US", "senderIds": [5]},
        });
        let violations = read(&document, |_| Ok(())).unwrap_err();
        let failure = write_failure(Some(&document), &violations);
        let errors: Vec<_> = failure["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| (error["field"].as_str().unwrap(), error["code"].as_str().unwrap()))
            .collect();
        assert_eq!(
            errors,
            [
                ("eventTypes", "INVALID_ENUM_VALUE"),
                ("filters.regions", "INVALID_FORMAT"),
                ("filters.senderIds", "INVALID_FORMAT"),
                ("deliveryEndpoint", "REQUIRED_FIELD_MISSING"),
                ("deliveryFormat", "INVALID_ENUM_VALUE"),
                ("hmacSecret", "INVALID_FORMAT"),
                ("rateLimit", "INVALID_FORMAT"),
            ]
        );
        let nothing = write_failure(Some(&json!([])), &read(&json!([]), |_| Ok(())).unwrap_err());
        assert_eq!((&nothing["errors"][0]["level"], &nothing["messageId"]), (&json!("CRITICAL"), &json!("")));
    }

    #[test]
    fn a_change_merges_filter_by_filter() {
        let mut terms = terms(&json!({
            "eventTypes": ["ALL", "ALL"], "deliveryEndpoint": "https://a.example", "deliveryFormat": "XML_EDI",
            "filters": {"regions": ["US"], "senderIds": ["A-1"]}, "rateLimit": 5,
        }));
        assert_eq!(terms.events, ["ALL"]);
        let before = terms.clone();
        let change = |document: Value| read_change(&document, |_| Ok(())).unwrap();
        change(json!({})).apply(&mut terms);
        assert_eq!(terms, before);
        change(json!({"filters": {"regions": null, "leadStatuses": ["ORDER"]}, "deliveryFormat": null, "rateLimit": null}))
            .apply(&mut terms);
        let lex = terms.lex.clone().unwrap();
        assert_eq!((lex.filters.regions.len(), lex.filters.sender_ids.len(), lex.format), (0, 1, None));
        assert_eq!((lex.filters.lead_statuses, terms.rate_limit), (vec!["ORDER".to_owned()], None));
        change(json!({"filters": null})).apply(&mut terms);
        assert_eq!(terms.lex, Some(LexTerms::default()));
        terms.state = SubscriptionState::Disabled;
        change(json!({"status": "PAUSED"})).apply(&mut terms);
        assert_eq!(terms.state, SubscriptionState::Disabled);
        change(json!({"status": "ACTIVE"})).apply(&mut terms);
        assert_eq!(terms.state, SubscriptionState::Active);
        assert!(
            read_change(&json!({"status": "CANCELLED", "hmacSecret": "x"}), |_| Ok(())).unwrap_err().len()
                == 2
        );
    }
}
