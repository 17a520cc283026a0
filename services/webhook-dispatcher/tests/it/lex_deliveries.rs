//! Deliveries of the LEX family: how they look, how they are signed, when they are tried again.

use crate::harness::{Harness, webhook_ids};
use crate::lex::{SECRET, lead, lex_id, one, participant, routed, token};
use contracts::lex::LexMessage;
use lex::Message;
use reqwest::Method;
use serde_json::{Value, json};
use signing::{Family, Secret, standard};
use testkit::receiver::{Received, Receiver, Reply};

/// Both signatures of a request, over the exact bytes.
fn verify(harness: &Harness, request: &Received, secret: &str) {
    let now = harness.clock.now().timestamp().unsigned_abs();
    let header = |name| request.header(name).unwrap();
    let secret = Secret::new(secret);
    Family::Lex.verify(header("x-lex-signature"), &request.body, &secret, now).unwrap();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    standard::verify(id, time, header("webhook-signature"), &request.body, &secret, now).unwrap();
}

#[tokio::test]
async fn a_message_arrives_as_it_was_sent_with_both_signatures() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/hook")})).await;
    let message = lead();
    let event = harness.route_through(routed(&message)).await;
    harness.deliver().await;
    let [request] = &receiver.received()[..] else { panic!("not one request") };
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("lex-message-type"), Some("LEAD"));
    assert!(request.header("x-lex-signature").unwrap().starts_with("sha256="));
    assert!(request.header("traceparent").unwrap().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert_eq!(String::from_utf8_lossy(&request.body), message.to_string());
    verify(&harness, request, SECRET);
    let [row] = &harness.lex_log("acme", &made).await[..] else { panic!("not one delivery") };
    assert_eq!((&row["status"], &row["attemptCount"]), (&json!("DELIVERED"), &json!(1)));
    assert_eq!(row["id"], request.header("webhook-id").unwrap());
    let expected = [crate::lex::matched(&event, 1), crate::lex::settled(&event, [1, 0, 0, 0])];
    assert_eq!(harness.lex_outcomes(2).await, expected);
}

#[tokio::test]
async fn a_message_arrives_as_xml_where_that_is_wanted() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let body = json!({"deliveryEndpoint": receiver.url("/"), "deliveryFormat": "XML_EDI"});
    harness.lex_subscribe("acme", body).await;
    let message = lead();
    harness.route_through(routed(&message)).await;
    harness.deliver().await;
    let [request] = &receiver.received()[..] else { panic!("not one request") };
    assert_eq!(request.header("content-type"), Some("application/xml"));
    verify(&harness, request, SECRET);
    let text = String::from_utf8_lossy(&request.body);
    assert!(text.starts_with("<?xml") && text.contains("<lastName>O'Neil &amp; Co</lastName>"), "{text}");
    assert_eq!(Message::from_xml(&request.body).unwrap().document(), &message);
}

#[tokio::test]
async fn notes_reach_only_those_whom_they_are_for() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    for slug in ["acme", "globex", "initech"] {
        harness.lex_subscribe(slug, json!({"deliveryEndpoint": receiver.url(&format!("/{slug}"))})).await;
    }
    let mut message = lead();
    let note = |id: &str, visibility: &str| json!({"noteId": id, "visibility": visibility, "body": "…"});
    message["lex"]["payload"]["lead"]["structuredNotes"] =
        json!([note("dealers", "DEALER_INTERNAL"), note("dms", "DMS_ONLY"), note("all", "ALL_PARTIES")]);
    let participants =
        vec![participant("globex", false), participant("acme", true), participant("initech", false)];
    harness.route_through(LexMessage { participants, ..routed(&message) }).await;
    harness.deliver().await;
    for request in receiver.received() {
        let body = request.json();
        let notes = body["lex"]["payload"]["lead"]["structuredNotes"].as_array().unwrap();
        let ids: Vec<_> = notes.iter().map(|note| note["noteId"].as_str().unwrap()).collect();
        let expected: &[&str] = match request.path.as_str() {
            "/acme" => &["dealers", "all"],
            "/initech" => &["dms", "all"],
            _ => &["all"],
        };
        assert_eq!(ids, expected, "{}", request.path);
        verify(&harness, &request, SECRET);
    }
    assert_eq!(receiver.received().len(), 3);
}

