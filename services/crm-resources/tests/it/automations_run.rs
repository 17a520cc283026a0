//! Automations that run: from an event through every step, whatever dies in between.

use crate::harness::{Harness, apply, key, read, runs_of, waited_run};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use signing::{Secret, standard};
use testkit::broker::TestBroker;
use testkit::receiver::{Receiver, Reply};
use testkit::{callers, eventually};

const EVENTS: &str = contracts::topology::WEBHOOK_DISPATCHER_EVENTS.name;

/// The types of the events that were published, sorted.
async fn published(broker: &TestBroker) -> Vec<String> {
    let messages = broker.peek(EVENTS).await;
    let mut kinds: Vec<String> = messages
        .iter()
        .map(|message| {
            serde_json::from_str::<Value>(&message.payload).unwrap()["type"].as_str().unwrap().to_owned()
        })
        .collect();
    kinds.sort_unstable();
    kinds
}

async fn lead(crm: &Harness, id: &Value) -> Value {
    crm.get(&format!("/leads/{}", id.as_str().unwrap())).await.1["data"].clone()
}

#[tokio::test]
async fn a_lead_with_a_job_title_is_greeted_and_converted_after_a_delay() {
    let (crm, broker) = Harness::with_broker().await;
    let receiver = Receiver::start().await;
    let steps = json!([
        {"condition": {"if": "data.job_title.contains(\"Manager\")"}},
        {"set_metadata": {"greeted": "yes", "by": "${data.source}"}},
        {"update_lead": {"status": "contacted"}},
        {"delay": {"for": "2h"}},
        {"http_request": {"url": receiver.url("/hook"), "body": {"lead": "${data.id}"}}},
        {"emit_event": {"type": "automation.greeted", "data": {"lead": "${data.id}"}}},
        {"convert_lead": {}},
    ]);
    let applied = apply(&crm, "Greet", "lead_created", steps).await;
    let made = crm
        .make(
            "/leads",
            json!({"name": "G", "job_title": "Sales Manager", "source": "web", "metadata": {"a": "b"}}),
        )
        .await;
    crm.make("/leads", json!({"name": "H", "job_title": "Clerk"})).await;
    let waiting = waited_run(&crm, &applied, |run| run["position"] == 4).await;
    assert_eq!((&waiting["state"], &waiting["subject"]), (&json!("pending"), &made["id"]));
    let greeted = lead(&crm, &made["id"]).await;
    assert_eq!(greeted["metadata"], json!({"a": "b", "greeted": "yes", "by": "web"}));
    assert_eq!((&greeted["status"], &greeted["converted"]), (&json!("contacted"), &json!(false)));
    assert!(receiver.received().is_empty());

    crm.service.process.clock.advance(TimeDelta::hours(2));
    let done = waited_run(&crm, &applied, |run| run["position"] == 7).await;
    assert_eq!(
        (&done["state"], &done["attempts"], &done["error"]),
        (&json!("completed"), &json!(0), &Value::Null)
    );
    let steps: Vec<_> =
        done["log"].as_array().unwrap().iter().map(|entry| entry["step"].as_str().unwrap()).collect();
    assert_eq!(
        steps,
        ["condition", "set_metadata", "update_lead", "delay", "http_request", "emit_event", "convert_lead"]
    );
    assert_eq!(lead(&crm, &made["id"]).await["converted"], true);
    let [request] = &receiver.received()[..] else { panic!("not one request") };
    assert_eq!((request.method.as_str(), request.json()), ("POST", json!({"lead": made["id"]})));
    let header = |name| request.header(name).unwrap();
    let secret = Secret::new(applied["signingSecret"].as_str().unwrap().to_owned());
    let now = crm.service.process.clock.now().timestamp().unsigned_abs();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    standard::verify(id, time, header("webhook-signature"), &request.body, &secret, now).unwrap();

    let other =
        waited_run(&crm, &applied, |run| run["subject"] != made["id"] && run["state"] == "completed").await;
    assert_eq!(other["log"][0]["outcome"], "stopped");
    let expected = [
        "automation.created",
        "automation.greeted",
        "customer.created",
        "lead.converted",
        "lead.created",
        "lead.created",
        "lead.updated",
        "lead.updated",
        "lead.updated",
    ];
    eventually("the events", async || (published(&broker).await == expected).then_some(())).await;
    let messages = broker.peek(EVENTS).await;
    let greeted = messages.iter().find(|message| message.payload.contains("automation.greeted")).unwrap();
    let event: Value = serde_json::from_str(&greeted.payload).unwrap();
    assert_eq!(event["data"]["caused_by"]["run_id"], done["id"]);
    assert_eq!((&event["data"]["lead"], &event["subject"]), (&made["id"], &applied["id"]));
}

