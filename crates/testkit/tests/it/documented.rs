//! Answers that no document knows do not pass.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::panic::catch_unwind;
use testkit::documented;

const LEADS: &str = "/api/v1/partners/acme/leads";

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    pairs.iter().map(pair).collect()
}

fn created() -> Value {
    json!({"ok": true, "data": {
        "lead_id": testkit::unique_id(), "partner_slug": "acme", "correlation_id": testkit::unique_id(),
        "status": "received", "received_at": "2026-04-01T12:00:00.000Z", "hubspot_deal_id": null,
        "next_action": "pending_orchestrator",
    }})
}

/// What is said against an answer to the submission of a lead.
fn said(status: u16, pairs: &[(&'static str, &'static str)], body: &Value) -> Option<String> {
    let (headers, body) = (headers(pairs), body.to_string());
    let route = documented::route("POST", LEADS).unwrap();
    let panic = catch_unwind(|| documented::check(route, status, &headers, body.as_bytes())).err()?;
    Some(panic.downcast_ref::<String>().unwrap().clone())
}

#[test]
fn an_answer_must_have_the_status_the_headers_the_media_type_and_the_body_of_its_document() {
    const FINE: [(&str, &str); 2] = [("content-type", "application/json"), ("x-request-id", "r1")];
    let complaint = |status, pairs: &[(&'static str, &'static str)], body: &Value, expected: &str| {
        let said = said(status, pairs, body).unwrap_or_else(|| panic!("{expected}: nothing is said"));
        assert!(said.contains(expected), "{said}");
    };
    assert_eq!(said(201, &FINE, &created()), None);
    complaint(418, &FINE, &created(), "the status is missing");
    complaint(201, &FINE[..1], &created(), "header X-Request-Id is missing");
    let limit = [FINE[0], FINE[1], ("ratelimit-limit", "many")];
    complaint(201, &limit, &created(), "header RateLimit-Limit: \"many\" is not of type \"integer\"");
    complaint(
        201,
        &[("content-type", "text/plain"), FINE[1]],
        &created(),
        "there is no media type \"text/plain\"",
    );
    for (field, value, expected) in [
        ("status", json!("lost"), "the body/data/status: \"lost\" is not one of"),
        ("lead_id", json!("7"), "the body/data/lead_id: \"7\" is not a \"uuid\""),
        ("received_at", json!(null), "the body/data/received_at: null is not of type \"string\""),
    ] {
        let mut body = created();
        body["data"][field] = value;
        complaint(201, &FINE, &body, expected);
    }
    let mut body = created();
    body["data"].as_object_mut().unwrap().remove("partner_slug");
    complaint(201, &FINE, &body, "\"partner_slug\" is a required property");
}
