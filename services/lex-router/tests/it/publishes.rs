//! What is announced of messages, to whom, and for how long.

use crate::harness::{Harness, organization, with, with_header};
use chrono::TimeDelta;
use contracts::lex::{LexEvent as E, OnExpiry};
use serde_json::{Value, json};
use testkit::eventually;

#[tokio::test]
async fn an_accepted_message_is_one_event_for_its_two_sides() {
    let lex = Harness::start().await;
    let (portal, dealer) = (organization("PORTAL-001"), organization("DEALER-001"));
    lex.register(&dealer).await;
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001-EAST");
    lex.accept(&portal, &with(lead.clone(), "assignedTo", json!({"name": "Eva"}))).await;
    let update = with_header(with(lead.clone(), "status", json!("ORDER")), "messageId", json!("M-2"));
    lex.accept(&portal, &update).await;
    let events = lex.announced(2).await;
    let event = &events[0];
    assert_eq!((event.kind.as_str(), event.source.as_str()), ("lex.message.routed", "/leadwire/lex-router"));
    assert_eq!((event.tenantid, event.partitionkey.as_str()), (portal.organization.id, "LEAD-000001"));
    assert!(event.trackdelivery);
    let data = &event.data;
    assert_eq!(data.events[..2], [E::LeadReceived, E::LeadCreated]);
    assert!(data.events.contains(&E::LeadAssigned) && data.events.contains(&E::MessageProcessed));
    assert!(
        events[1].data.events.contains(&E::LeadUpdated)
            && events[1].data.events.contains(&E::LeadStatusChanged)
    );
    assert_eq!(serde_json::from_str::<Value>(events[1].data.message.get()).unwrap(), update);
    assert_eq!((data.receiver.as_str(), data.broadcast, data.hold), ("DEALER-001-EAST", false, true));
    assert_eq!(data.facts.product_type.as_deref(), Some("VEHICLE"));
    assert_eq!(
        (data.facts.lead_status.as_deref(), &data.facts.regions[..]),
        (Some("SHOPPING"), &["US".to_owned()][..])
    );
    assert_eq!(data.facts.sender_id, "PORTAL-001");
    let [receiver, sender] = &data.participants[..] else { panic!("{data:?}") };
    assert_eq!((receiver.organization_id, receiver.is_receiver), (dealer.organization.id, true));
    assert_eq!((sender.organization_id, sender.is_receiver), (portal.organization.id, false));
    assert_eq!(receiver.lex_ids, ["DEALER-001", "DEALER-001-EAST"]);
    // A LEAD waits for an hour when it says nothing about it.
    assert_eq!(data.expires_at, Some(event.time + TimeDelta::hours(1)));
    eventually("an empty outbox", async || {
        (lex.count("select count(*) from outbox").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_whom_follows_receiver_and_time_to_live() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let end = lex.time(600);
    for (id, receiver, ttl) in [
        ("M-1", "NOBODY-001", None),
        ("M-2", "LEX-PLATFORM", None),
        ("M-3", "BROADCAST", None),
        ("M-4", "BROADCAST", Some(json!({"expiresAt": end, "onExpiry": "RETURN"}))),
    ] {
        let lead = lex.lead(id, &format!("LEAD-00000{id}"), "PORTAL-001", receiver);
        let lead = match ttl {
            Some(ttl) => with_header(lead, "ttl", ttl),
            None => lead,
        };
        lex.accept(&portal, &lead).await;
    }
    let data: Vec<_> = lex.announced(4).await.into_iter().map(|event| event.data).collect();
    assert_eq!(data.iter().map(|data| data.hold).collect::<Vec<_>>(), [true, false, false, true]);
    assert_eq!(data.iter().map(|data| data.broadcast).collect::<Vec<_>>(), [false, false, true, true]);
    assert_eq!(
        data.iter().map(|data| data.expires_at.is_some()).collect::<Vec<_>>(),
        [true, false, false, true]
    );
    assert!(!data[0].participants[0].is_receiver && data[1].participants[0].is_receiver);
    assert_eq!(
        (data[3].on_expiry, data[3].expires_at.unwrap().timestamp()),
        (OnExpiry::Return, end.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp())
    );
}

#[tokio::test]
async fn of_a_refused_message_its_sender_alone_hears() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    lex.register(&organization("DEALER-001")).await;
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001");
    lex.refuse(&portal, &with(lead.clone(), "status", json!("SOON"))).await;
    let late =
        with_header(with_header(lead, "messageId", json!("M-2")), "ttl", json!({"expiresAt": lex.time(-1)}));
    lex.refuse(&portal, &late).await;
    let events = lex.announced(2).await;
    for event in &events {
        let data = &event.data;
        assert_eq!(
            (&data.events[..], data.hold, event.trackdelivery),
            (&[E::MessageFailed][..], false, false)
        );
        assert_eq!(data.participants.len(), 1);
        assert_eq!(data.participants[0].organization_id, portal.organization.id);
    }
    assert!(events[0].data.notice.is_none());
    let notice: Value = serde_json::from_str(events[1].data.notice.as_ref().unwrap().get()).unwrap();
    assert_eq!(notice["dlq"]["failureCategory"], "TTL_EXPIRED");
    assert_eq!(notice["dlq"]["originalMessage"], late);
}

#[tokio::test]
async fn assets_are_added_changed_sold_and_taken_away() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    for (number, status) in ["AVAILABLE", "RESERVED", "SOLD", "DISCONTINUED"].into_iter().enumerate() {
        let asset = lex.asset(&format!("M-{number}"), "ASSET-1", "PORTAL-001");
        lex.accept(&portal, &with(asset, "status", json!(status))).await;
    }
    // Another organisation's asset of that id is another.
    lex.accept(&organization("PORTAL-002"), &lex.asset("M-9", "ASSET-1", "PORTAL-002")).await;
    let events: Vec<_> = lex.announced(5).await.into_iter().map(|event| event.data.events).collect();
    let expected: [&[E]; 5] = [
        &[E::AssetAdded, E::MessageProcessed],
        &[E::AssetUpdated, E::MessageProcessed],
        &[E::AssetUpdated, E::AssetSold, E::MessageProcessed],
        &[E::AssetUpdated, E::AssetRemoved, E::MessageProcessed],
        &[E::AssetAdded, E::MessageProcessed],
    ];
    assert_eq!(events, expected);
}
