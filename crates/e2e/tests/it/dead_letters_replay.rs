//! A replica of the gateway is killed while it sends dead letters back: another one goes on, and nothing is sent twice.

use contracts::Service;
use e2e::system::System;
use reqwest::{Method, Url, redirect};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::{answer, eventually, eventually_within, http, unique_id};

/// Its consumer is killed, so that what comes back to work can be looked at.
const QUEUE: &str = "crm-resources.organizations";
const DEAD: &str = "crm-resources.organizations.dlq";
const MANY: usize = 60;
/// Messages per second: a replay of some seconds.
const RATE: u32 = 20;
/// Before one replica dies.
const BEFORE: u64 = 10;
/// A lease of 15 s, until somebody looks, and the rest of the messages.
const TAKEOVER: Duration = Duration::from_secs(25);

/// Calls RabbitMQ's management API, below the host of this system.
async fn manage(system: &System, method: Method, path: &[&str], body: &Value) -> Value {
    let mut url: Url = system.address("RABBITMQ_MANAGEMENT_URL").parse().unwrap();
    let (user, password) = (url.username().to_owned(), url.password().map(str::to_owned));
    url.set_username("").unwrap();
    url.set_password(None).unwrap();
    url.path_segments_mut().unwrap().pop_if_empty().push("api").extend(path);
    let request = http().request(method, url).basic_auth(user, password).json(body);
    let response = request.send().await.unwrap();
    let (status, told) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "{path:?}: {status} {told}");
    serde_json::from_str(&told).unwrap_or_default()
}

/// Puts a message where it lies when its service has given it up.
async fn die(system: &System, id: &str) {
    let payload = json!({"id": id, "type": "organization.updated", "data": {}}).to_string();
    let properties = json!({
        "message_id": id, "type": "organization.updated", "content_type": "application/cloudevents+json",
        "delivery_mode": 2, "headers": {"x-error-kind": "permanent", "x-first-queue": QUEUE},
    });
    let body = json!({"properties": properties, "routing_key": DEAD, "payload": payload, "payload_encoding": "string"});
    let told =
        manage(system, Method::POST, &["exchanges", "leadwire", "amq.default", "publish"], &body).await;
    assert_eq!(told["routed"], true);
}

/// The ids of what lies in a queue, in its order. It stays there.
async fn ids(system: &System, queue: &str) -> Vec<String> {
    let body = json!({"count": 1000, "ackmode": "ack_requeue_true", "encoding": "auto"});
    let found = manage(system, Method::POST, &["queues", "leadwire", queue, "get"], &body).await;
    let id = |one: &Value| one["properties"]["message_id"].as_str().unwrap().to_owned();
    found.as_array().unwrap().iter().map(id).collect()
}

async fn empty(system: &System) {
    for queue in [QUEUE, DEAD] {
        manage(system, Method::DELETE, &["queues", "leadwire", queue, "contents"], &Value::Null).await;
    }
}

/// The console's page of a replay, for an administrator who signs in at a replica.
async fn page(gateway: &str, key: &str, replay: &str) -> String {
    let http = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
    let sign_in = http.post(format!("{gateway}/console/sign-in"));
    let form = sign_in.header("content-type", "application/x-www-form-urlencoded").body(format!("key={key}"));
    let signed_in = form.send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = http.get(format!("{gateway}/console/dead-letters/broker/{QUEUE}/replays/{replay}"));
    page.header("cookie", cookie).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_replay_goes_on_elsewhere_when_its_replica_is_killed_and_brings_each_message_back_once() {
    let mut system = System::start(&[]);
    system.scale(Service::Gateway, 2);
    let (first, key) = (system.address("LEADWIRE_URL").to_owned(), system.address("LEADWIRE_ADMIN_KEY"));
    let mut second: Url = first.parse().unwrap();
    second.set_port(second.port().map(|port| port + 10)).unwrap();
    let second = second.as_str().trim_end_matches('/').to_owned();
    system.signal(Service::CrmResources, "KILL");
    eventually("nobody consumes", async || {
        let queue = manage(&system, Method::GET, &["queues", "leadwire", QUEUE], &Value::Null).await;
        (queue["consumer_details"] == json!([])).then_some(())
    })
    .await;
    empty(&system).await;
    let died: Vec<_> = (0..MANY).map(|_| unique_id().to_string()).collect();
    for id in &died {
        die(&system, id).await;
    }

    // The first one sleeps while somebody takes the replay.
    let replays = format!("api/v1/admin/dead-letter-queues/{QUEUE}/replays");
    system.signal_process("gateway", "STOP");
    let begun = http().post(format!("{second}/{replays}")).bearer_auth(key);
    let (status, replay) = answer(begun.json(&json!({"ratePerSecond": RATE}))).await;
    assert_eq!(status, 202, "{replay}");
    let id = replay["id"].as_str().unwrap();
    let state = async |gateway: &str| {
        let found = http().get(format!("{gateway}/{replays}/{id}")).bearer_auth(key);
        answer(found).await.1
    };
    eventually("some are back at work", async || {
        let moved = state(&second).await["moved"].as_u64();
        moved.filter(|moved| *moved >= BEFORE)
    })
    .await;
    system.signal_process("gateway-2", "KILL");
    system.signal_process("gateway", "CONT");

    let left = ids(&system, DEAD).await.len();
    assert!((1..=MANY - usize::try_from(BEFORE).unwrap()).contains(&left), "{left} were left");
    let shown = page(&first, key, id).await;
    assert!(shown.contains("running") && shown.contains("<progress"), "{shown}");
    let ended = eventually_within(TAKEOVER, "another replica goes on to the end", async || {
        let replay = state(&first).await;
        (replay["state"] == "COMPLETED").then_some(replay)
    })
    .await;
    assert_eq!((&ended["moved"], &ended["total"], &ended["left"]), (&json!(MANY), &json!(MANY), &json!(0)));
    let shown = page(&first, key, id).await;
    assert!(shown.contains("completed") && shown.contains(&format!("{MANY} of {MANY}")), "{shown}");
    assert_eq!(ids(&system, DEAD).await, Vec::<String>::new());
    let back = ids(&system, QUEUE).await;
    let distinct: BTreeSet<_> = back.iter().collect();
    assert_eq!((back.len(), distinct), (MANY, died.iter().collect()), "each once");
    empty(&system).await;
}
