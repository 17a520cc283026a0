//! `leadwire secrets rotate` against a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

use contracts::Service;
use platform::secrets::{Sealed, SealingKeys};
use secrecy::SecretString;
use serde_json::Value;
use sqlx::PgPool;
use std::process::{Command, Output};
use testkit::TestDatabase;
use uuid::Uuid;

const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const BOTH: &str =
    "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE,old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// More than are read at once.
const CREDENTIALS: u128 = 230;

fn keys(text: &str) -> SealingKeys {
    SealingKeys::parse(&SecretString::from(text)).unwrap()
}

fn leadwire(database: &TestDatabase, arguments: &[&str], keys: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leadwire"))
        .args(arguments)
        .env("DATABASE_URL", database.url("postgres"))
        .env("LEADWIRE_GATEWAY__SECRETS__ENCRYPTION_KEYS", keys)
        .env("LEADWIRE_WEBHOOK_DISPATCHER__SECRETS__ENCRYPTION_KEYS", keys)
        .output()
        .unwrap()
}

/// Its standard output, when it succeeded.
fn rotated(database: &TestDatabase, more: &[&str], keys: &str) -> String {
    let output = leadwire(database, &[&["secrets", "rotate"], more].concat(), keys);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

struct Stored {
    organization: Uuid,
    subscription: Uuid,
    scope: Uuid,
}

/// Credentials, a subscription that was rotated, and a kept answer, all sealed with the old key.
async fn fill(pool: &PgPool) -> Stored {
    let stored = Stored {
        organization: testkit::unique_id(),
        subscription: testkit::unique_id(),
        scope: testkit::unique_id(),
    };
    let old = keys(OLD);
    let organization = stored.organization;
    for statement in [
        "insert into gateway.organizations (id, slug, name, lex_aliases, lex_tier, api_enabled,
             monthly_event_quota, requests_per_minute_per_key, requests_per_minute_per_organization, created_at,
             updated_at) values ($1, 'acme', 'Acme', '{}', 'standard', true, 1, 1, 1, now(), now())",
        "insert into gateway.api_clients (organization_id, id, name, redirect_uris, contact_email, status,
             rate_limit_tier, created_at, updated_at)
         values ($1, $1, 'c', '{}', 'a@b.co', 'ACTIVE', 'STANDARD', now(), now())",
    ] {
        sqlx::query(statement).bind(organization).execute(pool).await.unwrap();
    }
    for number in 1..=CREDENTIALS {
        let id = Uuid::from_u128(number);
        let sealed = old.seal(&number.to_be_bytes(), format!("{organization}|{id}").as_bytes()).unwrap();
        sqlx::query(
            "with c as (insert into gateway.credentials (organization_id, client_id, id, kind, name, scopes, created_at)
                 values ($1, $1, $2, 'service_jwt', 'n', '{}', now()) returning id)
             insert into gateway.credential_secrets (lookup, credential_id, sealed_key_id, sealed, created_at)
             select 'kid_' || $2::text, id, $3, $4, now() from c",
        )
        .bind(organization)
        .bind(id)
        .bind(sealed.key_id)
        .bind(sealed.bytes)
        .execute(pool)
        .await
        .unwrap();
    }
    let owner = format!("{organization}|{}", stored.subscription);
    let [secret, previous] =
        [b"whsec_new", b"whsec_old"].map(|secret| old.seal(secret, owner.as_bytes()).unwrap());
    sqlx::query(
        "insert into webhook_dispatcher.subscriptions (id, organization_id, organization_slug, client_id, family,
             url, events, secret, secret_key_id, secret_hint, previous_secret, previous_secret_key_id, changed,
             created_at, updated_at)
         values ($1, $2, 'acme', $2, 'partner', 'https://a.co', '{*}', $3, 'old', 'w', $4, 'old', 1, now(), now())",
    )
    .bind(stored.subscription)
    .bind(organization)
    .bind(secret.bytes)
    .bind(previous.bytes)
    .execute(pool)
    .await
    .unwrap();
    let answer = old.seal(b"{}", format!("idempotency|{}|k", stored.scope).as_bytes()).unwrap();
    sqlx::query(
        "insert into gateway.idempotency (scope, key, fingerprint, status, response) values ($1, 'k', '', 201, $2)",
    )
    .bind(stored.scope)
    .bind(answer.pack())
    .execute(pool)
    .await
    .unwrap();
    stored
}

