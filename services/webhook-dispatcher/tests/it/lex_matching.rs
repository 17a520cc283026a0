//! Which subscriptions get a LEX message.

use crate::harness::{Harness, platform_key};
use crate::lex::{SUBSCRIPTIONS, lead, lex_id, one, participant, routed, token};
use contracts::lex::{LexEvent, LexMessage, MessageFacts};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::callers;
use testkit::receiver::Receiver;

/// The paths of what came, in alphabetical order.
fn paths(receiver: &Receiver) -> Vec<String> {
    let mut paths: Vec<_> = receiver.received().into_iter().map(|request| request.path).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn events_and_filters_narrow_a_subscription_down() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    for (name, events, filters, matches) in [
        ("all", json!(["ALL"]), json!({}), true),
        ("event", json!(["LEAD_CREATED"]), json!(null), true),
        ("several", json!(["LEAD_CREATED", "LEAD_RECEIVED", "ASSET_SOLD"]), json!({"regions": []}), true),
        ("other-event", json!(["LEAD_UPDATED", "ASSET_SOLD"]), json!({}), false),
        ("product", json!(["ALL"]), json!({"productTypes": ["MOTORCYCLE", "VEHICLE"]}), true),
        ("other-product", json!(["ALL"]), json!({"productTypes": ["MOTORCYCLE"]}), false),
        ("status", json!(["ALL"]), json!({"leadStatuses": ["SHOPPING"]}), true),
        ("other-status", json!(["ALL"]), json!({"leadStatuses": ["ORDER"]}), false),
        ("country", json!(["ALL"]), json!({"regions": ["CA", "us"]}), true),
        ("state", json!(["ALL"]), json!({"regions": ["US-TX"]}), true),
        ("other-state", json!(["ALL"]), json!({"regions": ["US-CA"]}), false),
        ("sender", json!(["ALL"]), json!({"senderIds": [lex_id("globex")]}), true),
        ("other-sender", json!(["ALL"]), json!({"senderIds": [lex_id("acme")]}), false),
        ("both", json!(["ALL"]), json!({"regions": ["US"], "leadStatuses": ["SHOPPING"]}), true),
        ("one-of-both", json!(["ALL"]), json!({"regions": ["US"], "leadStatuses": ["ORDER"]}), false),
    ] {
        let path = format!("/{}{name}", if matches { "yes-" } else { "no-" });
        let body = json!({"eventTypes": events, "filters": filters, "deliveryEndpoint": receiver.url(&path)});
        harness.lex_subscribe("acme", body).await;
    }
    let event = harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    let came = paths(&receiver);
    assert_eq!(came.len(), 9, "{came:?}");
    assert!(came.iter().all(|path| path.starts_with("/yes-")), "{came:?}");
    // The same event again changes nothing.
    harness.publish(&event).await;
    // What a filter asks for and the message does not have does not match.
    let bare = LexMessage {
        facts: MessageFacts { sender_id: lex_id("globex"), ..MessageFacts::default() },
        ..routed(&lead())
    };
    harness.route_through(bare).await;
    harness.deliver().await;
    let more: Vec<_> = receiver.received_after(9).into_iter().map(|request| request.path).collect();
    assert_eq!(more.len(), 4, "{more:?}");
    assert!(
        ["/yes-all", "/yes-event", "/yes-several", "/yes-sender"]
            .iter()
            .all(|path| more.contains(&(*path).to_owned()))
    );
}