#[tokio::test]
async fn what_a_dead_process_held_goes_on_when_its_lease_is_over_and_nothing_happens_twice() {
    let (crm, _broker) = Harness::with_broker().await;
    let steps = json!([{"delay": {"for": "1s"}}, {"create_customer": {"name": "${data.name}"}}, {"convert_lead": {}}]);
    let applied = apply(&crm, "Convert", "lead_created", steps).await;
    crm.make("/leads", json!({"name": "G"})).await;
    waited_run(&crm, &applied, |run| run["position"] == 1).await;
    // As a process leaves it that was killed after it had taken the run.
    let until = crm.service.process.clock.now() + TimeDelta::seconds(60);
    sqlx::query("update automation_runs set lease = gen_random_uuid(), leased_until = $1")
        .bind(until)
        .execute(&crm.database.pool())
        .await
        .unwrap();
    crm.service.process.clock.advance(TimeDelta::seconds(59));
    assert_eq!(crm.count("customers").await, 0);
    let run = &runs_of(&crm, &applied).await[0];
    assert_eq!((&run["position"], &run["state"]), (&json!(1), &json!("pending")));
    crm.service.process.clock.advance(TimeDelta::seconds(2));
    waited_run(&crm, &applied, |run| run["state"] == "completed").await;
    assert_eq!(crm.count("customers").await, 2);
}

#[tokio::test]
async fn an_event_that_comes_again_starts_nothing_again() {
    let (crm, broker) = Harness::with_broker().await;
    let applied = apply(&crm, "Count", "customer_created", json!([{"create_customer": {"name": "x"}}])).await;
    // It sets itself off, five deep; then the sixth is a dead letter.
    crm.make("/customers", json!({"name": "first"})).await;
    let dead = waited_run(&crm, &applied, |run| run["state"] == "dead_letter").await;
    assert_eq!((&dead["depth"], &dead["log"]), (&json!(6), &json!([])));
    assert!(dead["error"].as_str().unwrap().contains("five deep"), "{dead}");
    let runs = runs_of(&crm, &applied).await;
    assert_eq!((runs.len(), crm.count("customers").await), (6, 6));
    for message in broker.peek(EVENTS).await {
        let properties = json!({"message_id": message.message_id(), "delivery_mode": 2});
        broker.publish("", "crm-resources.automations", properties, &message.payload).await;
    }
    crm.make("/leads", json!({"name": "a marker, behind the repetitions"})).await;
    let marker = apply(&crm, "Marker", "lead_updated", json!([{"update_lead": {"notes": "seen"}}])).await;
    let made = crm.make("/leads", json!({"name": "x"})).await;
    crm.patch(&format!("/leads/{}", made["id"].as_str().unwrap()), json!({"phone": "1"})).await;
    waited_run(&crm, &marker, |run| run["state"] == "completed").await;
    assert_eq!((runs_of(&crm, &applied).await.len(), crm.count("customers").await), (6, 6));
}

