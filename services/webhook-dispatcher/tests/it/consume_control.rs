//! Clients and organisations that are gone: their subscriptions end, and what is pending with them.

use crate::harness::{Harness, SUBSCRIPTIONS, client, platform, webhooks};
use contracts::control::{ClientDeleted, OrganizationDeleted};
use contracts::ids::ClientId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::receiver::{Receiver, Reply};
use testkit::{callers, eventually};

async fn count(harness: &Harness, query: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {query}")))
        .fetch_one(&harness.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_subscriptions_of_a_deleted_client_end_and_what_is_open_is_cancelled() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.always(Reply::Status(500));
    harness.subscribe(&receiver.url("/partner"), &["lead.created"]).await;
    harness.webhook(&json!({"url": receiver.url("/platform"), "events": ["lead.created"]})).await;
    // A colleague of another client stays.
    let mut colleague = callers::partner("acme", &["webhooks:write"]);
    colleague.client_id = ClientId::new(testkit::unique_id());
    let body = json!({"url": receiver.url("/colleague"), "events": ["lead.created"]});
    assert_eq!(harness.ask(&colleague, Method::POST, SUBSCRIPTIONS, &body).await.0, 201);
    let event = harness.fan_out(3).await;
    harness.deliver().await;
    assert_eq!(harness.deliveries("state = 0").await, 3);

    let acme = callers::organization_id("acme");
    let gone = harness.control(acme, ClientDeleted { organization_id: acme, client_id: client() });
    harness.publish(&gone).await;
    harness.publish(&gone).await;
    eventually("the end of the subscriptions", async || {
        (count(&harness, "subscriptions where state = 'deleted'").await == 2).then_some(())
    })
    .await;
    harness.deliver().await;
    assert_eq!(harness.deliveries("state = 4").await, 2);
    assert_eq!(harness.list().await.len(), 1);
    harness.deliver_after(10).await;
    assert_eq!(receiver.received().iter().filter(|request| request.path == "/colleague").count(), 2);
    assert_eq!(receiver.received().len(), 4);
    // Nothing of them is kept but their ids.
    let kept = "subscriptions where state = 'deleted' and (url <> '' or secret <> '' or events <> '{}')";
    assert_eq!(count(&harness, kept).await, 0);

    receiver.always(Reply::Status(200));
    harness.deliver_after(100).await;
    let (kind, data) = harness.outcomes(2).await.pop().unwrap();
    assert_eq!((kind.as_str(), &data["event_id"]), ("webhook.event.settled", &json!(event.id)));
    assert_eq!((&data["delivered"], &data["cancelled"]), (&json!(1), &json!(2)));
    harness.fan_out(4).await;

    // A request of the client that was on its way comes too late.
    let body = json!({"url": receiver.url("/"), "events": ["*"]});
    let (status, refused) = harness.ask(&platform(), Method::POST, &webhooks(), &body).await;
    assert_eq!((status, &refused["error"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn of_a_deleted_organisation_nothing_stays() {
    let mut harness = Harness::start().await;
    let receiver = Receiver::start().await;
    receiver.next([Reply::Status(500)]);
    harness.subscribe(&receiver.url("/"), &["*"]).await;
    let globex = callers::partner("globex", &["webhooks:write", "webhooks:read"]);
    let others = "/api/v1/partners/globex/webhook-subscriptions";
    let body = json!({"url": receiver.url("/globex"), "events": ["*"]});
    assert_eq!(harness.ask(&globex, Method::POST, others, &body).await.0, 201);
    let mut of_globex = harness.lead_created();
    of_globex.tenantid = callers::organization_id("globex");
    harness.publish(&of_globex).await;
    harness.fan_out(2).await;
    harness.deliver().await;
    // A backlog of several batches, most of it open.
    let acme = callers::organization_id("acme");
    let backlog = "with made as (
            insert into events (event_id, organization_id, source, kind, occurred_at, track_delivery, payload, received_at)
            select overlay(event_id::text placing lpad(to_hex(n), 12, '0') from 25)::uuid, organization_id, source, kind,
                occurred_at, false, payload, received_at
            from events, generate_series(1, 4500) as n where organization_id = $1 returning event_id
        )
        insert into deliveries (event_id, subscription_id, organization_id, state, next_at, created_at)
        select made.event_id, subscriptions.id, $1, 0, now() + interval '1 day', now()
        from made, subscriptions where subscriptions.organization_id = $1";
    sqlx::query(backlog).bind(acme.as_uuid()).execute(&harness.pool).await.unwrap();
    assert_eq!(harness.deliveries("true").await, 4_502);

    let gone = harness.control(acme, OrganizationDeleted { organization_id: acme });
    harness.publish(&gone).await;
    eventually("the end of its data", async || {
        let left = count(&harness, "events").await + count(&harness, "attempts").await;
        (left == 2).then_some(())
    })
    .await;
    harness.publish(&gone).await;
    // What is still on its way leaves no trace.
    harness.publish(&harness.lead_created()).await;
    let mut last = harness.lead_created();
    last.tenantid = callers::organization_id("globex");
    harness.publish(&last).await;
    harness.wait_for_deliveries(2).await;
    let of_globex = format!("organization_id = '{}'", callers::organization_id("globex"));
    assert_eq!(count(&harness, &format!("events where {of_globex}")).await, 2);
    assert_eq!(count(&harness, "events").await, 2);
    eventually("the end of the health", async || {
        (count(&harness, "subscription_health").await == 1).then_some(())
    })
    .await;
    let trace = format!("subscriptions where organization_id = '{acme}'");
    eventually("the end of every trace", async || (count(&harness, &trace).await == 0).then_some(())).await;
    assert_eq!(harness.list().await, Vec::<Value>::new());
    harness.deliver().await;
    assert_eq!(receiver.received().iter().filter(|request| request.path == "/").count(), 1);
    assert_eq!(receiver.received().iter().filter(|request| request.path == "/globex").count(), 2);
}
