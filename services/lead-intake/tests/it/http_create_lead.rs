//! `POST /api/v1/partners/{slug}/leads`.

use crate::harness::{Harness, lead};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{callers, read};

#[tokio::test]
async fn a_lead_is_answered_as_the_contract_says() {
    let intake = Harness::start().await;
    let submitted = lead();
    let (status, body) = read(intake.submit(&submitted).await).await;
    assert_eq!((status, &body["ok"]), (201, &json!(true)));
    let data = &body["data"];
    assert_eq!(data["correlation_id"], submitted["correlation_id"]);
    assert_eq!(
        (&data["partner_slug"], &data["status"], &data["next_action"], &data["hubspot_deal_id"]),
        (&json!("acme"), &json!("received"), &json!("pending_orchestrator"), &Value::Null)
    );
    let received = chrono::DateTime::parse_from_rfc3339(data["received_at"].as_str().unwrap()).unwrap();
    assert_eq!(received.timestamp_millis(), intake.service.process.clock.now().timestamp_millis());
}

#[tokio::test]
async fn the_same_lead_sent_again_gets_the_same_bytes_whatever_its_writing() {
    let intake = Harness::start().await;
    let submitted = lead();
    let first = intake.submit(&submitted).await;
    assert!(first.headers().get("idempotent-replayed").is_none());
    let first = first.bytes().await.unwrap();
    intake.service.process.clock.advance(chrono::TimeDelta::days(400));
    let mut rewritten = submitted.clone();
    rewritten["correlation_id"] = json!(submitted["correlation_id"].as_str().unwrap().to_uppercase());
    for body in [&submitted, &rewritten] {
        let replay = intake.submit(body).await;
        assert_eq!(replay.status().as_u16(), 201);
        assert_eq!(replay.headers()["idempotent-replayed"], "true");
        assert_eq!(replay.bytes().await.unwrap(), first);
    }
}

#[tokio::test]
async fn a_correlation_id_with_another_body_is_a_mismatch_and_changes_nothing() {
    let intake = Harness::start().await;
    let mut submitted = lead();
    let first = intake.submit(&submitted).await.bytes().await.unwrap();
    submitted["customer"]["last_name"] = json!("Murray");
    let (status, body) = read(intake.submit(&submitted).await).await;
    assert_eq!((status, &body["error"]["code"]), (422, &json!("IDEMPOTENCY_MISMATCH")));
    submitted["customer"]["last_name"] = json!("Hopper");
    assert_eq!(intake.submit(&submitted).await.bytes().await.unwrap(), first);
}

