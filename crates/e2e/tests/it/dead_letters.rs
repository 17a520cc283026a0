//! An operator on a running system: what died and why, forgetting a person also there, sending the rest back, and
//! all of it in the audit log.

use contracts::event::{BATCH_CONTENT_TYPE, CONTENT_TYPE};
use e2e::delivery::verified_as;
use e2e::partner::{Partner, lead, new_slug};
use e2e::system::System;
use reqwest::Url;
use serde_json::{Value, json};
use signing::Family;
use std::collections::BTreeSet;
use std::process::{Command, Output};
use testkit::receiver::{Received, Receiver, Reply};
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
    let content_type = if payload.starts_with('[') { BATCH_CONTENT_TYPE } else { CONTENT_TYPE };
    let properties = json!({
        "message_id": id, "type": "lead.created", "content_type": content_type, "delivery_mode": 2,
        "headers": {"tenant-id": tenant},
    });
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

    let ids: Vec<_> = (0..5).map(|_| unique_id().to_string()).collect();
    let event = |id: &str, email: &str| json!({"id": id, "type": "lead.created", "tenantid": tenant, "data": {"email": email, "amount": 5}});
    publish(&system, &ids[0], &tenant, &event(&ids[0], "grace@example.com").to_string()).await;
    publish(&system, &ids[1], &tenant, &event(&ids[1], "alan@example.com").to_string()).await;
    publish(&system, &ids[2], &tenant, "{\"email\": \"grace@example.com\"").await;
    let together = json!([event(&ids[3], "alan@example.com"), event(&ids[4], "grace@example.com")]);
    publish(&system, &ids[3], &tenant, &together.to_string()).await;
    eventually("all are dead", async || (system.depth(DEAD).await == 4).then_some(())).await;

    let list = document(&system, &["dlq", "ls"]);
    let line = list["data"].as_array().unwrap().iter().find(|line| line["name"] == DEAD).unwrap();
    assert_eq!((&line["depth"], &line["lastHour"]), (&json!(4), &json!(4)), "{list}");
    let letter = document(&system, &["dlq", "show", &ids[1]]);
    assert_eq!(letter["data"][0]["queue"], DEAD);
    assert!(letter["data"][0]["reason"].is_string() && letter["data"][0]["error"].is_string(), "{letter}");
    let letter = document(&system, &["dlq", "show", &ids[4]]);
    assert_eq!(letter["data"][0]["messageId"], ids[3], "an event is found in the message that carries it");

    let erased =
        document(&system, &["erase", "--organization", &partner.slug, "--email", "Grace@example.com"]);
    assert_eq!(erased["deadLetters"], json!({"redacted": 2, "removed": 1}), "{erased}");
    let left = leadwire(&system, &["dlq", "export", "--queue", QUEUE]);
    let left = String::from_utf8(left.stdout).unwrap();
    assert!(!left.contains("grace@example.com") && left.contains("alan@example.com"), "{left}");
    assert!(left.contains(&ids[0]), "the event keeps its id");
    let letter = document(&system, &["dlq", "show", &ids[4]]);
    let (neighbour, person) = (&letter["data"][0]["payload"][0], &letter["data"][0]["payload"][1]);
    assert_eq!((neighbour, &person["id"]), (&together[0], &json!(ids[4])));
    assert_eq!(person["data"], json!({"email": "[erased]", "amount": 5}));
    assert_eq!(letter["data"][0]["reason"], "undecodable", "it still says why");

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
    assert_eq!(purged["purged"], 3);
    dead_deliveries(&system, &partner).await;
    let doctor = leadwire(&system, &["doctor", "--json"]);
    let report: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let broken: Vec<_> =
        report["data"].as_array().unwrap().iter().filter(|one| one["level"] == "broken").collect();
    assert!(broken.is_empty(), "{broken:?}");
    let code = i32::from(report["worst"] != "ok");
    assert_eq!(doctor.status.code(), Some(code), "{}", report["worst"]);
}

const LEADS: usize = 3;