#[tokio::test]
async fn a_request_is_repeated_under_one_id_and_a_refusal_is_a_dead_letter_that_can_be_replayed() {
    let (crm, _broker) = Harness::with_broker().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(503), Reply::Status(429), Reply::Status(404), Reply::Status(204)]);
    let steps = json!([{"http_request": {"url": receiver.url("/"), "body": "${data}"}}]);
    let applied = apply(&crm, "Post", "product_created", steps).await;
    crm.make("/products", json!({"name": "x"})).await;
    for error in ["answered 503", "answered 429"] {
        let waits = waited_run(&crm, &applied, |run| run["error"] == error).await;
        assert_eq!((&waits["state"], &waits["attempts"]), (&json!("pending"), &json!(0)), "{waits}");
        crm.service.process.clock.advance(TimeDelta::minutes(5));
    }
    let dead = waited_run(&crm, &applied, |run| run["state"] == "dead_letter").await;
    assert_eq!(dead["error"], "answered 404");
    let organization = callers::organization_id("acme");
    let path = format!(
        "/api/v1/organizations/{organization}/automations/{}/runs/{}/replay",
        applied["id"].as_str().unwrap(),
        dead["id"].as_str().unwrap()
    );
    let replay = || crm.service.request(&crate::harness::admin(), Method::POST, &path).send();
    assert_eq!(replay().await.unwrap().status().as_u16(), 204);
    let done = waited_run(&crm, &applied, |run| run["state"] == "completed").await;
    assert_eq!(done["log"].as_array().unwrap().len(), 3);
    let received = receiver.received();
    assert_eq!(received.len(), 4);
    assert!(received.windows(2).all(|pair| pair[0].header("webhook-id") == pair[1].header("webhook-id")));
    assert_eq!(replay().await.unwrap().status().as_u16(), 409);
}

#[tokio::test]
async fn a_step_that_can_never_be_done_ends_the_run_and_leaves_no_half_of_it() {
    let (crm, _broker) = Harness::with_broker().await;
    for (name, steps, error) in [
        ("Mail", json!([{"update_lead": {"notes": "x", "email": "${data.name}"}}]), "email is invalid"),
        (
            "Value",
            json!([{"update_lead": {"notes": "${data.nothing}"}}]),
            "template has no value for this event",
        ),
        (
            "If",
            json!([{"condition": {"if": "data.name"}}]),
            "the condition is neither true nor false for this event",
        ),
    ] {
        let applied = apply(&crm, name, "lead_created", steps).await;
        let made = crm.make("/leads", json!({"name": "G"})).await;
        let dead = waited_run(&crm, &applied, |run| run["state"] == "dead_letter").await;
        assert_eq!(dead["error"], error);
        assert_eq!(lead(&crm, &made["id"]).await["notes"], Value::Null);
        crm.delete(&format!("/automations/{}", applied["id"].as_str().unwrap())).await;
    }
}

#[tokio::test]
async fn runs_are_seen_by_their_own_company_alone_and_an_inactive_automation_has_none() {
    let (crm, _broker) = Harness::with_broker().await;
    let applied = apply(&crm, "A", "lead_created", json!([{"set_metadata": {"a": "b"}}])).await;
    let id = applied["id"].as_str().unwrap();
    crm.make("/leads", json!({"name": "G"})).await;
    let done = waited_run(&crm, &applied, |run| run["state"] == "completed").await;
    let (status, body) = crm.get(&format!("/automations/{id}/runs")).await;
    assert_eq!((status, &body["data"][0]["id"]), (200, &done["id"]));
    assert_eq!(body["meta"], json!({"page": 1, "limit": 25, "total": 1, "total_pages": 1}));
    for (query, answer) in
        [("state=completed", (200, 1)), ("state=dead_letter", (200, 0)), ("state=odd", (422, 0))]
    {
        let (status, body) = crm.get(&format!("/automations/{id}/runs?{query}")).await;
        assert_eq!((status, body["meta"]["total"].as_u64().unwrap_or(0)), answer, "{query}");
    }
    let foreign = crm.service.request(&key("globex"), Method::GET, &format!("/api/v1/automations/{id}/runs"));
    assert_eq!(read(foreign.send().await.unwrap()).await.0, 404);
    crm.patch(&format!("/automations/{id}"), json!({"active": false})).await;
    let other = apply(&crm, "B", "lead_created", json!([{"set_metadata": {"a": "b"}}])).await;
    crm.make("/leads", json!({"name": "G"})).await;
    waited_run(&crm, &other, |run| run["state"] == "completed").await;
    assert_eq!(runs_of(&crm, &applied).await.len(), 1);
}
