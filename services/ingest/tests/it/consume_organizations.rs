//! `ingest.organizations`: an organisation that is gone takes everything along.

use crate::harness::{Harness, SNAPSHOTS, caller, event};
use contracts::control::OrganizationDeleted;
use contracts::event::{CloudEvent, EventFacts};
use contracts::ids::EventId;
use contracts::topology::EVENTS;
use serde_json::json;
use testkit::{callers, eventually};

#[tokio::test]
async fn a_deleted_organisation_leaves_nothing_and_others_stay() {
    let ingest = Harness::start().await;
    let snapshot =
        json!({"snapshotType": "open", "actor": {"email": "a@example.com"}, "metrics": {"open": 1}});
    for slug in ["acme", "globex"] {
        let caller = caller(slug);
        let events = vec![event("a@example.com"); 300];
        assert_eq!(ingest.events(&caller, &json!(events)).await.0, 202);
        assert_eq!(ingest.send(&caller, SNAPSHOTS, &snapshot).await.status().as_u16(), 202);
    }
    delete(&ingest, "acme").await;
    eventually("an organisation less", async || {
        (ingest.count("select count(*) from accounts").await == 1).then_some(())
    })
    .await;
    for (table, left) in [
        ("select count(*) from events", 301),
        ("select count(*) from workers", 1),
        ("select count(*) from worker_identities", 1),
        ("select count(*) from snapshots", 1),
        ("select count(*) from event_usage where used < 1000", 1),
    ] {
        assert_eq!(ingest.count(table).await, left, "{table}");
    }
    assert_eq!(ingest.timelines(&caller("globex")).await.len(), 301);
}

#[tokio::test]
async fn a_write_that_was_let_in_before_the_deletion_leaves_nothing_behind_it() {
    let ingest = Harness::start().await;
    let acme = caller("acme");
    assert_eq!(ingest.events(&acme, &json!([event("a@example.com")])).await.0, 202);
    // As a write holds it that has charged its month and is about to commit events of a worker that it found.
    let mut held = ingest.database.pool().begin().await.unwrap();
    for statement in [
        "update event_usage set used = used + 1",
        "insert into events (organization_id, worker_id, occurred_at, event_id, received_at, event_type, category, app)
         select organization_id, worker_id, occurred_at, gen_random_uuid(), received_at, event_type, category, app
         from events",
    ] {
        sqlx::query(statement).execute(&mut *held).await.unwrap();
    }
    delete(&ingest, "acme").await;
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("a removal that waits", async || (ingest.count(waits).await == 1).then_some(())).await;
    assert_eq!(ingest.count("select count(*) from workers").await, 1);
    held.commit().await.unwrap();
    eventually("nothing left", async || {
        let rows = "select (select count(*) from events) + (select count(*) from accounts)";
        (ingest.count(rows).await == 0).then_some(())
    })
    .await;

    let (status, body) = ingest.events(&acme, &json!([event("a@example.com")])).await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("quota_exceeded")), "{body}");
    assert_eq!(ingest.count("select count(*) from workers").await, 0);
    ingest.service.process.clock.advance(chrono::TimeDelta::minutes(5));
    eventually("no trace", async || {
        let rows = "select (select count(*) from event_usage) + (select count(*) from gone_organizations)";
        (ingest.count(rows).await == 0).then_some(())
    })
    .await;
}

/// Tells the service that an organisation is gone.
async fn delete(ingest: &Harness, slug: &str) {
    let organization_id = callers::organization_id(slug);
    let facts = EventFacts {
        id: EventId::new(testkit::unique_id()),
        time: ingest.service.process.clock.now(),
        tenant: organization_id,
        aggregate: organization_id.to_string(),
        aggregate_version: 1,
        traceparent: None,
        request_id: None,
        track_delivery: false,
    };
    let event = CloudEvent::new(facts, OrganizationDeleted { organization_id });
    let properties = json!({"message_id": event.id, "type": event.kind});
    let payload = serde_json::to_string(&event).unwrap();
    ingest.broker.publish(EVENTS, "gateway.organization.deleted.v1", properties, &payload).await;
}