#[tokio::test]
async fn only_those_who_take_part_see_a_message_and_the_families_see_nothing_of_each_other() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    for slug in ["acme", "globex", "initech"] {
        harness.lex_subscribe(slug, json!({"deliveryEndpoint": receiver.url(&format!("/{slug}"))})).await;
    }
    harness.webhook(&json!({"url": receiver.url("/platform"), "events": ["*", "lex.message.routed"]})).await;
    harness.subscribe(&receiver.url("/partner"), &["*", "lex.message.routed"]).await;
    let event = harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    assert_eq!(paths(&receiver), ["/acme", "/globex"]);
    // A lead of lead-intake is none of theirs.
    harness.fan_out(4).await;
    harness.deliver().await;
    assert_eq!(paths(&receiver), ["/acme", "/globex", "/partner", "/platform"]);
    // The sender finds its message among its events, with its own deliveries alone.
    let globex = callers::organization_id("globex");
    let key = platform_key("globex", None, &["webhooks:read"]);
    let path = format!("/api/v1/organizations/{globex}/events/{}/deliveries", event.id);
    let (status, found) = harness.ask(&key, Method::GET, &path, &Value::Null).await;
    assert_eq!((status, found["data"].as_array().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn a_broadcast_reaches_every_organisation() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    for slug in ["acme", "globex", "initech"] {
        harness.lex_subscribe(slug, json!({"deliveryEndpoint": receiver.url(&format!("/{slug}"))})).await;
    }
    let gone = harness.lex_subscribe("umbrella", json!({"deliveryEndpoint": receiver.url("/gone")})).await;
    harness.ask(&token("umbrella"), Method::DELETE, &one(&gone), &Value::Null).await;
    let mut message = lead();
    message["lex"]["header"]["receiverId"] = json!("BROADCAST");
    let to_all = LexMessage {
        receiver: "BROADCAST".to_owned(),
        broadcast: true,
        participants: vec![participant("globex", false)],
        ..routed(&message)
    };
    let event = harness.route_through(to_all).await;
    harness.deliver().await;
    assert_eq!(paths(&receiver), ["/acme", "/globex", "/initech"]);
    let expected = [crate::lex::matched(&event, 3), crate::lex::settled(&event, [3, 0, 0, 0])];
    assert_eq!(harness.lex_outcomes(2).await, expected);
}

#[tokio::test]
async fn data_governance_decides_who_may_have_a_message() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    for slug in ["acme", "globex", "initech"] {
        harness.lex_subscribe(slug, json!({"deliveryEndpoint": receiver.url(&format!("/{slug}"))})).await;
    }
    let mut before = 0;
    for (policy, more, expected) in [
        ("OPEN", json!({}), vec!["/acme", "/globex", "/initech"]),
        ("LOCKED", json!({}), vec!["/acme"]),
        (
            "RESTRICTED",
            json!({"allowedRecipients": [lex_id("initech"), "ALIAS-globex"]}),
            vec!["/globex", "/initech"],
        ),
        ("OPEN", json!({"blockedRecipients": ["ALIAS-acme"]}), vec!["/globex", "/initech"]),
        ("RESTRICTED", json!({}), vec![]),
    ] {
        let mut message = lead();
        let mut governance = more;
        governance["forwardingPolicy"] = json!(policy);
        message["lex"]["dataGovernance"] = governance;
        let participants =
            vec![participant("globex", false), participant("acme", true), participant("initech", false)];
        harness.route_through(LexMessage { participants, ..routed(&message) }).await;
        harness.deliver().await;
        let mut came: Vec<_> =
            receiver.received_after(before).into_iter().map(|request| request.path).collect();
        came.sort();
        before += came.len();
        assert_eq!(came, expected, "{policy}");
    }
    // That it failed is said to the sender even so.
    let mut message = lead();
    message["lex"]["dataGovernance"] = json!({"forwardingPolicy": "LOCKED"});
    let failed = LexMessage {
        events: vec![LexEvent::MessageFailed],
        participants: vec![participant("globex", true)],
        ..routed(&message)
    };
    harness.route_through(failed).await;
    harness.deliver().await;
    let came: Vec<_> = receiver.received_after(before).into_iter().map(|request| request.path).collect();
    assert_eq!(came, ["/globex"]);
}

#[tokio::test]
async fn only_what_the_receiver_got_is_told_to_lex_router() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let failing = Receiver::start().await;
    failing.always(testkit::receiver::Reply::Status(404));
    harness.lex_subscribe("globex", json!({"deliveryEndpoint": receiver.url("/")})).await;
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": failing.url("/")})).await;
    let event = harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    let expected = [crate::lex::matched(&event, 1), crate::lex::settled(&event, [0, 1, 0, 0])];
    assert_eq!(harness.lex_outcomes(2).await, expected);
    // The dead letter is the receiver's business: whoever of its organisation asks is told.
    let told = Receiver::start().await;
    let named = json!({"url": told.url("/"), "events": ["webhook.delivery.dead_lettered"]});
    harness.webhook(&named).await;
    let other = harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    harness.wait_for_deliveries(5).await;
    harness.deliver().await;
    let data = &told.received()[0].json()["data"];
    assert_eq!((&data["event_id"], &data["reason"]), (&json!(other.id), &json!("rejected")));
}

#[tokio::test]
async fn a_changed_subscription_is_met_by_every_later_message() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/")})).await;
    let set = async |harness: &Harness, body: Value| {
        let (status, answer) = harness.ask(&token("acme"), Method::PATCH, &one(&made), &body).await;
        assert_eq!(status, 200, "{answer}");
    };
    set(&harness, json!({"eventTypes": ["ASSET_SOLD"]})).await;
    harness.route_through(routed(&lead())).await;
    set(&harness, json!({"eventTypes": ["ALL"], "filters": {"regions": ["CA"]}})).await;
    harness.route_through(routed(&lead())).await;
    set(&harness, json!({"filters": null})).await;
    harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    assert_eq!(receiver.received().len(), 1);
    let (_, listed) = harness.ask(&token("acme"), Method::GET, SUBSCRIPTIONS, &Value::Null).await;
    let record = &listed["subscriptions"][0];
    assert_eq!(
        (&record["deliveryCount"], &record["lastDeliveryAt"]),
        (&json!(1), &json!(harness.clock.now()))
    );
}