/// A receiver that calls everything wrong until it is mended: what died there, why, and sending it again.
async fn dead_deliveries(system: &System, partner: &Partner) {
    let receiver = Receiver::start().await;
    receiver.always(Reply::with_body(422, "this lead has no \u{1b}budget"));
    let (url, admin) = (system.address("LEADWIRE_URL"), system.address("LEADWIRE_ADMIN_KEY"));
    let webhooks = format!("{url}/api/v1/api-clients/{}/webhooks", partner.client_id);
    let body = json!({"url": receiver.url("/hooks"), "events": ["lead.created"]});
    let (status, webhook) = answer(http().post(webhooks).bearer_auth(admin).json(&body)).await;
    assert_eq!(status, 201, "{webhook}");
    let (subscription, secret) = (webhook["id"].as_str().unwrap(), webhook["secret"].as_str().unwrap());
    for _ in 0..LEADS {
        partner.submit(&lead()).await;
    }
    let died = ids_of(&receiver.wait_for(LEADS).await);
    assert_eq!(died.len(), LEADS, "each once, for 422 is not tried again");
    let replay = ["dlq", "replay", "--subscription", subscription];
    let would = |more: &[&str]| {
        document(system, &[&replay[..], &["--dry-run"], more].concat())["wouldReplay"].clone()
    };
    eventually("all are dead", async || (would(&[]) == LEADS).then_some(())).await;
    assert_eq!((would(&["--reason", "rejected"]), would(&["--reason", "expired"])), (json!(LEADS), json!(0)));

    // Where, how many, why; and of one everything, by its own id and by its event's.
    let list = document(system, &["dlq", "ls"]);
    let line = list["data"].as_array().unwrap().iter().find(|line| line["name"] == "(deliveries)").unwrap();
    assert!(line["depth"].as_u64().unwrap() >= 3 && line["mostFrequent"].is_string(), "{list}");
    let endpoints = document(system, &["dlq", "stats", "--by", "endpoint", "--tenant", &partner.slug]);
    let endpoint = receiver.url("").replace("http://", "(deliveries) ");
    let of_this = |group: &&Value| group["key"] == endpoint;
    let group = endpoints["data"].as_array().unwrap().iter().find(of_this);
    assert_eq!(group.unwrap()["count"], LEADS, "{endpoints}");
    let first = died.first().unwrap();
    let shown = document(system, &["dlq", "show", first])["data"][0].clone();
    assert_eq!(
        (&shown["id"], &shown["status"], &shown["reason"]),
        (&json!(first), &json!("DEAD_LETTER"), &json!("rejected"))
    );
    assert_eq!((&shown["responseCode"], &shown["attemptCount"]), (&json!(422), &json!(1)), "{shown}");
    assert_eq!(shown["attempts"][0]["responseCode"], 422, "{shown}");
    let event = shown["eventId"].as_str().unwrap();
    assert_eq!(document(system, &["dlq", "show", event])["data"][0]["id"], *first);
    let page = String::from_utf8(leadwire(system, &["dlq", "show", event]).stdout).unwrap();
    for part in ["because answer 422 is not tried again", "answered 422: this lead has no", first, event] {
        assert!(page.contains(part) && !page.contains('\u{1b}'), "{part}: {page}");
    }

    try_again(system, &receiver, (subscription, secret), &died).await;
    let nothing = leadwire(system, &["dlq", "show", event]);
    assert_eq!(nothing.status.code(), Some(1), "there is nothing dead of it any more");
    refusals(system, subscription);
}

/// Sends dead deliveries again, before and after their receiver is mended.
async fn try_again(
    system: &System,
    receiver: &Receiver,
    (subscription, secret): (&str, &str),
    died: &BTreeSet<String>,
) {
    let replay = ["dlq", "replay", "--subscription", subscription];
    let would = || document(system, &[&replay[..], &["--dry-run"]].concat())["wouldReplay"].clone();
    let first = died.first().unwrap();
    // Nothing is mended: those that are tried again die again, and say so.
    let last = died.last().unwrap();
    let two = [&replay[..], &["--id", first, "--id", last]].concat();
    assert_eq!(document(system, &[&two[..], &["--dry-run"]].concat())["wouldReplay"], 2);
    document(system, &two);
    receiver.wait_for(LEADS + 2).await;
    eventually("they are dead again", async || (would() == LEADS).then_some(())).await;
    let shown = document(system, &["dlq", "show", first])["data"][0].clone();
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 2, "{shown}");

    receiver.always(Reply::Status(200));
    document(system, &[&replay[..], &["--since", "1h"]].concat());
    let came = receiver.wait_for(2 * LEADS + 2).await;
    let again = &came[LEADS + 2..];
    assert_eq!(ids_of(again), *died, "under the same ids");
    for request in again {
        verified_as(Family::Platform, request, secret).unwrap();
    }
    eventually("none is dead", async || (would() == 0).then_some(())).await;
    let shown = document(system, &["dlq", "show", first])["data"][0].clone();
    assert_eq!(shown["status"], "DELIVERED", "{shown}");
    // What was chosen by mistake is named, all of it, before anything is sent.
    let replay = ["dlq", "replay", "--subscription", NOBODY, "--id", "msg_1", "--id", first];
    for more in [&[][..], &["--dry-run"]] {
        let refused = leadwire(system, &[&replay[..], more].concat());
        let said = String::from_utf8([refused.stdout, refused.stderr].concat()).unwrap();
        for part in ["msg_1 is no delivery", &format!("{first} is of subscription {subscription}")] {
            assert!(refused.status.code() == Some(1) && said.contains(part), "{said}");
        }
    }
    let replay = leadwire(system, &["dlq", "replay", "--subscription", subscription, "--id", first]);
    let said = String::from_utf8([replay.stdout, replay.stderr].concat()).unwrap();
    assert!(said.contains(&format!("{first} is not dead but delivered")), "{said}");
}

/// A subscription that there is not.
const NOBODY: &str = "0190b3c4-0000-7000-8000-00000000000a";

/// What is not there cannot be sent again: that is said, and ends 1.
fn refusals(system: &System, subscription: &str) {
    let recover = ["deliveries", "recover", "--subscription", subscription, "--since", "1h"];
    assert_eq!(document(system, &recover)["recovered"], 0);
    for (nothing, why) in [
        (&["deliveries", "retry", "msg_1"][..], "404"),
        (&["deliveries", "recover", "--since", "1h", "--subscription", NOBODY], "404"),
        (&["dlq", "replay", "--subscription", "nonsense"], "40"),
    ] {
        let refused = leadwire(system, nothing);
        let said = String::from_utf8([refused.stdout, refused.stderr].concat()).unwrap();
        assert!(
            refused.status.code() == Some(1) && said.contains(&format!("the gateway answered {why}")),
            "{said}"
        );
    }
}

fn ids_of(requests: &[Received]) -> BTreeSet<String> {
    requests.iter().map(|request| request.header("webhook-id").unwrap().to_owned()).collect()
}