#[tokio::test]
async fn concurrent_first_submissions_make_one_lead_and_both_get_its_answer() {
    let intake = Harness::start().await;
    let submitted = lead();
    let answers =
        futures_util::future::join_all((0..20).map(|_| async { intake.submit(&submitted).await })).await;
    let mut bodies = Vec::new();
    for answer in answers {
        assert_eq!(answer.status().as_u16(), 201);
        bodies.push(answer.bytes().await.unwrap());
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    let pool = intake.database.pool();
    let stored: i64 = sqlx::query_scalar("select count(*) from leads").fetch_one(&pool).await.unwrap();
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn two_partners_may_use_the_same_correlation_id() {
    let intake = Harness::start().await;
    let submitted = lead();
    assert_eq!(intake.submit(&submitted).await.status().as_u16(), 201);
    let globex = callers::partner("globex", &["leads:write"]);
    let request =
        intake.service.request(&globex, Method::POST, "/api/v1/partners/globex/leads").json(&submitted);
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    assert!(response.headers().get("idempotent-replayed").is_none());
}

#[tokio::test]
async fn a_phone_that_cannot_be_parsed_is_accepted_for_manual_review() {
    let intake = Harness::start().await;
    for phone in ["", "ask for Grace", "12"] {
        let mut submitted = lead();
        submitted["customer"]["phone"] = json!(phone);
        let (status, body) = read(intake.submit(&submitted).await).await;
        assert_eq!((status, &body["data"]["next_action"]), (201, &json!("manual_review")), "{phone}");
    }
}

#[tokio::test]
async fn bad_input_names_every_failing_field() {
    let intake = Harness::start().await;
    let (status, body) = read(
        intake
            .submit(
                &json!({"correlation_id": 1, "customer": {"first_name": "a", "phone": "1", "email": "x"}}),
            )
            .await,
    )
    .await;
    assert_eq!((status, &body["error"]["code"]), (422, &json!("VALIDATION_FAILED")));
    assert_eq!(
        body["error"]["details"]["fields"],
        json!([
            {"path": "correlation_id", "message": "must be a UUID"},
            {"path": "customer.last_name", "message": "is required"},
            {"path": "customer.email", "message": "must be an e-mail address"},
        ])
    );
}

#[tokio::test]
async fn what_is_not_json_is_refused_in_the_partner_envelope() {
    let intake = Harness::start().await;
    let acme = callers::partner("acme", &["leads:write"]);
    let post = || intake.service.request(&acme, Method::POST, "/api/v1/partners/acme/leads");
    let deep = "[".repeat(200) + &"]".repeat(200);
    for (request, expected) in [
        (post().header("content-type", "application/json").body("{"), 422),
        (post().header("content-type", "application/json").body(deep), 422),
        (post().header("content-type", "application/json").body(""), 422),
        (post().header("content-type", "text/plain").body("{}"), 415),
        (post().header("content-encoding", "gzip").body("{}"), 415),
        (post().body(vec![b' '; 256 * 1024 + 1]), 413),
    ] {
        let (status, body) = read(request.send().await.unwrap()).await;
        assert_eq!(status, expected);
        assert_eq!((&body["ok"], &body["error"]["code"]), (&json!(false), &json!("VALIDATION_FAILED")));
    }
}

#[tokio::test]
async fn text_that_postgres_cannot_store_is_a_violation_not_a_defect() {
    let intake = Harness::start().await;
    let mut submitted = lead();
    submitted["customer"]["first_name"] = json!("Gr\u{0}ce");
    submitted["partner_metadata"] = json!({"deep": [{"note": "a\u{0}b"}]});
    submitted["offer"]["extra\u{0}"] = json!(1);
    let (status, body) = read(intake.submit(&submitted).await).await;
    let fields = body["error"]["details"]["fields"].as_array().unwrap();
    let paths: Vec<_> = fields.iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert_eq!((status, paths), (422, vec!["customer.first_name", "offer", "partner_metadata"]));
}

#[tokio::test]
async fn only_a_caller_of_the_partner_with_the_scope_may_submit() {
    let intake = Harness::start().await;
    let path = "/api/v1/partners/acme/leads";
    let direct = intake.service.bare(Method::POST, path).json(&lead()).send().await.unwrap();
    assert_eq!(direct.status().as_u16(), 401);
    for (caller, path, expected) in [
        (callers::partner("acme", &["leads:read"]), path, (403, "FORBIDDEN")),
        (callers::partner("globex", &["leads:write"]), path, (403, "FORBIDDEN")),
        (
            callers::partner("acme", &["leads:write"]),
            "/api/v1/partners/Acme!/leads",
            (422, "VALIDATION_FAILED"),
        ),
    ] {
        let request = intake.service.request(&caller, Method::POST, path).json(&lead());
        let (status, body) = read(request.send().await.unwrap()).await;
        assert_eq!((status, body["error"]["code"].as_str().unwrap()), expected);
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_answer_in_the_envelope_of_their_surface() {
    let intake = Harness::start().await;
    let acme = callers::partner("acme", &["leads:write"]);
    for (method, path, expected) in [
        (Method::GET, "/api/v1/partners/acme/nothing", 404),
        (Method::DELETE, "/api/v1/partners/acme/leads", 405),
    ] {
        let (status, body) = read(intake.service.request(&acme, method, path).send().await.unwrap()).await;
        assert_eq!((status, &body["error"]["code"]), (expected, &json!("NOT_FOUND")));
    }
}
