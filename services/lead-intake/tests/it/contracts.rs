//! The partner contract's facts about leads, field by field, and every answer held against its shapes.

use crate::harness::{Harness, lead};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{callers, read};
use uuid::Uuid;

const STATUSES: [&str; 5] = ["received", "hubspot_upserted", "dispatched", "completed", "failed"];
const ACTIONS: [&str; 2] = ["pending_orchestrator", "manual_review"];
const CODES: [&str; 12] = [
    "UNAUTHORIZED",
    "FORBIDDEN",
    "NOT_FOUND",
    "VALIDATION_FAILED",
    "CONFLICT",
    "IDEMPOTENCY_MISMATCH",
    "JTI_REPLAY",
    "RATE_LIMITED",
    "JWT_ALG_NOT_SUPPORTED",
    "JWT_INVALID",
    "JWT_EXPIRED",
    "INTERNAL",
];

/// `Lead`: what is required, what may be left out, and of what type each is.
fn assert_lead(lead: &Value) {
    let uuid = |name: &str| lead[name].as_str().unwrap().parse::<Uuid>().unwrap();
    uuid("lead_id");
    uuid("correlation_id");
    assert!(lead["partner_slug"].is_string());
    assert!(STATUSES.contains(&lead["status"].as_str().unwrap()));
    chrono::DateTime::parse_from_rfc3339(lead["received_at"].as_str().unwrap()).unwrap();
    assert!(lead["hubspot_deal_id"].is_null() || lead["hubspot_deal_id"].is_string());
    assert!(lead.get("next_action").is_none_or(|action| ACTIONS.contains(&action.as_str().unwrap())));
}

/// `ErrorEnvelope`.
fn assert_error(body: &Value) {
    assert_eq!(body["ok"], json!(false));
    assert!(CODES.contains(&body["error"]["code"].as_str().unwrap()), "{body}");
    assert!(body["error"]["message"].is_string());
    assert!(body["error"].get("details").is_none_or(Value::is_object));
}

/// A complete lead with one value put at a dotted path; `Null` takes the field away.
fn with(path: &str, value: &Value) -> Value {
    let mut document = lead();
    document["customer"]["address"] =
        json!({"line1": "1 Main St", "city": "Austin", "state": "TX", "postal_code": "78701"});
    document["offer"]["notes"] = json!("n");
    document["commission"] = json!({"flat_cents": 1, "rev_share_bps": 1});
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    let place =
        parent.split('.').filter(|part| !part.is_empty()).fold(&mut document, |at, part| &mut at[part]);
    if value.is_null() {
        place.as_object_mut().unwrap().remove(name);
    } else {
        place[name] = value.clone();
    }
    document
}

fn long(length: usize) -> Value {
    // Characters count, not bytes.
    json!("é".repeat(length))
}

fn address_of_length(length: usize) -> Value {
    let host = "d".repeat(60);
    let fixed = format!("@{host}.{host}.{host}.io").len();
    json!(format!("{}@{host}.{host}.{host}.io", "a".repeat(length - fixed)))
}

#[tokio::test]
async fn a_created_lead_has_the_envelope_of_the_contract() {
    let intake = Harness::start().await;
    let response = intake.submit(&lead()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().contains_key("x-request-id"));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["ok"]), (201, &json!(true)));
    assert_lead(&body["data"]);
}

