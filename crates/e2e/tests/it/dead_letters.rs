//! An operator on a running system: what died and why, forgetting a person also there, sending the rest back, and
//! all of it in the audit log.

use e2e::partner::{Partner, lead, new_slug};
use e2e::system::System;
use reqwest::Url;
use serde_json::{Value, json};
use std::process::{Command, Output};
use testkit::{answer, eventually, http, unique_id};

const QUEUE: &str = "lead-intake.orchestrator";
const DEAD: &str = "lead-intake.orchestrator.dlq";

/// Runs `leadwire` with everything that an operator has.
fn leadwire(system: &System, arguments: &[&str]) -> Output {
    let tests = std::env::current_exe().unwrap();
    let mut programs = tests.ancestors().map(|folder| folder.join("leadwire"));
    let mut command = Command::new(programs.find(|program| program.is_file()).unwrap());
    command.args(arguments).env("LEADWIRE_OPERATOR", "ada").envs(system.secrets());
    for name in [
        "LEADWIRE_URL",
        "LEADWIRE_ADMIN_KEY",
        "GATEWAY_URL",
        "AMQP_URL",
        "DATABASE_URL",
        "REDIS_URL",
        "RABBITMQ_MANAGEMENT_URL",
    ] {
        command.env(name, system.address(name));
    }
    command.output().unwrap()
}

/// The answer of a command that succeeds.
fn document(system: &System, arguments: &[&str]) -> Value {
    let output = leadwire(system, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Puts a message into the work queue, as a publisher with a defect would.
async fn publish(system: &System, id: &str, tenant: &str, payload: &str) {
    let mut url: Url = system.address("RABBITMQ_MANAGEMENT_URL").parse().unwrap();
    let (user, password) = (url.username().to_owned(), url.password().unwrap().to_owned());
    url.set_username("").unwrap();
    url.set_password(None).unwrap();
    url.path_segments_mut().unwrap().pop_if_empty().extend([
        "api",
        "exchanges",
        "leadwire",
        "amq.default",
        "publish",
    ]);
    let properties = json!({"message_id": id, "type": "lead.created", "delivery_mode": 2, "headers": {"tenant-id": tenant}});
    let body = json!({"properties": properties, "routing_key": QUEUE, "payload": payload, "payload_encoding": "string"});
    let (status, told) = answer(http().post(url).basic_auth(user, Some(password)).json(&body)).await;
    assert_eq!((status, &told["routed"]), (200, &json!(true)));
}

#[tokio::test]
async fn an_operator_finds_out_why_messages_died_forgets_a_person_there_and_replays_the_rest() {
    let system = System::start(&[]);
    let (url, key) = (system.address("LEADWIRE_URL"), system.address("LEADWIRE_ADMIN_KEY"));
    let partner = Partner::sign_up(url, key, &new_slug("operator")).await;
    partner.submit(&lead()).await;
    let (_, organizations) =
        answer(http().get(format!("{url}/api/v1/organizations?limit=100")).bearer_auth(key)).await;
    let tenant =
        organizations["data"].as_array().unwrap().iter().find(|one| one["slug"] == partner.slug.as_str());
    let tenant = tenant.unwrap()["id"].as_str().unwrap().to_owned();

    let ids: Vec<_> = (0..3).map(|_| unique_id().to_string()).collect();
    let event = |id: &str, email: &str| {
        json!({"id": id, "tenantid": tenant, "data": {"email": email, "amount": 5}}).to_string()
    };
    publish(&system, &ids[0], &tenant, &event(&ids[0], "grace@example.com")).await;
    publish(&system, &ids[1], &tenant, &event(&ids[1], "alan@example.com")).await;
    publish(&system, &ids[2], &tenant, "{\"email\": \"grace@example.com\"").await;
    eventually("three are dead", async || (system.depth(DEAD).await == 3).then_some(())).await;

    let list = document(&system, &["dlq", "ls"]);
    let line = list["data"].as_array().unwrap().iter().find(|line| line["name"] == DEAD).unwrap();
    assert_eq!((&line["depth"], &line["lastHour"]), (&json!(3), &json!(3)), "{list}");
    let letter = document(&system, &["dlq", "show", &ids[1]]);
    assert_eq!(letter["data"][0]["queue"], DEAD);
    assert!(letter["data"][0]["reason"].is_string() && letter["data"][0]["error"].is_string(), "{letter}");

    let erased =
        document(&system, &["erase", "--organization", &partner.slug, "--email", "Grace@example.com"]);
    assert_eq!(erased["deadLetters"], json!({"redacted": 1, "removed": 1}), "{erased}");
    let left = leadwire(&system, &["dlq", "export", "--queue", QUEUE]);
    let left = String::from_utf8(left.stdout).unwrap();
    assert!(!left.contains("grace@example.com") && left.contains("alan@example.com"), "{left}");
    assert!(left.contains(&ids[0]), "the event keeps its id");

    let replayed = document(&system, &["dlq", "replay", "--queue", QUEUE, "--id", &ids[1]]);
    assert_eq!(replayed["replayed"], 1);
    // It is as wrong as it was, dies again, and says that it was replayed.
    let again = eventually("it is back", async || {
        let letter = leadwire(&system, &["dlq", "show", &ids[1], "--json"]);
        serde_json::from_slice::<Value>(&letter.stdout)
            .ok()
            .filter(|letter| letter["data"][0]["replayedBy"] == "ada")
    })
    .await;
    assert_eq!(again["data"][0]["attempts"], 1, "with a fresh budget of attempts");

    let (_, log) =
        answer(http().get(format!("{url}/api/v1/audit-log?actor=operator:ada")).bearer_auth(key)).await;
    let actions: Vec<_> =
        log["data"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions[..3], ["dlq.replayed", "dlq.replay_started", "dlq.person_erased"], "{log}");
    assert!(!log.to_string().contains("grace"), "the log does not say who was forgotten");

    let purged = document(&system, &["dlq", "purge", "--queue", QUEUE, "--confirm"]);
    assert_eq!(purged["purged"], 2);
    let doctor = leadwire(&system, &["doctor", "--json"]);
    let report: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let broken: Vec<_> =
        report["data"].as_array().unwrap().iter().filter(|one| one["level"] == "broken").collect();
    assert!(broken.is_empty(), "{broken:?}");
}
