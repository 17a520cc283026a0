//! `POST /internal/erase`: a person is forgotten, ids remain.

use crate::harness::{Harness, lead_created};
use crate::lex::{lead, routed};
use contracts::Service;
use contracts::event::CloudEvent;
use contracts::lead::{LeadCreated, LeadCustomer};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;
use testkit::receiver::{Received, Receiver, Reply};

async fn erase(harness: &Harness, body: &Value) -> (u16, Value) {
    let request = harness.service.from_service(Service::Gateway, Method::POST, "/internal/erase");
    testkit::answer(request.json(body)).await
}

fn wish() -> Value {
    json!({
        "organization_id": callers::organization_id("acme"), "email": "GRACE@example.com", "phone": "+15122321234",
    })
}

/// Everything that the schema says of events, as text.
async fn everything(harness: &Harness, organization: &str) -> String {
    let rows: Vec<String> = sqlx::query_scalar(
        "select event_id::text || convert_from(payload, 'UTF8') from events where organization_id = $1
         union all select to_jsonb(deliveries)::text from deliveries where organization_id = $1
         union all select to_jsonb(attempts)::text from attempts
             where event_id in (select event_id from events where organization_id = $1)
         union all select headers::text || convert_from(payload, 'UTF8') from outbox",
    )
    .bind(callers::organization_id(organization).as_uuid())
    .fetch_all(&harness.pool)
    .await
    .unwrap();
    rows.join("\n")
}

/// A lead of somebody else.
fn of_ada(harness: &Harness) -> CloudEvent<LeadCreated> {
    let mut event = harness.lead_created();
    event.data.customer = LeadCustomer {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        email: Some("ada@example.com".to_owned()),
        phone: "+442079460958".to_owned(),
        phone_e164: Some("+442079460958".to_owned()),
        address: None,
    };
    event
}

#[tokio::test]
async fn a_persons_data_goes_from_events_and_answers_and_what_is_pending_arrives_without_it() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([
        Reply::with_body(500, "no room for Mrs Hopper"),
        Reply::with_body(500, "where is grace@example.com: (she called from 1-512-232-1234)"),
    ]);
    harness.subscribe(&receiver.url("/"), &["lead.created"]).await;
    let of_grace = harness.fan_out(1).await;
    harness.deliver().await;
    let of_ada = of_ada(&harness);
    harness.publish(&of_ada).await;
    harness.wait_for_deliveries(2).await;
    harness.deliver().await;

    assert_eq!(
        erase(&harness, &wish()).await,
        (200, json!({"records": 5})),
        "an event, two answers in two places"
    );
    let left = everything(&harness, "acme").await;
    // No shorter digits: ids are made of them too.
    for trace in ["Grace", "grace", "Hopper", "512) 232", "512-232", "15122321234", "Mrs"] {
        assert!(!left.contains(trace), "{trace} is still there: {left}");
    }
    let (grace, ada) = (of_grace.id.to_string(), of_ada.data.lead_id.to_string());
    for kept in
        ["Lovelace", "+442079460958", "answered 500", &grace, &of_grace.data.lead_id.to_string(), &ada]
    {
        assert!(left.contains(kept), "{kept} is gone");
    }
    assert_eq!(erase(&harness, &wish()).await, (200, json!({"records": 0})), "nothing is left to do");

    harness.deliver_after(3_600).await;
    let again = receiver.received_after(2);
    let again = again.iter().map(Received::json).find(|body| body["id"] == grace).unwrap();
    let customer = &again["data"]["customer"];
    assert_eq!((&customer["first_name"], &customer["email"]), (&json!("[erased]"), &json!("[erased]")));
    assert_eq!(again["data"]["lead_id"], json!(of_grace.data.lead_id));
    assert_eq!(harness.deliveries("state = 1").await, 2);
}

#[tokio::test]
async fn events_of_other_organisations_stay_and_many_pages_are_gone_through() {
    let harness = Harness::start().await;
    let event = lead_created(harness.clock.now());
    let payload = serde_json::to_vec(&event.data).unwrap();
    for (slug, count) in [("acme", 450), ("globex", 1)] {
        sqlx::query(
            "insert into events (event_id, organization_id, source, kind, occurred_at, track_delivery, payload, received_at)
             select overlay($1::text placing lpad(to_hex(n), 6, '0') from 31)::uuid, $2, '/leadwire/lead-intake',
                 'lead.created', now(), false, $3, now() from generate_series(1, $4) n",
        )
        .bind(platform::ids::IdSource::random().at(harness.clock.now()).to_string())
        .bind(callers::organization_id(slug).as_uuid())
        .bind(&payload)
        .bind(count)
        .execute(&harness.pool)
        .await
        .unwrap();
    }
    assert_eq!(erase(&harness, &wish()).await, (200, json!({"records": 450})));
    assert!(!everything(&harness, "acme").await.contains("Hopper"));
    assert!(everything(&harness, "globex").await.contains("Hopper"));
}

#[tokio::test]
async fn a_wish_says_who_is_meant_and_is_of_a_service() {
    let harness = Harness::start().await;
    let (status, refused) = erase(&harness, &json!({"organization_id": 5, "phone": "+1"})).await;
    assert_eq!(status, 400);
    let told = refused.to_string();
    for name in ["organization_id", "phone", "email"] {
        assert!(told.contains(name), "{name}: {told}");
    }
    let acme = callers::partner("acme", &["webhooks:write"]);
    let (status, _) = harness.ask(&acme, Method::POST, "/internal/erase", &wish()).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_lex_message_that_is_pending_arrives_without_the_person() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(503)]);
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/")})).await;
    let mut message = lead();
    message["lex"]["payload"]["lead"]["customer"]["emailAddress"] = json!("grace@example.com");
    harness.route_through(routed(&message)).await;
    harness.deliver().await;
    let mut wish = wish();
    wish["organization_id"] = json!(callers::organization_id("globex"));
    assert_eq!(erase(&harness, &wish).await, (200, json!({"records": 1})));
    harness.deliver_after(34).await;
    let [first, second] = &receiver.received()[..] else { panic!("not two attempts") };
    let (mut before, after) = (first.json(), second.json());
    assert!(!after.to_string().contains("grace@example.com"));
    before["lex"]["header"]["retryContext"] = after["lex"]["header"]["retryContext"].clone();
    assert_eq!(after["lex"]["header"], before["lex"]["header"]);
    assert_eq!(after["lex"]["payload"]["lead"]["leadId"], before["lex"]["payload"]["lead"]["leadId"]);
}