async fn old_ones(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "select (select count(*) from gateway.credential_secrets where sealed_key_id = 'old')
              + (select count(*) from webhook_dispatcher.subscriptions where secret_key_id = 'old')
              + (select count(*) from webhook_dispatcher.subscriptions where previous_secret_key_id = 'old')
              + (select count(*) from gateway.idempotency where substr(response, 2, 3) = 'old'::bytea)",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn after_a_rotation_everything_opens_with_the_new_key_alone_and_only_for_its_owner() {
    let database = TestDatabase::create(Service::Gateway).await;
    assert!(leadwire(&database, &["migrate"], OLD).status.success());
    let pool = PgPool::connect(&database.url("postgres")).await.unwrap();
    let stored = fill(&pool).await;
    let all = i64::try_from(CREDENTIALS).unwrap() + 3;

    let said = rotated(&database, &["--dry-run"], BOTH);
    assert!(said.contains("gateway.credential_secrets: 230 would be sealed anew with key \"new\""), "{said}");
    assert_eq!(old_ones(&pool).await, all, "a dry run changes nothing");

    let said = rotated(&database, &[], BOTH);
    assert!(said.contains("gateway.credential_secrets: 230 sealed anew"), "{said}");
    assert_eq!(old_ones(&pool).await, 0);
    let document: Value = serde_json::from_str(&rotated(&database, &["--dry-run", "--json"], NEW)).unwrap();
    assert_eq!(document["places"]["gateway.credential_secrets"]["current"], 230, "{document}");
    let said = rotated(&database, &[], NEW);
    assert!(said.lines().all(|line| line.contains(": 0 sealed anew")), "{said}");

    let noted: Vec<Value> = sqlx::query_scalar(
        "select after from gateway.audit_log where action = 'secrets.rotated' order by seq",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(noted.len(), 2, "a dry run is not noted");
    assert_eq!(noted[0]["places"]["gateway.credential_secrets"]["resealed"], 230, "{noted:?}");

    let new = keys(NEW);
    let open =
        |key_id: String, bytes: Vec<u8>, owner: &str| new.open(&Sealed { key_id, bytes }, owner.as_bytes());
    let credentials: Vec<(Uuid, String, Vec<u8>)> =
        sqlx::query_as("select credential_id, sealed_key_id, sealed from gateway.credential_secrets")
            .fetch_all(&pool)
            .await
            .unwrap();
    for (id, key_id, bytes) in credentials {
        let secret = open(key_id.clone(), bytes.clone(), &format!("{}|{id}", stored.organization));
        assert_eq!(secret.unwrap(), id.as_u128().to_be_bytes());
        assert!(open(key_id, bytes, &format!("{}|{}", stored.organization, Uuid::nil())).is_err());
    }
    let (secret, previous): (Vec<u8>, Vec<u8>) =
        sqlx::query_as("select secret, previous_secret from webhook_dispatcher.subscriptions")
            .fetch_one(&pool)
            .await
            .unwrap();
    let owner = format!("{}|{}", stored.organization, stored.subscription);
    assert_eq!(open("new".to_owned(), secret, &owner).unwrap(), b"whsec_new");
    assert_eq!(open("new".to_owned(), previous, &owner).unwrap(), b"whsec_old");
    let answer: Vec<u8> =
        sqlx::query_scalar("select response from gateway.idempotency").fetch_one(&pool).await.unwrap();
    let answer = Sealed::unpack(&answer).unwrap();
    let owner = format!("idempotency|{}|k", stored.scope);
    assert_eq!(new.open(&answer, owner.as_bytes()).unwrap(), b"{}");
}

#[tokio::test]
async fn a_key_that_is_missing_is_reported_and_spoils_nothing() {
    let database = TestDatabase::create(Service::Gateway).await;
    assert!(leadwire(&database, &["migrate"], OLD).status.success());
    let pool = PgPool::connect(&database.url("postgres")).await.unwrap();
    fill(&pool).await;
    sqlx::query("delete from gateway.credentials where id > $1")
        .bind(Uuid::from_u128(3))
        .execute(&pool)
        .await
        .unwrap();
    let before = old_ones(&pool).await;
    for arguments in [&["secrets", "rotate", "--dry-run"][..], &["secrets", "rotate"]] {
        let output = leadwire(&database, arguments, NEW);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(said.contains("sealed with key \"old\", which is not configured"), "{said}");
        assert!(said.contains("kid_00000000-0000-0000-0000-000000000001"), "{said}");
        assert!(!said.contains("AQEB"), "{said}");
    }
    assert_eq!(old_ones(&pool).await, before);
}
