//! `leadwire dlq` against a real RabbitMQ: messages die in a consumer, an operator finds out why and replays them.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

use contracts::Service;
use contracts::event::BATCH_CONTENT_TYPE;
use contracts::topology::{LEAD_INTAKE_ORCHESTRATOR, LEAD_INTAKE_OUTCOMES, RETRY_STEPS, WorkQueue};
use platform::clock::Clock;
use platform::lifecycle::{Shutdown, Tasks};
use platform::messaging::OutboundMessage;
use platform_broker::dead_letters::DeadLetters;
use platform_broker::topology::Topology;
use platform_broker::{Broker, HandleError, Handler, Incoming};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use testkit::broker::TestBroker;
use testkit::{eventually, unique_id};
use uuid::Uuid;

const QUEUE: &str = LEAD_INTAKE_ORCHESTRATOR.name;
const DEAD: &str = "lead-intake.orchestrator.dlq";
const QUEUES: [WorkQueue; 2] = [LEAD_INTAKE_ORCHESTRATOR, LEAD_INTAKE_OUTCOMES];
const ACME: &str = "0190b3c4-0000-7000-8000-00000000000a";
const OTHER: &str = "0190b3c4-0000-7000-8000-00000000000b";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Refuses everything.
struct Broken;

impl Handler for Broken {
    const QUEUE: WorkQueue = LEAD_INTAKE_ORCHESTRATOR;
    const BATCH: usize = 50;
    type Message = Value;

    async fn handle(&self, _: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        Err(HandleError::permanent("HubSpot refused the lead"))
    }
}

fn message(tenant: &str, body: &str) -> OutboundMessage {
    OutboundMessage {
        message_id: unique_id(),
        exchange: "",
        routing_key: QUEUE.to_owned(),
        kind: "lead.created".to_owned(),
        content_type: "application/json",
        headers: vec![
            ("tenant-id".to_owned(), tenant.to_owned()),
            ("traceparent".to_owned(), format!("00-{TRACE}-00f067aa0ba902b7-01")),
        ],
        payload: body.to_owned().into(),
    }
}

/// Several events of an organisation in one message, which has the id of the first, as outboxes publish neighbours.
fn batch(tenant: &str, events: &[Value]) -> OutboundMessage {
    let id = events[0]["id"].as_str().unwrap().parse().unwrap();
    let body = json!(events).to_string();
    OutboundMessage { message_id: id, content_type: BATCH_CONTENT_TYPE, ..message(tenant, &body) }
}

/// So many leads of each organisation and so many unreadable messages, all dead.
async fn dead(acme: usize, other: usize, garbage: usize) -> (TestBroker, Vec<OutboundMessage>) {
    let body = json!({"email": "grace@example.com", "note": "a\u{1b}[2Jb"}).to_string();
    let mut messages = Vec::new();
    for (count, tenant, body) in [(acme, ACME, body.as_str()), (other, OTHER, &body), (garbage, ACME, "{")] {
        messages.extend((0..count).map(|_| message(tenant, body)));
    }
    (all_dead(&messages).await, messages)
}

/// A broker in which these messages have died.
async fn all_dead(messages: &[OutboundMessage]) -> TestBroker {
    let vhost = TestBroker::start().await;
    vhost.apply(Topology { queues: &QUEUES, retry_steps: &RETRY_STEPS }).await;
    let shutdown = Shutdown::new();
    let tasks = Tasks::new(shutdown.clone());
    let broker =
        Broker::start(&vhost.settings(), Service::LeadIntake, Clock::system(), &tasks, &shutdown).unwrap();
    eventually("the broker", async || broker.health().problems().is_empty().then_some(())).await;
    // Not by a service's own publisher, which publishes nothing but events.
    for message in messages {
        let headers: Map<_, _> =
            message.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let properties = json!({
            "message_id": message.message_id, "type": message.kind, "content_type": message.content_type,
            "delivery_mode": 2, "headers": headers,
        });
        let payload = std::str::from_utf8(&message.payload).unwrap();
        vhost.publish(message.exchange, &message.routing_key, properties, payload).await;
    }
    broker.consume(Broken);
    let operator = DeadLetters::connect(&vhost.settings(), "test").await.unwrap();
    let all = u32::try_from(messages.len()).unwrap();
    eventually("all are dead", async || (depth(&operator, DEAD).await == all).then_some(())).await;
    shutdown.begin();
    assert!(tasks.drain(Duration::from_secs(10)).await);
    broker.close().await;
    vhost
}

async fn depth(operator: &DeadLetters, queue: &str) -> u32 {
    operator.depth(queue).await.unwrap().map_or(0, |depth| depth.messages)
}

