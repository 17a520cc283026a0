//! The `leadwire` program against a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

use contracts::Service;
use std::process::{Command, Output};
use testkit::TestDatabase;
use testkit::broker::TestBroker;

const PEPPER: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn leadwire(arguments: &[&str], database: &TestDatabase) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leadwire"))
        .args(arguments)
        .env("DATABASE_URL", database.url("postgres"))
        .env("LEADWIRE_GATEWAY__SECRETS__PEPPER", PEPPER)
        .output()
        .unwrap()
}

/// The one line that a run of `bootstrap` prints.
fn bootstrapped(arguments: &[&str], database: &TestDatabase) -> String {
    let output = leadwire(&[&["bootstrap"], arguments].concat(), database);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 1, "{printed}");
    lines[0].to_owned()
}

#[tokio::test]
async fn bootstrap_keeps_a_key_that_works_and_replaces_one_that_does_not() {
    let database = TestDatabase::create(Service::Gateway).await;
    let first = bootstrapped(&[], &database);
    assert!(first.starts_with("ins_"));
    assert_eq!(bootstrapped(&["--existing-key", &first], &database), first);
    let tampered = format!("{first}x");
    assert_ne!(bootstrapped(&["--existing-key", &tampered], &database), tampered);
    let pool = database.pool();
    sqlx::query("update credentials set revoked_at = now()").execute(&pool).await.unwrap();
    assert_ne!(bootstrapped(&["--existing-key", &first], &database), first);
    let organizations: i64 =
        sqlx::query_scalar("select count(*) from organizations").fetch_one(&pool).await.unwrap();
    let clients: i64 = sqlx::query_scalar("select count(*) from api_clients").fetch_one(&pool).await.unwrap();
    assert_eq!((organizations, clients), (1, 1));
}

#[tokio::test]
async fn only_a_hash_of_the_key_is_stored() {
    let database = TestDatabase::create(Service::Gateway).await;
    let key = bootstrapped(&[], &database);
    let secret = key.splitn(3, '_').last().unwrap();
    let rows: Vec<String> = sqlx::query_scalar("select to_jsonb(s)::text from credential_secrets s")
        .fetch_all(&database.pool())
        .await
        .unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| !row.contains(secret)));
}

#[tokio::test]
async fn migrate_may_be_repeated_and_a_missing_setting_is_named() {
    let database = TestDatabase::create(Service::Gateway).await;
    for _ in 0..2 {
        let output = leadwire(&["migrate"], &database);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_leadwire"))
        .args(["topology", "apply"])
        .env_remove("AMQP_URL")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--amqp-url"));
}

#[tokio::test]
async fn a_topology_is_incomplete_until_it_is_applied() {
    let broker = TestBroker::start().await;
    let topology = |command: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_leadwire"))
            .args(["topology", command])
            .env("AMQP_URL", broker.url())
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (complete, said) = topology("check");
    assert!(!complete && said.contains("queue webhook-dispatcher.events: "), "{said}");
    assert!(topology("apply").0);
    assert_eq!(topology("check"), (true, "topology complete\n".to_owned()));
}
