//! `/api/v1/admin/dead-letter-queues`: looking at what lies in the broker, and sending it back to work.

use crate::harness::{Harness, text};
use chrono::{DateTime, Utc};
use contracts::topology::{LEAD_INTAKE_ORCHESTRATOR, LEAD_INTAKE_OUTCOMES, WORK_QUEUES, WorkQueue};
use platform_broker::dead_letters::{DeadLetters, Filter, Marks, Plan};
use platform_broker::topology::Topology;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{answer, eventually};
use uuid::Uuid;

const ALL: &str = "/api/v1/admin/dead-letter-queues";
const QUEUE: &str = LEAD_INTAKE_ORCHESTRATOR.name;
const DEAD: &str = "lead-intake.orchestrator.dlq";
const QUEUES: [WorkQueue; 2] = [LEAD_INTAKE_ORCHESTRATOR, LEAD_INTAKE_OUTCOMES];
const ACME: &str = "0190b3c4-0000-7000-8000-00000000000a";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const REFUSED: &str = "HubSpot refused the lead";
const DIED: &str = "2026-01-02T03:04:05Z";

async fn gateway() -> Harness {
    let gateway = Harness::start().await;
    gateway.broker.apply(Topology { queues: &QUEUES, retry_steps: &[] }).await;
    gateway
}

/// So many messages of a type that died of the same; their ids.
async fn dead(gateway: &Harness, count: usize, kind: &str, reason: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let id = testkit::unique_id().to_string();
        let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let properties = json!({
            "message_id": id, "type": kind, "app_id": "lead-intake", "content_type": "application/json", "delivery_mode": 2,
            "headers": {
                "x-error": REFUSED, "x-error-kind": reason, "x-dead-lettered-at": DIED, "x-attempts": 3,
                "x-first-queue": QUEUE, "tenant-id": ACME, "traceparent": traceparent,
            },
        });
        let payload =
            json!({"id": id, "type": kind, "tenantid": ACME, "data": {"email": "grace@example.com"}});
        gateway.broker.publish("", DEAD, properties, &payload.to_string()).await;
        ids.push(id);
    }
    ids
}

