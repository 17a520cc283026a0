//! A lead goes in at the gateway, a signed webhook comes out, whatever is killed in between.

use crate::story::Story;
use contracts::Service;
use e2e::delivery::verified;
use e2e::partner::lead;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;
use testkit::eventually;
use testkit::receiver::Reply;

#[tokio::test]
async fn a_lead_becomes_one_verified_webhook_and_a_failing_receiver_sees_one_webhook_id() {
    let story = Story::begin().await;
    let submitted = story.partner.submit(&lead()).await;
    let first = story.receiver.wait_for(1).await;
    let body = verified(&first[0], story.secret()).unwrap();
    assert_eq!((&body["event"], &body["partner_slug"]), (&json!("lead.created"), &json!(story.partner.slug)));
    assert_eq!(body["data"]["lead_id"], submitted["lead_id"]);
    assert!(first[0].header("traceparent").is_some());

    story.receiver.next([Reply::Status(500), Reply::Status(500)]);
    let failing = story.partner.submit(&lead()).await;
    let received = story.receiver.wait_for(4).await;
    let ids = story.delivered().by_lead[failing["lead_id"].as_str().unwrap()].clone();
    assert_eq!((received.len(), ids.len()), (4, 3));
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let delivery = eventually("the delivery settled", async || {
        let delivery = story.last_delivery().await;
        (delivery["status"] == "delivered").then_some(delivery)
    })
    .await;
    assert_eq!((&delivery["attempt_count"], &delivery["response_code"]), (&json!(3), &json!(200)));

    for (path, of) in [("/leads", "lead_id"), ("/webhook-subscriptions", "id")] {
        let (status, list) = testkit::read(story.partner.send(Method::GET, path, None).await).await;
        assert_eq!(status, 200, "{list}");
        assert!(list["data"]["items"].as_array().unwrap().iter().all(|item| item[of].is_string()));
    }
}

#[tokio::test]
async fn killing_any_one_service_between_accept_and_delivery_loses_nothing() {
    let story = Story::begin().await;
    let mut expected = Vec::new();
    for service in Service::ALL {
        // The first attempt fails, so that the delivery is still open when the service dies.
        story.receiver.next([Reply::Status(500)]);
        for _ in 0..5 {
            expected.push(story.partner.submit(&lead()).await["lead_id"].as_str().unwrap().to_owned());
        }
        story.system.signal(service, "KILL");
        story.system.up();
    }
    story.reconcile(&expected, Duration::from_secs(45)).await;
}
