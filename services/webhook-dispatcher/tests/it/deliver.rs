//! From an event to a settled delivery: signatures, retries, dead letters.

use crate::harness::{Harness, webhook_ids};
use serde_json::{Value, json};
use signing::{Family, Secret, standard};
use testkit::receiver::{Receiver, Reply};

#[tokio::test]
async fn an_event_arrives_with_both_signatures() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.subscribe(&receiver.url("/hook?x=1"), &["lead.created"]).await;
    let event = harness.fan_out(1).await;
    harness.deliver().await;

    let [request] = &receiver.received()[..] else { panic!("not one request") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hook?x=1"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert!(request.header("user-agent").unwrap().starts_with("Leadwire/"));
    assert!(request.header("traceparent").unwrap().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert_eq!(
        request.json(),
        json!({
            "id": event.id, "event": "lead.created", "occurred_at": event.time, "partner_slug": "acme",
            "data": event.data,
        })
    );
    let (secret, now) = (Secret::new(made.secret.clone()), harness.clock.now().timestamp().unsigned_abs());
    let header = |name| request.header(name).unwrap();
    Family::Partner.verify(header("x-fulfillment-signature"), &request.body, &secret, now).unwrap();
    standard::verify(
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
        &request.body,
        &secret,
        now,
    )
    .unwrap();

    let [delivery] = &harness.log(&made).await[..] else { panic!("not one delivery") };
    assert_eq!(delivery["id"], header("webhook-id"));
    assert_eq!(
        (
            &delivery["status"],
            &delivery["attempt_count"],
            &delivery["response_code"],
            &delivery["event_type"]
        ),
        (&json!("delivered"), &json!(1), &json!(200), &json!("lead.created"))
    );
    assert_eq!(delivery["delivered_at"], json!(harness.clock.now()));
    assert_eq!(harness.list().await[0]["last_success_at"], json!(harness.clock.now()));
}

#[tokio::test]
async fn a_failing_receiver_gets_the_same_id_and_body_again_in_time() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::with_body(500, "out of order"), Reply::Status(500), Reply::Status(200)]);
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    let [delivery] = &harness.log(&made).await[..] else { panic!("not one delivery") };
    assert_eq!(
        (&delivery["status"], &delivery["error"]),
        (&json!("pending"), &json!("answered 500: out of order"))
    );
    assert_eq!(harness.list().await[0]["consecutive_failures"], 1);

    // The first pause is five seconds and the second twenty, each a fifth longer or shorter.
    harness.deliver_after(3).await;
    assert_eq!(receiver.received().len(), 1);
    harness.deliver_after(4).await;
    assert_eq!(receiver.received().len(), 2);
    harness.deliver_after(15).await;
    assert_eq!(receiver.received().len(), 2);
    harness.deliver_after(10).await;
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    assert!(webhook_ids(&received).windows(2).all(|pair| pair[0] == pair[1]));
    assert!(received.windows(2).all(|pair| pair[0].body == pair[1].body));
    let stamps: Vec<_> = received.iter().map(|request| request.header("webhook-timestamp")).collect();
    assert!(stamps[0] != stamps[1] && stamps[1] != stamps[2]);

    harness.deliver_after(100_000).await;
    assert_eq!(receiver.received().len(), 3);
    assert_eq!(harness.log(&made).await[0]["status"], "delivered");
    assert_eq!(harness.list().await[0]["consecutive_failures"], 0);
    let attempts: i64 =
        sqlx::query_scalar("select count(*) from attempts").fetch_one(&harness.pool).await.unwrap();
    assert_eq!(attempts, 3);
}