fn command(vhost: &TestBroker, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadwire"));
    command.arg("dlq").args(arguments).env("AMQP_URL", vhost.url()).env("LEADWIRE_OPERATOR", "ada");
    for variable in ["LEADWIRE_URL", "LEADWIRE_ADMIN_KEY", "GATEWAY_URL"] {
        command.env_remove(variable);
    }
    command
}

fn run(vhost: &TestBroker, arguments: &[&str]) -> Output {
    command(vhost, arguments).output().unwrap()
}

/// What a command that succeeds prints.
fn said(vhost: &TestBroker, arguments: &[&str]) -> String {
    let output = run(vhost, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn document(vhost: &TestBroker, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(vhost, &[arguments, &["--json"]].concat())).unwrap()
}

fn ids(document: &Value) -> Vec<&str> {
    document["data"].as_array().unwrap().iter().map(|letter| letter["messageId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_reason_of_every_dead_letter_is_one_command_away_and_looking_changes_nothing() {
    let (vhost, messages) = dead(7, 3, 2).await;
    let before = ids(&document(&vhost, &["peek", "--queue", QUEUE]))
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    assert_eq!(before.len(), 12);

    let list = document(&vhost, &["ls"]);
    let line = list["data"].as_array().unwrap().iter().find(|line| line["name"] == DEAD).unwrap();
    assert_eq!(line["depth"], 12);
    assert_eq!(line["lastHour"], 12);
    assert_eq!(line["mostFrequent"], "permanent: HubSpot refused the lead");
    assert!(line["oldest"].is_string());

    let reasons = document(&vhost, &["stats", "--queue", QUEUE]);
    assert_eq!(reasons["total"], 12);
    assert_eq!(reasons["data"][0]["count"], 10);
    assert!(reasons["data"][1]["key"].as_str().unwrap().starts_with("undecodable: "), "{reasons}");
    let tenants = document(&vhost, &["stats", "--by", "tenant", "--reason", "permanent"]);
    assert_eq!(tenants["data"][0]["key"], ACME);
    assert_eq!(tenants["data"][1]["count"], 3);

    let id = messages[0].message_id.to_string();
    let page = said(&vhost, &["show", &id]);
    for part in ["permanent", "HubSpot refused the lead", TRACE, "grace@example.com", "lead.created"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains('\u{1b}'), "an escape sequence reaches the terminal");
    assert_eq!(document(&vhost, &["show", &id])["data"][0]["payload"]["email"], "grace@example.com");
    let missing = run(&vhost, &["show", &Uuid::nil().to_string()]);
    assert_eq!(missing.status.code(), Some(1));

    let exported = said(&vhost, &["export", "--queue", QUEUE, "--tenant", OTHER]);
    let lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["headers"]["tenant-id"] == OTHER));

    assert!(said(&vhost, &["ls"]).contains("permanent: HubSpot refused the lead"));
    assert_eq!(ids(&document(&vhost, &["peek", "--queue", QUEUE])), before, "the queue is as it was");
}

#[tokio::test]
async fn a_replay_that_is_killed_again_and_again_brings_each_message_back_once_and_touches_no_other() {
    let (vhost, messages) = dead(240, 30, 5).await;
    let wish = ["replay", "--queue", QUEUE, "--tenant", ACME, "--reason", "permanent"];
    assert_eq!(document(&vhost, &[&wish[..], &["--dry-run"]].concat())["wouldReplay"], 240);
    let operator = DeadLetters::connect(&vhost.settings(), "test").await.unwrap();
    assert_eq!(depth(&operator, QUEUE).await, 0);

    let unaudited = run(&vhost, &wish);
    assert!(!unaudited.status.success());
    assert!(String::from_utf8_lossy(&unaudited.stderr).contains("--unaudited"));

    for (round, reached) in [1, 60, 120, 180].into_iter().enumerate() {
        let resume: &[&str] = if round == 0 { &[] } else { &["--resume"] };
        let arguments = [&wish[..], &["--unaudited", "--rate", "300/s"], resume].concat();
        let mut child =
            command(&vhost, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually("it has come so far", async || (depth(&operator, QUEUE).await >= reached).then_some(()))
            .await;
        kill(&mut child);
    }
    let again = run(&vhost, &[&wish[..], &["--unaudited"]].concat());
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("--resume"),
        "an interrupted replay is not forgotten"
    );
    // The filter is the one that the replay was begun with.
    said(&vhost, &["replay", "--queue", QUEUE, "--resume", "--unaudited"]);

    eventually("all are back", async || (depth(&operator, QUEUE).await >= 240).then_some(())).await;
    let back = vhost.take(QUEUE).await;
    let came: BTreeSet<_> = back.iter().map(|message| message.message_id().to_owned()).collect();
    let meant: BTreeSet<_> = messages[..240].iter().map(|message| message.message_id.to_string()).collect();
    assert_eq!((back.len(), &came), (240, &meant), "each exactly once");
    assert!(back.iter().all(|message| message.header("x-replayed-by") == "ada"));
    assert!(back.iter().all(|message| message.header("x-attempt").is_null()), "attempts begin anew");
    assert_eq!(depth(&operator, DEAD).await, 35, "nothing else was touched");
    let done = run(&vhost, &["replay", "--queue", QUEUE, "--resume", "--unaudited"]);
    assert_eq!(done.status.code(), Some(1), "there is nothing left to resume");
}

#[tokio::test]
async fn a_purge_says_first_what_it_would_delete() {
    let (vhost, _) = dead(4, 2, 0).await;
    let purge = ["purge", "--queue", QUEUE, "--tenant", OTHER];
    let asked = run(&vhost, &purge);
    assert_eq!(asked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&asked.stdout).contains("would delete 2"));
    assert_eq!(document(&vhost, &[&purge[..], &["--confirm", "--unaudited"]].concat())["purged"], 2);
    let operator = DeadLetters::connect(&vhost.settings(), "test").await.unwrap();
    assert_eq!(depth(&operator, DEAD).await, 4);
    let unknown = run(&vhost, &["peek", "--queue", "lead-intake.orchestra"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains(QUEUE), "the queues that there are are named");
}

#[tokio::test]
async fn every_event_of_a_message_that_carries_several_finds_it_and_they_go_together() {
    let traces = ["4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"];
    let event = |kind: &str, trace: &str| {
        let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
        json!({"id": unique_id(), "type": kind, "tenantid": ACME, "traceparent": traceparent, "data": {"n": 1}})
    };
    // Applications name the types of what they ingest, so that a message may carry several of these, too.
    let events = [event("lead.created", traces[0]), event("order.placed", traces[1])];
    let of = |number: usize| events[number]["id"].as_str().unwrap();
    let together = batch(ACME, &events);
    let other = message(OTHER, "{\"n\": 2}");
    let vhost = all_dead(&[together.clone(), other.clone()]).await;

    let public = format!("evt_{}", of(1).replace('-', ""));
    for id in [of(0), of(1), &public] {
        let shown = document(&vhost, &["show", id]);
        assert_eq!((ids(&shown), &shown["data"][0]["payload"]), (vec![of(0)], &json!(events)), "{id}");
        assert_eq!(shown["data"][0]["events"][1]["traceId"], traces[1]);
        let page = said(&vhost, &["show", id]);
        assert!(page.contains("HubSpot refused the lead") && page.contains("2 events"), "{page}");
        let line = page.lines().find(|line| line.contains('<')).unwrap();
        let asked_for = usize::from(id != of(0));
        assert!(line.contains(of(asked_for)) && line.contains(traces[asked_for]), "{page}");
    }
    assert_eq!(run(&vhost, &["show", &Uuid::nil().to_string()]).status.code(), Some(1));

    let found = |filter: &[&str]| {
        let exported = said(&vhost, &[&["export", "--queue", QUEUE], filter].concat());
        exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    for (filter, letters) in [
        (["--type", "lead.created"], 2),
        (["--type", "order.placed"], 1),
        (["--type", "lead.completed"], 0),
        (["--tenant", ACME], 1),
        (["--id", of(1)], 1),
    ] {
        assert_eq!(found(&filter).len(), letters, "{filter:?}");
    }
    assert_eq!(found(&["--id", of(1), "--id", &other.message_id.to_string()]).len(), 2);
    assert_eq!(found(&["--id", of(1)])[0]["payload"][1]["id"], of(1));
    let listed = said(&vhost, &["peek", "--queue", QUEUE, "--tenant", ACME]);
    assert!(listed.contains("lead.created x2"), "{listed}");

    let asked = run(&vhost, &["purge", "--queue", QUEUE, "--id", of(1), "--json"]);
    let would: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!((&would["wouldPurge"], &would["events"]), (&json!(1), &json!(2)), "neighbours would go, too");
    let replayed = document(&vhost, &["replay", "--queue", QUEUE, "--id", of(1), "--unaudited"]);
    assert_eq!(replayed["replayed"], 1);
    eventually("it is back", async || {
        let back = vhost.peek(QUEUE).await;
        let message = back.first()?;
        assert_eq!((message.message_id(), message.payload.as_bytes()), (of(0), &together.payload[..]));
        assert_eq!(message.properties["content_type"], BATCH_CONTENT_TYPE);
        Some(())
    })
    .await;
}

/// SIGKILL.
fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