async fn get(gateway: &Harness, path: &str) -> Value {
    let (status, body) = answer(gateway.admin(Method::GET, &format!("{ALL}{path}"))).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn post(gateway: &Harness, path: &str, body: &Value) -> (u16, Value) {
    answer(gateway.admin(Method::POST, &format!("{ALL}/{QUEUE}{path}")).json(body)).await
}

/// A replay that was begun.
async fn replay(gateway: &Harness, body: &Value) -> String {
    let (status, replay) = post(gateway, "/replays", body).await;
    assert_eq!((status, &replay["state"]), (202, &json!("QUEUED")), "{replay}");
    format!("/{QUEUE}/replays/{}", text(&replay["id"]))
}

/// Waits until a replay is in a state.
async fn comes_to(gateway: &Harness, replay: &str, state: &str) -> Value {
    eventually(state, async || Some(get(gateway, replay).await).filter(|replay| replay["state"] == state))
        .await
}

/// The ids of what lies in a queue, each once.
async fn ids_in(gateway: &Harness, queue: &str) -> BTreeSet<String> {
    let messages = gateway.broker.peek(queue).await;
    let ids: BTreeSet<_> = messages.iter().map(|message| message.message_id().to_owned()).collect();
    assert_eq!(ids.len(), messages.len(), "{queue} has a message twice");
    ids
}

fn set(ids: &[String]) -> BTreeSet<String> {
    ids.iter().cloned().collect()
}

async fn audited(gateway: &Harness) -> Vec<Value> {
    let (_, log) = answer(gateway.admin(Method::GET, "/api/v1/audit-log?limit=100")).await;
    let of_queue = |entry: &&Value| entry["target"] == format!("queue:{QUEUE}");
    log["data"].as_array().unwrap().iter().rev().filter(of_queue).cloned().collect()
}

#[tokio::test]
async fn an_administrator_sees_every_queue_and_looks_inside_and_nothing_is_taken_out() {
    let gateway = gateway().await;
    let permanent = dead(&gateway, 3, "lead.created", "permanent").await;
    let exhausted = dead(&gateway, 2, "lead.updated", "exhausted").await;
    let listed = get(&gateway, "").await["data"].as_array().unwrap().clone();
    assert_eq!(listed.len(), WORK_QUEUES.len() + 1, "every work queue, and the unrouted");
    let of = |name: &str| listed.iter().find(|line| line["queue"] == name).unwrap();
    let line = of(QUEUE);
    assert_eq!((&line["deadLetterQueue"], &line["service"]), (&json!(DEAD), &json!("lead-intake")));
    assert_eq!((&line["messages"], &line["lastHour"], &line["inUse"]), (&json!(5), &json!(0), &json!(false)));
    assert_eq!((&line["oldest"], &line["replay"]), (&json!(DIED), &Value::Null));
    assert_eq!(line["mostFrequent"], format!("permanent: {REFUSED}"));
    assert_eq!(of("lead-intake.outcomes")["messages"], 0);
    assert_eq!(of("ingest.organizations")["messages"], Value::Null, "the broker does not have it");
    assert_eq!(of("events.unrouted")["service"], Value::Null);

    let inside = get(&gateway, &format!("/{QUEUE}/messages?limit=2&page=2")).await;
    assert_eq!(inside["pagination"], json!({"page": 2, "limit": 2, "total": 5, "totalPages": 3}));
    assert_eq!((&inside["lookedAt"], &inside["complete"]), (&json!(5), &json!(true)));
    let rows = inside["data"].as_array().unwrap();
    assert_eq!([text(&rows[0]["messageId"]), text(&rows[1]["messageId"])], [&permanent[2], &exhausted[0]]);
    let counts: Vec<_> = inside["groups"].as_array().unwrap().iter().map(|group| &group["count"]).collect();
    assert_eq!(counts, [3, 2]);
    for (query, wanted) in [
        ("type=lead.updated", 2),
        ("reason=permanent", 3),
        ("reason=hubspot", 5),
        (&format!("organization={ACME}"), 5),
        (&format!("organization={}", testkit::unique_id()), 0),
        (&format!("id={}", exhausted[1]), 1),
        ("since=2026-01-02T03:04:06Z", 0),
        ("until=2026-01-02T03:04:06Z&by=type", 5),
    ] {
        let inside = get(&gateway, &format!("/{QUEUE}/messages?{query}")).await;
        assert_eq!(inside["pagination"]["total"], wanted, "{query}");
        assert!(!inside.to_string().contains("grace"), "a list shows no payload");
    }

    let public = format!("evt_{}", exhausted[0].replace('-', ""));
    let one = get(&gateway, &format!("/{QUEUE}/messages/{public}")).await;
    assert_eq!((&one["messageId"], &one["attempts"]), (&json!(exhausted[0]), &json!(3)));
    assert_eq!((&one["reason"], &one["error"]), (&json!("exhausted"), &json!(REFUSED)));
    assert_eq!((&one["traceId"], &one["events"][0]["id"]), (&json!(TRACE), &json!(exhausted[0])));
    assert_eq!(one["payload"]["data"]["email"], "grace@example.com");
    let export = format!("{ALL}/{QUEUE}/export?reason=exhausted");
    let exported = gateway.admin(Method::GET, &export).send().await.unwrap().text().await.unwrap();
    let mut lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    // The broker's count of looks is among the headers.
    lines[0]["headers"] = one["headers"].clone();
    assert_eq!(lines[0], one, "an export has what one message shows");
    assert_eq!(ids_in(&gateway, DEAD).await.len(), 5);
    assert!(audited(&gateway).await.is_empty(), "looking leaves no trace");
}

#[tokio::test]
async fn a_replay_sends_back_what_is_meant_and_no_more_and_is_in_the_audit_log() {
    let gateway = gateway().await;
    let meant = dead(&gateway, 6, "lead.created", "permanent").await;
    let others = dead(&gateway, 4, "lead.updated", "permanent").await;
    let wish = json!({"filter": {"type": "lead.created", "reason": "refused"}, "ratePerSecond": 10});
    let request = || {
        let asked = gateway.admin(Method::POST, &format!("{ALL}/{QUEUE}/replays"));
        asked.header("Idempotency-Key", "k").json(&wish)
    };
    let ((status, begun), (again, same)) = (answer(request()).await, answer(request()).await);
    assert_eq!((status, again), (202, 202));
    assert_eq!(begun, same, "asked for twice, begun once");
    let replay = format!("/{QUEUE}/replays/{}", text(&begun["id"]));
    let done = comes_to(&gateway, &replay, "COMPLETED").await;
    assert_eq!((&done["total"], &done["moved"], &done["left"]), (&json!(6), &json!(6), &json!(0)));
    assert_eq!((&done["error"], &done["filter"]["type"]), (&Value::Null, &json!("lead.created")));
    assert!(done["endedAt"].is_string());
    assert_eq!(ids_in(&gateway, QUEUE).await, set(&meant));
    assert_eq!(ids_in(&gateway, DEAD).await, set(&others));
    let by = done["requestedBy"].clone();
    for message in gateway.broker.peek(QUEUE).await {
        assert_eq!(message.header("x-replayed-by"), &by);
        assert_eq!(message.header("x-attempts"), &Value::Null, "with a fresh budget of attempts");
    }
    let log = audited(&gateway).await;
    let actions: Vec<_> = log.iter().map(|entry| text(&entry["action"])).collect();
    assert_eq!(actions, ["dlq.replay_started", "dlq.replayed"]);
    assert_eq!((&log[0]["actor"], &log[1]["actor"]), (&by, &by));
    assert_eq!((&log[1]["after"]["moved"], &log[0]["organizationId"]), (&json!(6), &Value::Null));
    let listed = get(&gateway, &format!("/{QUEUE}/replays")).await;
    assert_eq!((&listed["pagination"]["total"], &listed["data"][0]), (&json!(1), &done));
    for action in ["cancel", "resume"] {
        let (status, refused) =
            post(&gateway, &format!("{}/{action}", &replay[QUEUE.len() + 1..]), &json!({})).await;
        assert_eq!(status, 409, "{action}: {refused}");
    }
}

#[tokio::test]
async fn messages_that_were_chosen_one_by_one_go_back_and_no_others() {
    let gateway = gateway().await;
    let died = dead(&gateway, 4, "lead.created", "permanent").await;
    for none in [json!([]), json!("all"), json!([""]), json!(vec!["m"; 101])] {
        let (status, refused) = post(&gateway, "/replays", &json!({"filter": {"ids": none}})).await;
        assert_eq!((status, &refused["error"]), (400, &json!("VALIDATION_ERROR")), "{refused}");
    }
    let chosen = json!([died[1], died[3], "of-nobody"]);
    let replay = replay(&gateway, &json!({"filter": {"ids": chosen}})).await;
    let done = comes_to(&gateway, &replay, "COMPLETED").await;
    assert_eq!((&done["moved"], &done["total"], &done["filter"]["ids"]), (&json!(2), &json!(2), &chosen));
    assert_eq!(ids_in(&gateway, QUEUE).await, set(&[died[1].clone(), died[3].clone()]));
    assert_eq!(ids_in(&gateway, DEAD).await, set(&[died[0].clone(), died[2].clone()]));
}

#[tokio::test]
async fn a_replay_that_is_cancelled_leaves_the_rest_dead_and_goes_on_when_it_is_resumed() {
    let gateway = gateway().await;
    let meant = dead(&gateway, 16, "lead.created", "permanent").await;
    let path = replay(&gateway, &json!({"ratePerSecond": 4})).await;
    let below = &path[QUEUE.len() + 1..];
    eventually("some are moved", async || {
        let seen = get(&gateway, &path).await;
        (seen["total"] == 16 && seen["moved"].as_i64() >= Some(2)).then_some(())
    })
    .await;
    let (status, refused) = post(&gateway, "/replays", &json!({})).await;
    assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")), "one at a time: {refused}");
    let (status, refused) = answer(gateway.admin(Method::GET, &format!("{ALL}/{QUEUE}/messages"))).await;
    assert_eq!(status, 409, "{refused}");
    let listed = get(&gateway, "").await;
    let line = listed["data"].as_array().unwrap().iter().find(|line| line["queue"] == QUEUE).unwrap();
    assert_eq!((&line["inUse"], &line["replay"]["state"]), (&json!(true), &json!("RUNNING")));

    for _ in 0..2 {
        let (status, stopping) = post(&gateway, &format!("{below}/cancel"), &json!({})).await;
        assert_eq!(status, 202, "{stopping}");
    }
    let stopped = comes_to(&gateway, &path, "CANCELLED").await;
    let moved = ids_in(&gateway, QUEUE).await;
    assert_eq!(
        (&stopped["moved"], &stopped["total"]),
        (&json!(moved.len()), &json!(16)),
        "exactly what it says"
    );
    assert_eq!(ids_in(&gateway, DEAD).await.len(), 16 - moved.len());
    let later = dead(&gateway, 1, "lead.created", "permanent").await;

    let (status, going_on) = post(&gateway, &format!("{below}/resume"), &json!({})).await;
    assert_eq!((status, &going_on["state"]), (202, &json!("QUEUED")), "{going_on}");
    let done = comes_to(&gateway, &path, "COMPLETED").await;
    assert_eq!(done["left"], 0, "{done}");
    assert!(ids_in(&gateway, QUEUE).await.is_superset(&set(&meant)), "each is back, and none twice");
    let dead_or_back = &ids_in(&gateway, DEAD).await | &ids_in(&gateway, QUEUE).await;
    assert_eq!(dead_or_back, &set(&meant) | &set(&later));
    let log = audited(&gateway).await;
    let actions: Vec<_> = log.iter().map(|entry| text(&entry["action"])).collect();
    assert_eq!(actions, ["dlq.replay_started", "dlq.replay_cancelled", "dlq.replay_resumed", "dlq.replayed"]);
}

/// What a process that is killed in the middle leaves in the broker: letters that are copied and not taken out, and one
/// that is copied, taken out, and not sent on.
async fn killed_in_the_middle(gateway: &Harness, plan: &Plan) {
    let letters = DeadLetters::connect(&gateway.broker.settings(), "killed").await.unwrap();
    let mut replay = letters.replay(QUEUE).await.unwrap();
    replay.begin(serde_json::to_vec(plan).unwrap()).await.unwrap();
    let mut walk = letters.walk(DEAD).await.unwrap();
    let mut batch = Vec::new();
    for _ in 0..3 {
        batch.push(walk.next().await.unwrap().unwrap());
    }
    let marks = Marks { by: plan.by.clone(), run: plan.run.clone() };
    replay.stage(&batch, &marks).await.unwrap();
    walk.remove(&batch[..1]).await.unwrap();
    // Dropped, not ended: as the kernel closes the connection of a process that is killed.
}

#[tokio::test]
async fn what_a_killed_holder_has_left_is_gone_on_with_and_each_message_is_back_once() {
    let gateway = gateway().await;
    let meant = dead(&gateway, 8, "lead.created", "permanent").await;
    let (id, started): (Uuid, DateTime<Utc>) = (testkit::unique_id(), gateway.service.process.clock.now());
    let plan = Plan { run: id.to_string(), by: "client:c".to_owned(), started, filter: Filter::default() };
    killed_in_the_middle(&gateway, &plan).await;
    sqlx::query(
        "insert into dead_letter_replays (id, queue, filter, state, total, moved, requested_by, created_at, updated_at,
             holder, lease_until)
         values ($1, $2, '{}', 'RUNNING', 8, 0, 'client:c', $3, $3, $1, now())",
    )
    .bind(id)
    .bind(QUEUE)
    .bind(started)
    .execute(&gateway.database.pool())
    .await
    .unwrap();
    let done = comes_to(&gateway, &format!("/{QUEUE}/replays/{id}"), "COMPLETED").await;
    assert_eq!((&done["total"], &done["moved"]), (&json!(8), &json!(8)), "{done}");
    assert_eq!(ids_in(&gateway, QUEUE).await, set(&meant));
    assert!(ids_in(&gateway, DEAD).await.is_empty());
}

