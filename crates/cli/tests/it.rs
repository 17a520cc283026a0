//! The `leadwire` program: against a real PostgreSQL, a real RabbitMQ, a real shell, and alone.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

use chrono::TimeDelta;
use contracts::Service;
use contracts::topology::{LEAD_INTAKE_ORCHESTRATOR, RETRY_STEPS};
use platform::clock::Clock;
use platform_broker::topology::Topology;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use testkit::broker::TestBroker;
use testkit::{TestDatabase, unique_id};

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
    let document = leadwire(&["bootstrap", "--existing-key", &first, "--json"], &database).stdout;
    assert_eq!(serde_json::from_slice::<Value>(&document).unwrap(), json!({"key": first}));
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
    let document: Value =
        serde_json::from_slice(&leadwire(&["migrate", "--json"], &database).stdout).unwrap();
    assert_eq!(document["upToDate"].as_array().map(Vec::len), Some(Service::ALL.len()), "{document}");
    assert!(ends(&["topology", "apply"], 2).contains("--amqp-url"));
}

/// `leadwire topology`: its exit code, and what it answers.
fn topology(broker: &TestBroker, arguments: &[&str]) -> (Option<i32>, String) {
    let output = alone(&[&["topology"], arguments].concat()).env("AMQP_URL", broker.url()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn a_topology_is_incomplete_until_it_is_applied() {
    let broker = TestBroker::start().await;
    let (code, said) = topology(&broker, &["check"]);
    assert!(code == Some(1) && said.contains("queue webhook-dispatcher.events: missing"), "{said}");
    assert_eq!(topology(&broker, &["apply"]).0, Some(0));
    assert_eq!(topology(&broker, &["check"]), (Some(0), "topology complete\n".to_owned()));
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_named_with_what_it_has_and_what_it_should_have() {
    let broker = TestBroker::start().await;
    // One that rests too short, as an old version might have declared it.
    let steps = [(RETRY_STEPS[0].0, Duration::from_secs(7))];
    broker.apply(Topology { queues: &[LEAD_INTAKE_ORCHESTRATOR], retry_steps: &steps }).await;
    let queue = LEAD_INTAKE_ORCHESTRATOR.retry_queue(RETRY_STEPS[0].0);
    let wanted = RETRY_STEPS[0].1.as_millis();
    let line = format!("queue {queue}: x-message-ttl is '7000', and should be '{wanted}'");

    let (code, said) = topology(&broker, &["check"]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&line) && said.contains("delete it, and apply"), "{said}");
    assert!(!said.contains(&format!("queue {}: ", LEAD_INTAKE_ORCHESTRATOR.name)), "{said}");
    let (code, said) = topology(&broker, &["check", "--json"]);
    let document: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &document["complete"]), (Some(1), &json!(false)));
    assert!(document["differences"].as_array().unwrap().contains(&json!(line)), "{document}");

    let (code, said) = topology(&broker, &["apply"]);
    assert!(code == Some(1) && said.contains(&queue), "nothing is changed, and it is said why: {said}");
    broker.delete_queue(&queue).await;
    assert_eq!(topology(&broker, &["apply", "--json"]).0, Some(0));
    assert_eq!(topology(&broker, &["check"]).0, Some(0));
}

/// The program without an installation.
fn alone(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadwire"));
    command.args(arguments);
    for variable in ["AMQP_URL", "DATABASE_URL", "REDIS_URL", "LEADWIRE_URL", "LEADWIRE_ADMIN_KEY"] {
        command.env_remove(variable);
    }
    command
}

