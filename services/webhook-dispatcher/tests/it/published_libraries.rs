//! Deliveries as the published Standard Webhooks libraries of two other languages see them, before, during and after
//! the rotation of a secret.

use crate::harness::{Harness, Subscribed, platform, webhooks};
use reqwest::Method;
use serde_json::json;
use testkit::receiver::{Received, Receiver};
use testkit::verifiers::{Signed, verdicts};

fn before(received: &Received, secret: &str) -> Signed {
    Signed {
        secret: secret.to_owned(),
        raw: false,
        headers: received.headers.iter().cloned().collect(),
        body: String::from_utf8(received.body.clone()).unwrap(),
    }
}

#[tokio::test]
async fn published_libraries_accept_deliveries_with_each_secret_that_is_live() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    let partner = harness.subscribe(&receiver.url("/partner"), &["lead.created"]).await;
    let webhook = harness.webhook(&json!({"url": receiver.url("/platform"), "events": ["lead.*"]})).await;
    let platforms = Subscribed {
        id: webhook["id"].as_str().unwrap().to_owned(),
        secret: webhook["secret"].as_str().unwrap().to_owned(),
    };
    harness.fan_out(2).await;
    harness.deliver().await;
    let path = format!("{}/{}/rotate-secret", webhooks(), platforms.id);
    let overlap = json!({"overlapSeconds": 60});
    let (status, rotated) = harness.ask(&platform(), Method::POST, &path, &overlap).await;
    assert_eq!(status, 200, "{rotated}");
    let new = rotated["secret"].as_str().unwrap();
    harness.fan_out(4).await;
    harness.deliver().await;
    harness.clock.advance(chrono::TimeDelta::seconds(61));
    harness.fan_out(6).await;
    harness.deliver().await;

    let received = receiver.received();
    let to = |path: &str| received.iter().filter(|one| one.path == path).cloned().collect::<Vec<_>>();
    let (to_partner, to_platform) = (to("/partner"), to("/platform"));
    assert_eq!((to_partner.len(), to_platform.len()), (3, 3));
    let mut deliveries: Vec<_> = to_partner.iter().map(|one| before(one, &partner.secret)).collect();
    let mut expected = vec![true; 3];
    // With the old secret, then with the new one: before the rotation, within the overlap, after it.
    for (secret, accepted) in [(platforms.secret.as_str(), [true, true, false]), (new, [false, true, true])] {
        deliveries.extend(to_platform.iter().map(|one| before(one, secret)));
        expected.extend(accepted);
    }
    for (language, verdicts) in verdicts(&deliveries) {
        assert_eq!(verdicts, expected, "{language}");
    }
}