#[tokio::test]
async fn six_attempts_follow_the_table_and_each_says_which_it_is() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Reset]);
    receiver.always(Reply::Status(503));
    let made = harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/")})).await;
    let event = harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    let mut times = vec![harness.clock.now()];
    for pause in [30, 120, 600, 1_800, 3_600] {
        // Each step counts from the attempt before, a tenth shorter or longer.
        let count = receiver.received().len();
        harness.deliver_after(pause * 9 / 10 - 1).await;
        assert_eq!(receiver.received().len(), count, "{pause}");
        harness.deliver_after(pause / 5 + 2).await;
        assert_eq!(receiver.received().len(), count + 1, "{pause}");
        times.push(harness.clock.now());
    }
    harness.deliver_after(100_000).await;
    let received = receiver.received();
    assert_eq!(received.len(), 6);
    assert!(webhook_ids(&received).windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(received[0].json()["lex"]["header"].get("retryContext"), None);
    for (index, request) in received.iter().enumerate().skip(1) {
        let context = &request.json()["lex"]["header"]["retryContext"];
        assert_eq!((&context["attemptNumber"], &context["maxAttempts"]), (&json!(index + 1), &json!(6)));
        let reason = if index == 1 { "NETWORK_UNREACHABLE" } else { "HTTP_503_SERVICE_UNAVAILABLE" };
        assert_eq!(context["lastFailureReason"], reason);
        let last = times[index - 1].to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        assert_eq!(context["lastAttemptTimestamp"], json!(last));
        assert_eq!(context.get("nextAttemptTimestamp").is_some(), index < 5);
        let secret = Secret::new(SECRET);
        Family::Lex.verify(request.header("x-lex-signature").unwrap(), &request.body, &secret, 0).unwrap();
    }
    let [row] = &harness.lex_log("acme", &made).await[..] else { panic!("not one delivery") };
    assert_eq!((&row["status"], &row["attemptCount"]), (&json!("DEAD_LETTER"), &json!(6)));
    assert_eq!(harness.lex_outcomes(2).await[1], crate::lex::settled(&event, [0, 1, 0, 0]));
}

#[tokio::test]
async fn a_refusal_is_a_dead_letter_at_once_and_gone_pauses_the_subscription() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(422), Reply::Status(410)]);
    let made = harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/")})).await;
    harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    harness.deliver_after(100_000).await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 2").await), (1, 1));
    harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    let (_, record) = harness.ask(&token("acme"), Method::GET, &one(&made), &Value::Null).await;
    assert_eq!((&record["status"], &record["deliveryCount"]), (&json!("PAUSED"), &json!(0)));
    harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 3").await), (2, 1));
    // Resumed, everything that was missed is brought back on request.
    let (status, _) =
        harness.ask(&token("acme"), Method::PATCH, &one(&made), &json!({"status": "ACTIVE"})).await;
    assert_eq!(status, 200);
    let since = json!({"since": harness.clock.now() - chrono::TimeDelta::days(2)});
    let (status, begun) =
        harness.ask(&token("acme"), Method::POST, &format!("{}/recover", one(&made)), &since).await;
    assert_eq!((status, &begun["recovered"]), (202, &json!(3)), "{begun}");
    harness.clock.advance(chrono::TimeDelta::seconds(1));
    harness.deliver().await;
    assert_eq!(harness.deliveries("state = 1").await, 3);
    // And one alone, once more, as a fresh delivery with the same id.
    let row = &harness.lex_log("acme", &made).await[0];
    let retry = format!("{}/deliveries/{}/retry", one(&made), row["id"].as_str().unwrap());
    let (status, again) = harness.ask(&token("acme"), Method::POST, &retry, &Value::Null).await;
    assert_eq!((status, &again["status"], &again["attemptCount"]), (202, &json!("PENDING"), &json!(0)));
    harness.deliver().await;
    let received = receiver.received();
    let last = received.last().unwrap();
    assert_eq!((last.header("webhook-id"), received.len()), (row["id"].as_str(), 6));
    assert_eq!(last.json()["lex"]["header"].get("retryContext"), None);
}