/// What the program prints, which ends with this code.
fn ends(arguments: &[&str], code: i32) -> String {
    let output = alone(arguments).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

#[test]
fn a_wrong_command_line_ends_two_and_a_gateway_that_is_away_ends_one() {
    for wrong in [
        &["dqls", "ls"][..],
        &["topology", "check"],
        &["dlq", "replay", "--queue", "q", "--subscription", "s"],
        &["dlq", "ls", "--nonsense"],
        &["send", "http://127.0.0.1:9", "--family", "pigeon"],
        &["erase", "--organization", "acme"],
    ] {
        assert!(ends(wrong, 2).contains("--help"), "{wrong:?}");
    }
    let away = ["--url", "http://127.0.0.1:9", "--admin-key", "ins_key"];
    for command in [
        &["events", "show", "evt_019b7d2a1c0870008000000000000001"][..],
        &["deliveries", "ls"],
        &["dlq", "stats", "--by", "endpoint"],
        &["dlq", "replay", "--subscription", "019b7d2a-1c08-7000-8000-000000000001"],
    ] {
        let said = ends(&[command, &away].concat(), 1);
        assert!(said.contains("does not answer") && !said.contains("ins_key"), "{said}");
    }
    let said = ends(&[&["automation"], &away[..], &["list", "--organization", "acme"]].concat(), 1);
    assert!(said.contains("does not answer"), "{said}");
    assert!(ends(&["events", "show", "evt_1"], 1).contains("LEADWIRE_URL"), "what is missing is named");
}

/// A shell's completions.
fn completions(shell: &str) -> String {
    let script = ends(&["completions", shell], 0);
    for word in ["dlq", "replay", "topology", "automation", "--subscription", "--management-url"] {
        // Fish is given the names of options without their hyphens.
        let word = if shell == "fish" { word.trim_start_matches('-') } else { word };
        assert!(script.contains(word), "{word} is not in the script for {shell}");
    }
    script
}

/// What a shell answers to a script of its own; `None` when the machine has no such shell.
fn in_shell(shell: &str, arguments: &[&str], script: &str) -> Option<String> {
    let mut command = Command::new(shell);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().ok()?;
    running.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{shell}: {complaint}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn shells_take_their_completions() {
    let script = completions("bash");
    for (typed, wanted) in
        [("leadwire dlq re", "replay"), ("leadwire topology ", "check"), ("leadwire do", "doctor")]
    {
        let ask = format!(
            "{script}\nCOMP_WORDS=({typed}{}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) COMPREPLY=()\n\
             _leadwire leadwire \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            if typed.ends_with(' ') { "''" } else { "" }
        );
        let said = in_shell("bash", &["--norc"], &ask).unwrap();
        assert!(said.lines().any(|line| line == wanted), "{typed}: {said}");
    }
    in_shell("bash", &["-n"], &script).unwrap();
    in_shell("zsh", &["-n"], &completions("zsh"));
    in_shell("fish", &["--no-execute"], &completions("fish"));
    assert!(ends(&["completions", "cobol"], 2).contains("possible values"));
}

/// A message in a file of its own, gone with it.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("leadwire-{}", unique_id().simple()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap_or_default();
    }
}

const LEAD: &str = r#"{"lex": {
  "header": {
    "messageId": "M-1", "messageType": "LEAD", "version": "1.0",
    "timestamp": "2026-01-01T00:00:00Z", "senderId": "PORTAL-001", "receiverId": "LEX-PLATFORM"
  },
  "payload": {"lead": {
    "leadId": "LEAD-000001", "status": "SHOPPING", "source": "OTHER",
    "customer": {"firstName": "Ada", "emailAddress": "ada@example.com"},
    "desiredProduct": {"productType": "VEHICLE"}, "metadata": {"countryCode": "US"}
  }}
}}"#;

#[test]
fn a_lex_message_is_judged_offline_with_the_line_of_each_issue() {
    let good = File::new(LEAD);
    assert!(ends(&["lex", "validate", good.path()], 0).ends_with(": 0 error(s), 0 warning(s)\n"));
    let bad = File::new(&LEAD.replace("SHOPPING", "SOON"));
    let said = ends(&["lex", "validate", bad.path()], 1);
    assert!(
        said.starts_with(&format!("{}:7: ERROR INVALID_ENUM_VALUE payload.lead.status: ", bad.path())),
        "{said}"
    );
    let document: Value = serde_json::from_str(&ends(&["lex", "validate", bad.path(), "--json"], 1)).unwrap();
    let issue = &document["issues"][0];
    assert_eq!(
        (&document["valid"], &issue["line"], &issue["level"]),
        (&json!(false), &json!(7), &json!("ERROR"))
    );
    assert!(issue["allowedValues"].is_array(), "what would be right is said: {issue}");
    assert!(ends(&["lex", "validate", "/nowhere/lead.json"], 1).contains("cannot be read"));
}

#[test]
fn a_certificate_proves_something_with_the_key_that_it_was_made_with_alone() {
    let now = Clock::system().now();
    let [token, old] =
        [now, now - TimeDelta::days(800)].map(|at| lex::certificate::issue(&[0; 32], 2, "PORTAL-001", at));
    let verify = |token: &str, key: &str, code: i32| {
        ends(&["lex", "verify-certificate", token, "--signing-key", key], code)
    };
    assert!(verify(&token, PEPPER, 0).starts_with("valid: PORTAL-001 at level 2 until "));
    assert!(verify(&old, PEPPER, 1).contains("it expired at"));
    assert!(verify(&token, &PEPPER.replacen('A', "B", 1), 1).contains("not made with this key"));
    assert!(verify("LEX-1", PEPPER, 1).contains("has not the form"));
    assert!(verify(&token, "short", 1).contains("is not 32 bytes in base64url"));
}
