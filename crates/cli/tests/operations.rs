//! `leadwire backup`, `restore`, `doctor`, and the audit log, with a gateway that runs.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

use contracts::Service;
use contracts::topology::{LEAD_INTAKE_ORCHESTRATOR, RETRY_STEPS, WorkQueue};
use gateway::{
    App, ConsoleSettings, CredentialSettings, IdentityKeySettings, OauthSettings, ProxySettings,
    SecretSettings, Settings, TokenSettings, UpstreamSettings, UsageSettings,
};
use platform::telemetry::TelemetrySettings;
use platform_broker::topology::Topology;
use platform_pg::DatabaseSettings;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;
use testkit::broker::TestBroker;
use testkit::{Running, TestDatabase, answer, callers, required, unique_id};

const PEPPER: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const SEALING: &str = "1:c2VhbGluZy1zZWFsaW5nLXNlYWxpbmctc2VhbGluZyE";
const BACKUP_KEY: &str = "b1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
/// The seed of the key in RFC 8037, appendix A.
const SIGNING_KEY: &str = "1:nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const QUEUES: [WorkQueue; 1] = [LEAD_INTAKE_ORCHESTRATOR];

fn leadwire(database: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadwire"));
    command.args(arguments).env("DATABASE_URL", database).env("LEADWIRE_OPERATOR", "ada");
    command.env("LEADWIRE_GATEWAY__SECRETS__PEPPER", PEPPER).env("LEADWIRE_BACKUP_KEY", BACKUP_KEY);
    for variable in ["AMQP_URL", "REDIS_URL", "LEADWIRE_URL", "LEADWIRE_ADMIN_KEY", "RABBITMQ_MANAGEMENT_URL"]
    {
        command.env_remove(variable);
    }
    command.output().unwrap()
}

