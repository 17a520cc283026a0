//! `lead-intake.organizations`: an organisation that is gone takes its leads along.

use crate::harness::{Harness, lead};
use contracts::control::{OrganizationChanged, OrganizationDeleted, OrganizationFacts};
use contracts::identity::LexTier;
use reqwest::Method;
use testkit::{callers, eventually};

async fn count(intake: &Harness, statement: &'static str) -> i64 {
    let acme = callers::organization_id("acme").as_uuid();
    sqlx::query_scalar(statement).bind(acme).fetch_one(&intake.database.pool()).await.unwrap()
}

const LEADS: &str = "select count(*) from leads where organization_id = $1";
const ORCHESTRATIONS: &str = "select count(*) from orchestrations where organization_id = $1";
const ANSWERS: &str = "select count(*) from idempotency where scope = $1";

#[tokio::test]
async fn everything_of_a_deleted_organisation_goes_and_nothing_of_another() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    for _ in 0..3 {
        intake.arrived(&lead()).await;
    }
    let globex = callers::partner("globex", &["leads:write"]);
    let request = intake.service.request(&globex, Method::POST, "/api/v1/partners/globex/leads");
    assert_eq!(request.json(&lead()).send().await.unwrap().status().as_u16(), 201);
    // More than one statement deletes.
    sqlx::query(
        "insert into leads (organization_id, lead_id, received_at, partner_slug, correlation_id, client_id,
             credential_id, status, next_action, customer)
         select organization_id, gen_random_uuid(), received_at, partner_slug, gen_random_uuid(), client_id,
             credential_id, status, next_action, customer
         from (select * from leads where partner_slug = 'acme' limit 1) one, generate_series(1, 1200)",
    )
    .execute(&intake.database.pool())
    .await
    .unwrap();
    let facts = OrganizationFacts {
        id: callers::organization_id("acme"),
        slug: "acme".to_owned(),
        name: "Acme".to_owned(),
        lex_organization_id: None,
        lex_aliases: Vec::new(),
        lex_level: None,
        lex_tier: LexTier::Standard,
        lex_notification_webhook: None,
    };
    intake.publish(OrganizationChanged { organization: facts }).await;
    intake.publish(OrganizationDeleted { organization_id: callers::organization_id("acme") }).await;
    eventually("nothing of acme", async || {
        let left = count(&intake, LEADS).await
            + count(&intake, ORCHESTRATIONS).await
            + count(&intake, ANSWERS).await;
        (left == 0).then_some(())
    })
    .await;
    let pool = intake.database.pool();
    let others: i64 = sqlx::query_scalar("select count(*) from leads").fetch_one(&pool).await.unwrap();
    let answers: i64 = sqlx::query_scalar("select count(*) from idempotency").fetch_one(&pool).await.unwrap();
    assert_eq!((others, answers), (1, 1));
    eventually("the other organisation's lead has gone on", async || {
        orchestrator.run_until_idle().await.unwrap();
        (!hubspot.deals().is_empty()).then_some(())
    })
    .await;
    assert_eq!(hubspot.deals().len(), 1, "only the other organisation's lead goes on");
    let queue = contracts::topology::LEAD_INTAKE_ORGANIZATIONS;
    assert!(intake.broker.peek(&queue.dead_letter_queue()).await.is_empty());
}
