//! Valid messages, changes to them, and what the rules then say.

use chrono::{DateTime, Utc};
use lex::{Context, Issue, Level, Message, Severity, Verdict, check};
use serde_json::{Value, json};

pub fn now() -> DateTime<Utc> {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

fn message(message_type: &str, key: &str, body: &Value) -> Value {
    json!({"lex": {
        "header": {
            "messageId": "M-0001", "messageType": message_type, "version": "1.0",
            "timestamp": "2026-06-15T11:59:00Z", "senderId": "PORTAL-1", "receiverId": "DEALER-1"
        },
        "payload": {key: body}
    }})
}

pub fn lead() -> Value {
    message(
        "LEAD",
        "lead",
        &json!({
            "leadId": "LEAD-00001", "status": "SHOPPING", "source": "OTHER",
            "customer": {"firstName": "Ada", "emailAddress": "ada@mail.example"},
            "desiredProduct": {"productType": "VEHICLE"}, "metadata": {}
        }),
    )
}

pub fn asset() -> Value {
    message(
        "ASSET",
        "asset",
        &json!({"assetId": "ASSET-0001", "status": "AVAILABLE", "manufacturer": "Acme", "model": "R1", "year": 2026}),
    )
}

pub fn closure() -> Value {
    message(
        "LEAD_CLOSURE",
        "leadClosure",
        &json!({
            "originalLeadId": "LEAD-00001", "closureStatus": "LOST",
            "leadCreatedDate": "2026-06-01T00:00:00Z", "leadClosureDate": "2026-06-02T00:00:00Z"
        }),
    )
}

pub fn subscription() -> Value {
    message(
        "SUBSCRIPTION",
        "subscription",
        &json!({
            "subscriptionId": "SUB-000001", "subscriberId": "DEALER-1", "status": "ACTIVE",
            "eventTypes": ["LEAD_CREATED"]
        }),
    )
}

pub fn acknowledgment() -> Value {
    message(
        "ACKNOWLEDGMENT",
        "acknowledgment",
        &json!({
            "acknowledgmentId": "ACK-000001", "correlationId": "M-0000", "status": "VALIDATED",
            "timestamp": "2026-06-15T11:59:00Z"
        }),
    )
}

/// Sets what stands at a path below `lex`: `payload.lead.status`. What is missing on the way is made.
pub fn with(mut document: Value, path: &str, value: Value) -> Value {
    let mut place = &mut document["lex"];
    for key in path.split('.') {
        place = match key.parse::<usize>() {
            Ok(index) => &mut place[index],
            Err(_) => &mut place[key],
        };
    }
    *place = value;
    document
}

pub fn without(mut document: Value, path: &str) -> Value {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut place = &mut document["lex"];
    for key in parent.split('.').filter(|key| !key.is_empty()) {
        place = &mut place[key];
    }
    place.as_object_mut().unwrap().shift_remove(key);
    document
}

pub fn judged(document: Value, level: Level, strict: bool) -> Verdict {
    let context = Context { now: now(), level, previous_status: None, strict };
    check(&Message::new(document).unwrap(), &context)
}

/// What is found by default at level 1.
pub fn found(document: Value) -> Verdict {
    judged(document, Level::L1, false)
}

/// The only error.
#[track_caller]
pub fn error(document: Value) -> Issue {
    let verdict = found(document);
    assert_eq!((verdict.errors.len(), verdict.warnings.len()), (1, 0), "{verdict:#?}");
    verdict.errors.into_iter().next().unwrap()
}

/// A change to a message, and the one error that it makes.
pub type Row<'a> = (&'a str, Value, &'a str, &'a str);

/// Each row: path, value, code, field.
#[track_caller]
pub fn each_is_an_error(document: &Value, rows: &[Row<'_>]) {
    for (path, value, code, field) in rows {
        let changed = with(document.clone(), path, value.clone());
        let verdict = found(changed);
        let errors: Vec<_> = verdict.errors.iter().map(|issue| (&*issue.code, &*issue.field)).collect();
        assert_eq!(errors, [(*code, *field)], "{path} = {value}");
        assert!(
            verdict.errors.iter().all(|issue| !issue.message.is_empty() && issue.level != Severity::Warning)
        );
    }
}

/// Each row: path, value, code. Strict mode says it, the default does not.
#[track_caller]
pub fn each_is_advice(document: &Value, rows: &[(&str, Value, &str)]) {
    for (path, value, code) in rows {
        let changed = with(document.clone(), path, value.clone());
        assert_eq!(found(changed.clone()), Verdict::default(), "{path} = {value}");
        let strict = judged(changed, Level::L1, true);
        assert!(strict.warnings.iter().any(|issue| issue.code == *code), "{path} = {value}: {strict:#?}");
    }
}

#[track_caller]
pub fn each_is_fine(document: &Value, rows: &[(&str, Value)]) {
    for (path, value) in rows {
        let changed = with(document.clone(), path, value.clone());
        assert_eq!(found(changed), Verdict::default(), "{path} = {value}");
    }
}