#[tokio::test]
async fn eight_failures_make_a_dead_letter() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(404));
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.fan_out(1).await;
    for _ in 0..10 {
        harness.deliver_after(30_000).await;
    }
    assert_eq!(receiver.received().len(), 8);
    let [delivery] = &harness.log(&made).await[..] else { panic!("not one delivery") };
    assert_eq!((&delivery["status"], &delivery["attempt_count"]), (&json!("dead_letter"), &json!(8)));
    assert_eq!((&delivery["response_code"], &delivery["delivered_at"]), (&json!(404), &Value::Null));
    assert_eq!(harness.list().await[0]["active"], true);
}

#[tokio::test]
async fn gone_disables_the_subscription_and_what_follows_is_skipped() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(410));
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    assert_eq!(harness.list().await[0]["active"], false);
    assert_eq!(harness.log(&made).await[0]["status"], "dead_letter");
    harness.deliver_after(1).await;
    harness.fan_out(2).await;
    harness.deliver_after(100_000).await;
    assert_eq!(harness.log(&made).await[0]["status"], "skipped_disabled");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn what_waits_when_a_subscription_is_disabled_is_skipped() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(500));
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    harness.set_state(&made, "disabled").await;
    harness.deliver_after(100_000).await;
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(harness.log(&made).await[0]["status"], "skipped_disabled");
}

#[tokio::test]
async fn a_paused_subscription_holds_its_deliveries_until_it_is_resumed() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.set_state(&made, "paused").await;
    harness.fan_out(1).await;
    harness.deliver_after(100_000).await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 0").await), (0, 1));
    harness.set_state(&made, "active").await;
    harness.deliver().await;
    assert_eq!((receiver.received().len(), harness.deliveries("state = 1").await), (1, 1));
}

#[tokio::test]
async fn retry_after_postpones_the_next_attempt() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::with_header(429, "retry-after", "600")]);
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    harness.deliver_after(590).await;
    assert_eq!(receiver.received().len(), 1);
    harness.deliver_after(20).await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn each_strange_answer_has_its_outcome() {
    let mut harness = Harness::start_with(|settings| {
        settings.delivery.response_budget = std::time::Duration::from_millis(500);
    })
    .await;
    let elsewhere = Receiver::start().await;
    let redirect = Reply::with_header(302, "location", &elsewhere.url("/"));
    let expected = [
        (Reply::Huge(200, 1_000_000), "delivered", "null"),
        (Reply::Huge(500, 1_000_000), "pending", "answered 500: xxxx"),
        (Reply::Drip(200), "pending", "no answer within 500 ms"),
        (Reply::Hang, "pending", "no answer within 500 ms"),
        (Reply::Reset, "pending", "the connection broke"),
        (redirect, "pending", "answered 302"),
    ];
    let mut receivers = Vec::new();
    for (reply, ..) in &expected {
        let receiver = Receiver::start().await;
        receiver.always(reply.clone());
        let made = harness.subscribe(&receiver.url("/"), &["*"]).await;
        receivers.push((receiver, made));
    }
    harness.fan_out(6).await;
    harness.deliver().await;
    for ((reply, status, error), (receiver, made)) in expected.iter().zip(&receivers) {
        let [delivery] = &harness.log(made).await[..] else { panic!("not one delivery") };
        assert_eq!((receiver.received().len(), &delivery["status"]), (1, &json!(status)), "{reply:?}");
        let text = delivery["error"].as_str().unwrap_or("null");
        assert!(text.starts_with(error) && text.len() <= 4_200, "{reply:?}: {text}");
    }
    assert_eq!(elsewhere.received().len(), 0);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_a_failed_attempt() {
    let mut harness = Harness::start().await;
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let made = harness.subscribe(&format!("http://{address}/"), &["*"]).await;
    harness.fan_out(1).await;
    harness.deliver().await;
    let [delivery] = &harness.log(&made).await[..] else { panic!("not one delivery") };
    assert_eq!((&delivery["status"], &delivery["response_code"]), (&json!("pending"), &Value::Null));
    let error = delivery["error"].as_str().unwrap();
    assert!(error.starts_with("no connection"), "{error}");
}
