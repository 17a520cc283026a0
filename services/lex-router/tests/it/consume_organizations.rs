//! `lex-router.organizations`: who receives messages, and what goes with an organisation that is gone.

use crate::harness::{Harness, facts_of, organization};
use contracts::control::{OrganizationChanged, OrganizationDeleted};
use contracts::internal::Organizations;
use serde_json::json;
use testkit::eventually;
use testkit::receiver::Reply;

#[tokio::test]
async fn a_receiver_is_known_by_its_name_and_its_aliases_once_it_is_heard_of() {
    let lex = Harness::start().await;
    let (portal, dealer) = (organization("PORTAL-001"), organization("DEALER-001"));
    let warned = async |id: &str, receiver: &str| {
        lex.accept(&portal, &lex.lead(id, "LEAD-000001", "PORTAL-001", receiver)).await["warnings"]
            != json!([])
    };
    assert!(warned("M-1", "DEALER-001").await);
    lex.register(&dealer).await;
    assert!(!warned("M-2", "DEALER-001").await);
    assert!(!warned("M-3", "DEALER-001-EAST").await);
    assert!(warned("M-4", "dealer-001").await);
    assert!(!warned("M-5", "BROADCAST").await);
}

#[tokio::test]
async fn an_organisation_that_was_made_a_moment_ago_is_asked_for() {
    let lex = Harness::start().await;
    let (portal, dealer) = (organization("PORTAL-001"), organization("DEALER 001/x"));
    let found = Organizations { data: vec![facts_of(&dealer)] };
    lex.gateway.always(Reply::with_body(200, &serde_json::to_string(&found).unwrap()));
    let body = lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER 001/x")).await;
    assert_eq!(body["warnings"], json!([]));
    assert_eq!(lex.gateway.received()[0].path, "/internal/organizations?lexId=DEALER+001%2Fx");
    lex.accept(&portal, &lex.lead("M-2", "LEAD-000001", "PORTAL-001", "DEALER 001/x")).await;
    assert_eq!(lex.gateway.received().len(), 1, "it is known from then on");
    assert_eq!(lex.record(&dealer, "M-1").await["senderId"], "PORTAL-001");
}

#[tokio::test]
async fn older_news_change_nothing() {
    let lex = Harness::start().await;
    let (portal, dealer) = (organization("PORTAL-001"), organization("DEALER-001"));
    lex.register(&dealer).await;
    lex.service.process.clock.advance(chrono::TimeDelta::minutes(-1));
    let mut old = facts_of(&dealer);
    old.lex_organization_id = Some("OLD-001".to_owned());
    lex.publish(OrganizationChanged { organization: old }).await;
    lex.service.process.clock.advance(chrono::TimeDelta::minutes(1));
    lex.register(&portal).await;
    let body = lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "DEALER-001")).await;
    assert_eq!(body["warnings"], json!([]));
}

#[tokio::test]
async fn a_deleted_organisation_leaves_nothing_and_others_stay() {
    let lex = Harness::start().await;
    for name in ["PORTAL-001", "PORTAL-002"] {
        let caller = organization(name);
        lex.register(&caller).await;
        lex.accept(&caller, &lex.lead("M-1", &format!("LEAD-{name}"), name, "LEX-PLATFORM")).await;
        lex.accept(&caller, &lex.asset("M-2", "ASSET-1", name)).await;
        let run = json!({"organizationId": name, "targetLevel": 1});
        assert_eq!(lex.post(&caller, "/v1/conformance/run", &run).await.0, 200);
    }
    let organization_id = organization("PORTAL-001").organization.id;
    lex.publish(OrganizationDeleted { organization_id }).await;
    eventually("an organisation less", async || {
        (lex.count("select count(*) from organizations").await == 1).then_some(())
    })
    .await;
    for (table, left) in [
        ("select count(*) from messages", 2),
        ("select count(*) from message_names", 2),
        ("select count(*) from leads", 1),
        ("select count(*) from assets", 1),
        ("select count(*) from conformance_reports", 1),
    ] {
        assert_eq!(lex.count(table).await, left, "{table}");
    }
    assert_eq!(lex.record(&organization("PORTAL-002"), "M-1").await["senderId"], "PORTAL-002");
}