#[tokio::test]
async fn a_secret_that_nobody_knows_signs_nothing_that_lex_names_until_it_is_rotated() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let body = json!({"eventTypes": ["ALL"], "deliveryEndpoint": receiver.url("/")});
    let (_, made) = harness.ask(&token("acme"), Method::POST, crate::lex::SUBSCRIPTIONS, &body).await;
    harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    let first = &receiver.received()[0];
    assert_eq!(first.header("x-lex-signature"), None);
    assert!(first.header("webhook-signature").unwrap().starts_with("v1,"));
    let rotate = format!("{}/rotate-secret", one(&made));
    let (status, rotated) = harness.ask(&token("acme"), Method::POST, &rotate, &Value::Null).await;
    assert_eq!(status, 200);
    let ours = rotated["hmacSecret"].as_str().unwrap().to_owned();
    assert!(ours.starts_with("whsec_"));
    let chosen = json!({"hmacSecret": "mine", "overlapSeconds": 60});
    let (_, own) = harness.ask(&token("acme"), Method::POST, &rotate, &chosen).await;
    assert_eq!(own.get("hmacSecret"), None);
    harness.route_through(routed(&lead())).await;
    harness.deliver().await;
    let request = &receiver.received()[1];
    for secret in ["mine", &ours] {
        let now = harness.clock.now().timestamp().unsigned_abs();
        let header = |name| request.header(name).unwrap();
        let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
        standard::verify(id, time, header("webhook-signature"), &request.body, &Secret::new(secret), now)
            .unwrap();
    }
    verify(&harness, request, "mine");
    let previous = request.header("x-lex-signature-previous").unwrap();
    Family::Lex.verify(previous, &request.body, &Secret::new(&*ours), 0).unwrap();
}

#[tokio::test]
async fn a_test_is_a_message_in_the_format_of_the_subscription() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let xml = json!({
        "eventTypes": ["ASSET_SOLD"], "deliveryEndpoint": receiver.url("/xml"), "deliveryFormat": "XML_EDI",
    });
    let made = harness.lex_subscribe("acme", xml).await;
    harness.lex_subscribe("acme", json!({"deliveryEndpoint": receiver.url("/other")})).await;
    let test = format!("{}/test", one(&made));
    let (status, row) = harness.ask(&token("acme"), Method::POST, &test, &Value::Null).await;
    assert_eq!((status, &row["status"], &row["eventType"]), (202, &json!("PENDING"), &json!("webhook.test")));
    harness.deliver().await;
    let [request] = &receiver.received()[..] else { panic!("not one request") };
    assert_eq!((request.path.as_str(), request.header("content-type")), ("/xml", Some("application/xml")));
    verify(&harness, request, SECRET);
    let message = Message::from_xml(&request.body).unwrap();
    assert_eq!(message.header_text("messageType"), Some("SUBSCRIPTION"));
    assert_eq!(message.header_text("receiverId"), Some(&*lex_id("acme")));
    assert_eq!(message.document()["lex"]["payload"]["subscription"]["action"], "TEST");
    harness.ask(&token("acme"), Method::PATCH, &one(&made), &json!({"status": "PAUSED"})).await;
    let (status, refused) = harness.ask(&token("acme"), Method::POST, &test, &Value::Null).await;
    assert_eq!((status, &refused["error"]), (409, &json!("CONFLICT")));
}