#[tokio::test]
async fn a_replay_does_not_get_in_the_way_of_one_that_the_command_line_has_left() {
    let gateway = gateway().await;
    let meant = dead(&gateway, 4, "lead.created", "permanent").await;
    let plan = Plan {
        run: "r".to_owned(),
        by: "operator:ada".to_owned(),
        started: gateway.service.process.clock.now(),
        filter: Filter::default(),
    };
    killed_in_the_middle(&gateway, &plan).await;
    let listed = get(&gateway, "").await;
    let line = listed["data"].as_array().unwrap().iter().find(|line| line["queue"] == QUEUE).unwrap();
    assert_eq!(line["interrupted"], true);
    let path = replay(&gateway, &json!({})).await;
    let failed = comes_to(&gateway, &path, "FAILED").await;
    assert!(text(&failed["error"]).contains("operator:ada"), "{failed}");
    assert_eq!(ids_in(&gateway, DEAD).await.len(), meant.len() - 1, "as it was left");
}

#[tokio::test]
async fn only_administrators_may_look_or_act_and_what_is_wrong_is_named() {
    let gateway = gateway().await;
    let client = gateway.client("acme").await;
    let scopes = json!({"scopes": ["leads:write", "webhooks:write", "usage:read"]});
    let key = text(&gateway.key(&client, scopes).await["key"]).to_owned();
    let id = testkit::unique_id();
    let replay = format!("/{QUEUE}/replays/{id}");
    for (method, path) in [
        (Method::GET, String::new()),
        (Method::GET, format!("/{QUEUE}/messages")),
        (Method::GET, format!("/{QUEUE}/messages/{id}")),
        (Method::GET, format!("/{QUEUE}/export")),
        (Method::POST, format!("/{QUEUE}/replays")),
        (Method::GET, format!("/{QUEUE}/replays")),
        (Method::GET, replay.clone()),
        (Method::POST, format!("{replay}/cancel")),
        (Method::POST, format!("{replay}/resume")),
    ] {
        let address = format!("{ALL}{path}");
        let asked = |key: &str| {
            let asked = gateway.with(key, method.clone(), &address);
            if method == Method::POST { asked.json(&json!({})) } else { asked }
        };
        let (status, refused) = answer(asked(&key)).await;
        assert_eq!((status, &refused["error"]), (403, &json!("FORBIDDEN")), "{method} {path}");
        if path.is_empty()
            || path.ends_with("/messages")
            || path.ends_with("/replays")
            || path.ends_with("/export")
        {
            continue;
        }
        let (status, missing) = answer(asked(&gateway.admin_key)).await;
        assert_eq!(status, 404, "{method} {path}: {missing}");
    }
    for queue in ["nowhere", DEAD, "lead-intake"] {
        let (status, _) = answer(gateway.admin(Method::GET, &format!("{ALL}/{queue}/messages"))).await;
        assert_eq!(status, 404, "{queue}");
    }
    let wrong =
        json!({"filter": {"organization": "acme", "since": "yesterday", "type": ""}, "ratePerSecond": 0});
    let (status, refused) = post(&gateway, "/replays", &wrong).await;
    let fields = refused["details"]["fields"].as_array().unwrap().iter();
    let paths: Vec<_> = fields.map(|field| text(&field["path"])).collect();
    assert_eq!(
        (status, paths),
        (400, vec!["filter.type", "filter.organization", "filter.since", "ratePerSecond"]),
        "{refused}"
    );
    let unrouted = gateway.admin(Method::POST, &format!("{ALL}/events.unrouted/replays")).json(&json!({}));
    assert_eq!(answer(unrouted).await.0, 409);
    let (status, refused) =
        answer(gateway.admin(Method::GET, &format!("{ALL}/{QUEUE}/messages?since=soon&by=hour"))).await;
    assert_eq!((status, refused["details"]["fields"].as_array().unwrap().len()), (400, 2), "{refused}");
}