#[tokio::test]
async fn every_value_that_the_contract_allows_is_taken() {
    let intake = Harness::start().await;
    let gone = Value::Null;
    for (path, value) in [
        ("customer.first_name", long(100)),
        ("customer.first_name", json!("")),
        ("customer.last_name", long(100)),
        ("customer.email", gone.clone()),
        ("customer.email", address_of_length(200)),
        ("customer.phone", json!("")),
        ("customer.phone", json!("x".repeat(1000))),
        ("customer.address", gone.clone()),
        ("customer.address", json!({})),
        ("customer.address.line1", long(200)),
        ("customer.address.city", long(100)),
        ("customer.address.state", long(2)),
        ("customer.address.postal_code", long(20)),
        ("offer", gone.clone()),
        ("offer", json!({})),
        ("offer.type", json!("x".repeat(1000))),
        ("offer.monthly_amount_cents", json!(0)),
        ("offer.monthly_amount_cents", json!(u64::MAX)),
        ("offer.monthly_amount_cents", json!(1e21)),
        ("offer.term_months", json!(1)),
        ("offer.term_months", json!(120)),
        ("offer.term_months", json!(12.0)),
        ("offer.notes", long(2000)),
        ("commission", gone.clone()),
        ("commission", json!({})),
        ("commission.flat_cents", json!(0)),
        ("commission.rev_share_bps", json!(0)),
        ("commission.rev_share_bps", json!(10_000)),
        ("partner_metadata", gone),
        ("partner_metadata", json!({"any": [1, {"thing": null}]})),
        ("unknown", json!({"field": [true]})),
        ("customer.unknown", json!(1)),
    ] {
        let (status, body) = read(intake.submit(&with(path, &value)).await).await;
        assert_eq!(status, 201, "{path} = {value}: {body}");
        assert_lead(&body["data"]);
    }
}