/// What a command that succeeds prints.
fn said(database: &str, arguments: &[&str]) -> String {
    let output = leadwire(database, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A gateway on a database. No other service runs, so it passes nothing on.
async fn gateway_on(database: DatabaseSettings, broker: &TestBroker) -> Running {
    let key = || callers::identity_settings().key;
    let nobody = || vec!["http://127.0.0.1:9".parse().unwrap()];
    let settings = Settings {
        http: testkit::http_settings(),
        identity: callers::identity_settings(),
        identity_keys: IdentityKeySettings {
            gateway: key(),
            lead_intake: key(),
            ingest: key(),
            lex_router: key(),
            crm_resources: key(),
            webhook_dispatcher: key(),
        },
        upstreams: UpstreamSettings {
            lead_intake: nobody(),
            ingest: nobody(),
            lex_router: nobody(),
            crm_resources: nobody(),
            webhook_dispatcher: nobody(),
        },
        database,
        redis: testkit::redis_settings(),
        secrets: SecretSettings {
            pepper: SecretString::from(PEPPER),
            encryption_keys: SecretString::from(SEALING),
        },
        credentials: CredentialSettings::default(),
        tokens: TokenSettings::default(),
        console: ConsoleSettings::default(),
        oauth: OauthSettings {
            issuer: "https://api.example.com".to_owned(),
            token_lifetime: Duration::from_mins(15),
            signing_keys: SecretString::from(SIGNING_KEY),
        },
        proxies: ProxySettings::default(),
        usage: UsageSettings::default(),
        broker: broker.settings(),
        telemetry: TelemetrySettings::default(),
    };
    let process = testkit::process();
    let app = App::build(&settings, process.clone(), String::new).await.unwrap();
    let running = Running::new(Service::Gateway, process, app.address(), app.ops_address());
    testkit::background(async move { app.run().await.unwrap() });
    running
}

async fn get(gateway: &Running, key: &str, path: &str) -> (u16, Value) {
    answer(gateway.bare(Method::GET, path).bearer_auth(key)).await
}

/// A directory of this test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("leadwire-{}", unique_id().simple()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

/// An empty database beside the test's, dropped by hand.
async fn empty_database() -> (PgConnection, String, String) {
    let admin = required("LEADWIRE_TEST_DATABASE_URL");
    let mut connection = PgConnection::connect(&admin).await.unwrap();
    let name = format!("r_{}", unique_id().simple());
    connection.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
    let mut url: reqwest::Url = admin.parse().unwrap();
    url.set_path(&name);
    (connection, name, url.into())
}

/// What a broker has, by the management API: exchanges, queues with their arguments, bindings.
struct Definitions {
    vhost: String,
}

impl Definitions {
    fn of(broker: &TestBroker) -> Self {
        let url: reqwest::Url = broker.url().parse().unwrap();
        Self { vhost: url.path().trim_start_matches('/').to_owned() }
    }

    async fn send(&self, method: Method, path: &str) -> reqwest::Response {
        let url = format!("{}/api/{path}", required("LEADWIRE_TEST_MANAGEMENT_URL").trim_end_matches('/'));
        let response = testkit::http().request(method, url).send().await.unwrap();
        response.error_for_status().unwrap()
    }

    async fn all(&self) -> Value {
        self.send(Method::GET, &format!("definitions/{}", self.vhost)).await.json().await.unwrap()
    }

    /// All of them, in an order of their own.
    async fn read(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        let all = self.all().await;
        let of = |kind: &str| all[kind].as_array().unwrap().iter().map(Value::to_string).collect();
        ["exchanges", "queues", "bindings"].map(|kind| (kind, of(kind))).into()
    }

    /// Takes every queue and exchange away.
    async fn delete(&self) {
        let all = self.all().await;
        for kind in ["queues", "exchanges"] {
            for one in all[kind].as_array().unwrap() {
                let name = one["name"].as_str().unwrap();
                self.send(Method::DELETE, &format!("{kind}/{}/{name}", self.vhost)).await;
            }
        }
    }
}

/// The drill: what was backed up beside a running service comes back, the broker's definitions as well, and a service
/// works on it.
#[tokio::test]
async fn a_backup_of_a_running_system_is_restored_and_a_service_answers_on_it() {
    let (database, broker) = tokio::join!(TestDatabase::create(Service::Gateway), TestBroker::start());
    let url = database.url("postgres");
    said(&url, &["migrate"]);
    let key = said(&url, &["bootstrap"]).trim().to_owned();
    let running = gateway_on(database.settings(), &broker).await;
    let body = json!({"slug": "acme", "name": "Acme"});
    let created =
        answer(running.bare(Method::POST, "/api/v1/organizations").bearer_auth(&key).json(&body)).await;
    assert_eq!(created.0, 201, "{}", created.1);

    broker.apply(Topology { queues: &QUEUES, retry_steps: &RETRY_STEPS }).await;
    let definitions = Definitions::of(&broker);
    let declared = definitions.read().await;
    let management = required("LEADWIRE_TEST_MANAGEMENT_URL");
    let of_broker = ["--management-url", &management, "--vhost", &definitions.vhost];

    let folder = Folder::new();
    let (backup, keys) = (folder.path("backup"), folder.path("keys.env"));
    std::fs::write(&keys, format!("LEADWIRE_GATEWAY__SECRETS__PEPPER={PEPPER}\n")).unwrap();
    let take = ["backup", &backup, "--keys-file", &keys, "--json"];
    let made: Value = serde_json::from_str(&said(&url, &[&take[..], &of_broker].concat())).unwrap();
    let organizations = &made["manifest"]["tables"]["gateway.organizations"];
    assert_eq!(*organizations, 2, "{made}");
    assert!(
        !std::fs::read_to_string(folder.path("backup/keys.sealed")).is_ok_and(|text| text.contains(PEPPER))
    );

    let (mut admin, name, empty) = empty_database().await;
    let restored_keys = folder.path("restored.env");
    definitions.delete().await;
    assert!(definitions.read().await.values().all(BTreeSet::is_empty));
    said(&empty, &[&["restore", &backup, "--keys-file", &restored_keys][..], &of_broker].concat());
    assert_eq!(definitions.read().await, declared, "each with its arguments and bindings");
    assert!(declared["queues"].iter().any(|queue| queue.contains("x-dead-letter-strategy")), "{declared:?}");
    assert_eq!(std::fs::read(&restored_keys).unwrap(), std::fs::read(&keys).unwrap());
    let again = leadwire(&empty, &["restore", &backup]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"));

    let mut settings = database.settings();
    let (old, _) = settings.url.expose_secret().rsplit_once('/').unwrap();
    settings.url = SecretString::from(format!("{old}/{name}"));
    let restored = gateway_on(settings, &broker).await;
    let (status, list) = get(&restored, &key, "/api/v1/organizations").await;
    assert_eq!(status, 200, "{list}");
    assert!(list["data"].as_array().unwrap().iter().any(|organization| organization["slug"] == "acme"));
    let (_, log) = get(&restored, &key, "/api/v1/audit-log?action=backup.restored").await;
    assert_eq!(log["data"][0]["actor"], "operator:ada", "{log}");
    drop(restored);

    std::fs::write(folder.path("backup/database.dump"), b"damaged").unwrap();
    let damaged = leadwire(&empty, &["restore", &backup, "--verify"]);
    assert!(String::from_utf8_lossy(&damaged.stderr).contains("database.dump is damaged"));
    admin.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await.unwrap();
}

// The gateway answers while the command is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_does_past_the_gateway_is_in_the_audit_log() {
    let (database, broker) = tokio::join!(TestDatabase::create(Service::Gateway), TestBroker::start());
    broker.apply(Topology { queues: &QUEUES, retry_steps: &[] }).await;
    let url = database.url("postgres");
    let key = said(&url, &["bootstrap"]).trim().to_owned();
    let running = gateway_on(database.settings(), &broker).await;
    broker.publish("", "lead-intake.orchestrator.dlq", json!({"message_id": "m-1"}), "{}").await;
    let identity = callers::identity_settings().key;
    let gateway = [
        "--amqp-url",
        &broker.url(),
        "--gateway-url",
        running.url(),
        "--gateway-identity-key",
        identity.expose_secret(),
    ];
    let purge = ["dlq", "purge", "--queue", "lead-intake.orchestrator", "--confirm"];
    said(&url, &[&purge[..], &gateway].concat());
    let (status, log) = get(&running, &key, "/api/v1/audit-log?actor=operator:ada").await;
    assert_eq!(status, 200, "{log}");
    let actions: Vec<_> = log["data"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["dlq.purged", "dlq.purge_started", "admin_key.bootstrapped"], "{log}");
    assert_eq!(log["data"][0]["after"]["purged"], 1);
    assert!(!log.to_string().contains(key.rsplit('_').next().unwrap()), "the log shows the key");
}

#[tokio::test]
async fn the_doctor_says_what_is_broken_and_what_to_do() {
    let (database, broker) = tokio::join!(TestDatabase::create(Service::Gateway), TestBroker::start());
    let (url, amqp) = (database.url("postgres"), broker.url());
    broker.apply(Topology { queues: &QUEUES, retry_steps: &[] }).await;
    let redis = required("LEADWIRE_TEST_REDIS_URL");
    let management = required("LEADWIRE_TEST_MANAGEMENT_URL");
    let doctor =
        ["doctor", "--json", "--amqp-url", &amqp, "--redis-url", &redis, "--management-url", &management];
    let output = leadwire(&url, &[&doctor[..], &["--disk", "/"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = |what: &str| {
        let findings = report["data"].as_array().unwrap();
        findings.iter().find(|finding| finding["what"] == what).unwrap_or_else(|| panic!("{what}: {report}"))
    };
    assert_eq!(finding("schema gateway")["level"], "ok");
    assert_eq!(finding("schema ingest")["level"], "broken");
    assert!(finding("schema ingest")["advice"].as_str().unwrap().contains("leadwire migrate"));
    assert_eq!(finding("postgres writes")["level"], "ok");
    assert_eq!(finding("postgres clock")["level"], "ok");
    assert_eq!(finding("outbox of gateway")["level"], "ok");
    assert_eq!(finding("queue lead-intake.orchestrator")["level"], "broken", "nobody consumes it");
    assert_eq!(finding("rabbitmq topology")["level"], "broken");
    assert!(finding("redis")["found"].as_str().unwrap().starts_with("version"));

    let unreachable = "postgres://nobody@127.0.0.1:9/nothing";
    let output = leadwire(unreachable, &["doctor"]);
    assert_eq!(output.status.code(), Some(2));
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        page.contains("broken   postgres: ") && page.contains("→ Nothing is accepted without it"),
        "{page}"
    );
}
