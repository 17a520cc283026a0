//! The AsyncAPI document has everything of the topology, and what is bound is what the broker would route.

use contracts::topology::{EVENTS_UNROUTED, TAPES, WORK_QUEUES};
use reference::asyncapi::{document, wants};
use reference::events::EVENTS;
use serde_json::{Value, json};
use signing::Family;

#[test]
fn every_event_has_a_channel_a_message_and_a_publisher() {
    let document = document();
    for kind in EVENTS {
        let key = kind.routing_key;
        let channel = &document["channels"][key];
        assert!(channel["address"].as_str().unwrap().starts_with(key), "{key}");
        let message = &document["components"]["messages"][key];
        let expected = json!({"$ref": format!("./{}", kind.path())});
        let payload = &message["payload"];
        let alone = if payload["oneOf"].is_array() { &payload["oneOf"][0] } else { payload };
        assert_eq!(if kind.is_batched { &payload["items"] } else { alone }, &expected, "{key}");
        let operation = &document["operations"][format!("{}.publishes.{key}", kind.source)];
        assert_eq!(
            (&operation["action"], &operation["channel"]["$ref"]),
            (&json!("send"), &json!(format!("#/channels/{key}")))
        );
    }
}

#[test]
fn every_queue_has_a_channel_with_its_bindings_and_one_who_takes_from_it() {
    let document = document();
    for queue in WORK_QUEUES {
        let channel = &document["channels"][queue.name];
        assert_eq!(channel["bindings"]["amqp"]["queue"]["name"], queue.name);
        let bindings: Vec<_> = texts(&channel["x-leadwire-bindings"], "routingKey");
        assert_eq!(bindings, queue.bindings, "{}", queue.name);
        assert!(!channel["messages"].as_object().unwrap().is_empty(), "nothing is bound to {}", queue.name);
        assert_eq!(channel["x-leadwire-retries"]["queues"][0]["queue"], queue.retry_queue("10s"));
        let dead = queue.dead_letter_queue();
        assert_eq!(document["channels"][&dead]["messages"], channel["messages"]);
        let operation = &document["operations"][format!("{}.consumes.{}", queue.owner, queue.name)];
        assert_eq!(operation["action"], "receive", "{}", queue.name);
    }
    for name in TAPES.iter().map(|tape| tape.name).chain([EVENTS_UNROUTED]) {
        assert_eq!(document["channels"][name]["address"], name);
    }
}

#[test]
fn a_queue_is_said_to_get_what_its_bindings_let_in() {
    let document = document();
    let messages = |queue: &str| {
        let messages = document["channels"][queue]["messages"].as_object().unwrap();
        messages.keys().map(String::as_str).collect::<Vec<_>>()
    };
    assert_eq!(messages("lead-intake.orchestrator"), ["intake.lead.created.v1"]);
    assert_eq!(messages("lex-router.outcomes"), ["webhook.event.matched.v1", "webhook.event.settled.v1"]);
    assert!(!messages("webhook-dispatcher.events").iter().any(|key| key.starts_with("gateway.")));
    for (binding, key, expected) in [
        ("crm.#", "crm.lead.created.v1", true),
        ("crm.#", "crm", true),
        ("crm.#", "crmx.lead", false),
        ("webhook.event.*.*.lex-router", "webhook.event.settled.v1.lex-router", true),
        ("webhook.event.*.*.lex-router", "webhook.event.settled.v1", false),
        ("#.v1", "a.b.v1", true),
        ("a.*", "a", false),
    ] {
        assert_eq!(wants(binding, key), expected, "{binding} {key}");
    }
}

#[test]
fn deliveries_of_the_three_families_say_how_they_are_signed_and_retried() {
    let document = document();
    for (name, family) in [("partner", Family::Partner), ("platform", Family::Platform), ("lex", Family::Lex)]
    {
        let headers = &document["components"]["schemas"][format!("DeliveryHeaders.{name}")]["properties"];
        for header in [
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            family.header(),
            family.previous_header(),
        ] {
            assert!(headers[header].is_object(), "{name} {header}");
        }
        let retries = &document["channels"][format!("deliveries.{name}")]["x-leadwire-retries"];
        let pauses = retries["pauses"].as_array().unwrap().len();
        assert_eq!(retries["attempts"], pauses + 1, "{name}");
    }
    let settings = include_str!("../../../../deploy/config/webhook-dispatcher.toml");
    let pause = |name: &str| {
        document["channels"][format!("deliveries.{name}")]["x-leadwire-retries"]["pauses"][0].clone()
    };
    for (setting, seconds) in [("partner_retry_base", pause("partner")), ("lex_retry_base", pause("lex"))] {
        assert!(settings.contains(&format!("{setting} = \"{seconds}s\"")), "{setting}: {seconds}");
    }
}

fn texts<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[member].as_str().unwrap()).collect()
}
