//! A rolling upgrade: what the first release writes and says is understood by this one. The fixtures never
//! change.

use crate::ledger::Ledger;
use contracts::event::CloudEvent;
use contracts::identity::{Caller, CredentialKind, IDENTITY_ISSUER, IdentityClaims};
use contracts::lead::LeadCreated;
use platform_pg::idempotency::{Claim, Claimed, Lifetime, claim, find_all};
use platform_pg::relay::Relay;
use serde_json::{Value, json};
use sqlx::Executor;
use std::time::Duration;
use testkit::eventually_within;
use uuid::Uuid;

const ROWS: &str = include_str!("fixtures/release_1.sql");
const EVENT: &str = include_str!("../../../../proto/fixtures/intake.lead.created.v1.json");
const CLAIMS: &str = include_str!("../../../../proto/fixtures/identity_claims.v1.json");

#[tokio::test]
async fn rows_of_release_1_are_accepted_swept_and_replayed() {
    let ledger = Ledger::start().await;
    ledger.pool.execute(ROWS).await.unwrap();
    // Its process was killed before it could publish: today's sweeper does.
    let broker = ledger.connect(&ledger.broker.settings());
    Relay::start(&ledger.pool, broker.publisher(), &ledger.process.tasks, &ledger.process.shutdown);
    let message = eventually_within(Duration::from_secs(30), "the event of release 1", async || {
        ledger.arrivals.messages().into_iter().next()
    })
    .await;
    let event: CloudEvent<LeadCreated> = serde_json::from_value(message).unwrap();
    assert_eq!(event.data.customer.last_name, "Hopper");

    let scope = Uuid::from_u128(0x019a_a9c1_7a00_7000_8000_0000_0000_0003);
    let key = "lead:0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b".to_owned();
    let request = Claim { scope, key: key.clone(), fingerprint: Some([7; 32]), lifetime: Lifetime::ForEver };
    let mut connection = ledger.pool.acquire().await.unwrap();
    let Claimed::Replay(stored) = claim(&mut connection, &request, ledger.process.clock.now()).await.unwrap()
    else {
        unreachable!("release 1 has answered it")
    };
    assert_eq!(stored.status, 201);
    assert!(stored.response.starts_with(br#"{"ok":true"#));
    let found = find_all(&mut connection, &[(scope, key.clone())]).await.unwrap();
    assert_eq!(found[&(scope, key)], stored);
}

#[test]
fn an_event_with_fields_that_nobody_knows_yet_is_read_as_if_they_were_not_there() {
    let known: CloudEvent<LeadCreated> = serde_json::from_str(EVENT).unwrap();
    let mut later: Value = serde_json::from_str(EVENT).unwrap();
    for place in ["", "/data", "/data/customer", "/data/customer/address"] {
        let object = later.pointer_mut(place).unwrap().as_object_mut().unwrap();
        object.insert("added_in_release_2".to_owned(), json!({"any": ["thing"]}));
    }
    assert_eq!(serde_json::from_value::<CloudEvent<LeadCreated>>(later).unwrap(), known);
}

#[test]
fn identity_claims_of_release_1_are_understood_written_alike_and_may_have_more_fields() {
    let claims: IdentityClaims = serde_json::from_str(CLAIMS).unwrap();
    assert_eq!((claims.iss.as_str(), claims.aud.as_str()), (IDENTITY_ISSUER, "lead-intake"));
    let mut later: Value = serde_json::from_str(CLAIMS).unwrap();
    assert_eq!(serde_json::to_value(&claims).unwrap(), later);
    let Caller::Principal(caller) = &claims.caller else { unreachable!("{claims:?}") };
    assert_eq!(caller.credential.kind, CredentialKind::ServiceJwt);
    for place in ["", "/caller", "/caller/organization", "/caller/credential"] {
        later.pointer_mut(place).unwrap()["added_in_release_2"] = json!(true);
    }
    assert_eq!(serde_json::from_value::<IdentityClaims>(later).unwrap(), claims);
}