#[tokio::test]
async fn every_value_that_the_contract_forbids_is_named_by_its_path() {
    let intake = Harness::start().await;
    let gone = Value::Null;
    for (path, value) in [
        ("correlation_id", gone.clone()),
        ("correlation_id", json!("0190a1b2c3d47e5f8a9b0c1d2e3f4a5b")),
        ("correlation_id", json!(7)),
        ("customer", gone.clone()),
        ("customer", json!([])),
        ("customer.first_name", gone.clone()),
        ("customer.first_name", long(101)),
        ("customer.first_name", json!("a\u{0}b")),
        ("customer.last_name", gone.clone()),
        ("customer.last_name", long(101)),
        ("customer.email", json!("nobody")),
        ("customer.email", json!("")),
        ("customer.email", json!(["a@b.co"])),
        ("customer.email", address_of_length(201)),
        ("customer.phone", gone),
        ("customer.phone", json!(5_122_321_234_u64)),
        ("customer.address", json!("1 Main St")),
        ("customer.address.line1", long(201)),
        ("customer.address.city", long(101)),
        ("customer.address.state", json!("T")),
        ("customer.address.state", json!("TEX")),
        ("customer.address.postal_code", long(21)),
        ("offer", json!([])),
        ("offer.type", json!(1)),
        ("offer.monthly_amount_cents", json!(-1)),
        ("offer.monthly_amount_cents", json!(1.5)),
        ("offer.monthly_amount_cents", json!("1")),
        ("offer.term_months", json!(0)),
        ("offer.term_months", json!(121)),
        ("offer.notes", long(2001)),
        ("commission", json!(1)),
        ("commission.flat_cents", json!(-1)),
        ("commission.rev_share_bps", json!(10_001)),
        ("partner_metadata", json!([])),
        ("partner_metadata", json!("note")),
    ] {
        let (status, body) = read(intake.submit(&with(path, &value)).await).await;
        assert_eq!((status, &body["error"]["code"]), (422, &json!("VALIDATION_FAILED")), "{path} = {value}");
        assert_error(&body);
        let fields = body["error"]["details"]["fields"].as_array().unwrap();
        assert!(
            fields.iter().any(|field| field["path"] == path && field["message"].is_string()),
            "{path}: {body}"
        );
    }
    let pool = intake.database.pool();
    let stored: i64 = sqlx::query_scalar("select count(*) from leads").fetch_one(&pool).await.unwrap();
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn bodies_that_break_parsers_are_refused_in_the_envelope_and_never_a_defect() {
    let intake = Harness::start().await;
    let acme = callers::partner("acme", &["leads:write"]);
    let valid = lead().to_string();
    let inside = |extra: &str| format!("{{{extra},{}", &valid[1..]);
    for body in [
        "null".to_owned(),
        "[]".to_owned(),
        "\"text\"".to_owned(),
        "NaN".to_owned(),
        format!("\u{feff}{valid}"),
        format!("{valid}{valid}"),
        inside("\"partner_metadata\": {\"n\": 1e400}"),
        inside(&format!("\"partner_metadata\": {{\"n\": {}}}", "9".repeat(100_000))),
        inside(r#""partner_metadata": {"lone": "\ud800"}"#),
        inside(r#""partner_metadata": {"nul\u0000": 1}"#),
        inside(&format!("\"x\": {}{}", "[".repeat(130), "]".repeat(130))),
    ] {
        let request = intake.service.request(&acme, Method::POST, "/api/v1/partners/acme/leads");
        let request = request.header("content-type", "application/json").body(body.clone());
        let (status, answer) = read(request.send().await.unwrap()).await;
        let shown = &body[..body.floor_char_boundary(60)];
        // Of a member that is there twice the last one counts: what breaks nothing by itself may be accepted.
        assert!(status == 422 || status == 201, "{status} for {shown}");
        if status == 422 {
            assert_error(&answer);
        }
    }
}

#[tokio::test]
async fn errors_of_every_kind_have_the_envelope() {
    let intake = Harness::start().await;
    let acme = callers::partner("acme", &["leads:write"]);
    let globex = callers::partner("globex", &["leads:write"]);
    let request = |method, path| intake.service.request(&acme, method, path);
    for (request, expected, code) in [
        (intake.service.bare(Method::POST, "/api/v1/partners/acme/leads").json(&lead()), 401, "UNAUTHORIZED"),
        (intake.service.request(&globex, Method::GET, "/api/v1/partners/acme/leads"), 403, "FORBIDDEN"),
        (request(Method::GET, "/api/v1/partners/acme/leads/unknown"), 404, "NOT_FOUND"),
        (request(Method::GET, "/api/v1/partners/acme/elsewhere"), 404, "NOT_FOUND"),
        (request(Method::PUT, "/api/v1/partners/acme/leads"), 405, "NOT_FOUND"),
        (
            request(Method::POST, "/api/v1/partners/acme/leads").body(vec![b' '; 300_000]),
            413,
            "VALIDATION_FAILED",
        ),
        (
            request(Method::POST, "/api/v1/partners/acme/leads")
                .header("content-type", "text/xml")
                .body("<a/>"),
            415,
            "VALIDATION_FAILED",
        ),
        (request(Method::GET, "/api/v1/partners/Acme/leads"), 422, "VALIDATION_FAILED"),
        (request(Method::GET, "/api/v1/partners/acme/leads?limit=101"), 422, "VALIDATION_FAILED"),
    ] {
        let (status, body) = read(request.send().await.unwrap()).await;
        assert_eq!((status, &body["error"]["code"]), (expected, &json!(code)), "{body}");
        assert_error(&body);
    }
}

#[tokio::test]
async fn lists_and_single_leads_have_the_same_lead_as_the_answer_to_its_creation() {
    let intake = Harness::start().await;
    let (_, created) = read(intake.submit(&lead()).await).await;
    let acme = callers::partner("acme", &["leads:read"]);
    let path = "/api/v1/partners/acme/leads";
    let (status, list) = testkit::answer(intake.service.request(&acme, Method::GET, path)).await;
    assert_eq!((status, &list["ok"]), (200, &json!(true)));
    assert_eq!(list["data"], json!({"items": [created["data"]], "count": 1, "next_cursor": null}));
    let one = format!("{path}/{}", created["data"]["lead_id"].as_str().unwrap());
    assert_eq!(testkit::answer(intake.service.request(&acme, Method::GET, &one)).await, (200, created));
}
