//! LEX: how fast messages are checked, and how many a second are routed, in groups beside one transaction for
//! each message.
//!
//! Both ways of routing run in the same service, under the same load and in turn: `POST /v1/messages` shares
//! transactions between requests, a batch of one message has a transaction of its own. lex-router is asked
//! directly, as by the gateway.

use super::gateway::load::{Load, Requests, measure, with_headers};
use super::gateway::stack::{KEY, start_service};
use super::{Report, line, line_of, median, per_second};
use contracts::identity::{
    Caller, CredentialKind, IDENTITY_HEADER, LexFacts, LexTier, Principal, SurfaceFacts,
};
use contracts::{Service, Surface};
use lex::{Context, Level, Message};
use platform::clock::Clock;
use platform_broker::topology;
use platform_http::IdentityKey;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::broker::TestBroker;
use testkit::{TestDatabase, callers};

const ROUNDS: usize = 3;
const CHECKED: usize = 20_000;
const CLIENTS: usize = 64;
/// More than a round gets through.
const MESSAGES: usize = 25_000;
const WARM_UP: Duration = Duration::from_millis(500);
const TIME: Duration = Duration::from_secs(4);

const LEAST_CHECKED: f64 = 20_000.0;
const LEAST_RATIO: f64 = 3.0;

/// Checks, then routes, several times over.
pub async fn run() -> Report {
    let checked: Vec<_> = (0..ROUNDS).map(|_| checked()).collect();
    let folder = std::env::temp_dir().join(format!("leadwire-bench-{}", testkit::unique_id().simple()));
    fs::create_dir(&folder).unwrap();
    let (database, broker) = tokio::join!(TestDatabase::create(Service::LexRouter), TestBroker::start());
    broker.apply(topology::PLATFORM).await;
    let (_router, address, _) = start_service(&folder, Service::LexRouter, &database, &broker).await;
    let load = Load { address, clients: CLIENTS, warm_up: WARM_UP, time: TIME, status: 200 };
    let (mut grouped, mut alone, mut latency) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let requests = posts("/v1/messages", |message| message);
        let measured = measure(load, &requests);
        grouped.push(measured.per_second());
        latency.push(measured.percentile(99));
        let requests = posts("/v1/messages/batch", |message| json!({"messages": [message]}));
        alone.push(measure(load, &requests).per_second());
    }
    fs::remove_dir_all(&folder).unwrap();

    let ratio = median(&grouped) / median(&alone);
    Report {
        scenario: "lex",
        lines: vec![
            line_of("LEAD messages read and checked, one core", &checked, "messages/s"),
            line_of(format!("routed in groups, {CLIENTS} connections"), &grouped, "messages/s"),
            line_of("routed in groups: p99", &latency, "ms"),
            line_of(format!("a transaction each, {CLIENTS} connections"), &alone, "messages/s"),
            line("groups beside a transaction each", ratio, "times"),
        ],
        aim: "20,000 LEAD messages/s checked by a core; routed 3 times as fast as with a transaction each",
        reached: median(&checked) >= LEAST_CHECKED && ratio >= LEAST_RATIO,
    }
}

/// From the bytes to the verdict, on this thread alone.
fn checked() -> f64 {
    let messages = lex::sample::leads(CHECKED);
    let context =
        Context { now: Clock::system().now(), level: Level::L2, previous_status: None, strict: false };
    let started = Instant::now();
    let valid = messages
        .iter()
        .filter(|bytes| {
            let message = Message::from_json(bytes).unwrap();
            lex::check(&message, &context).is_valid()
        })
        .count();
    let time = started.elapsed();
    assert_eq!(valid, CHECKED, "the samples are valid");
    per_second(CHECKED, time)
}

/// Each a message of its own, from an organisation that may send as many as it likes.
pub(super) fn posts(path: &str, body: impl Fn(Value) -> Value) -> Requests {
    let key = IdentityKey::parse(Service::LexRouter, &SecretString::from(KEY), Clock::system()).unwrap();
    let token = key.sign(Caller::Principal(Box::new(sender()))).unwrap();
    let run = testkit::unique_id().simple().to_string();
    let made = lex::sample::leads(MESSAGES).into_iter().enumerate().map(|(number, bytes)| {
        let mut message: Value = serde_json::from_slice(&bytes).unwrap();
        message["lex"]["header"]["messageId"] = json!(format!("{run}-{number}"));
        message["lex"]["header"]["senderId"] = json!("RETAILER-BENCH");
        let lead = &mut message["lex"]["payload"]["lead"];
        lead["leadId"] = json!(format!("LEAD-{run}-{number}"));
        with_headers("POST", path, &[(IDENTITY_HEADER, &token)], &body(message).to_string())
    });
    Requests::once(made.collect::<Vec<Arc<[u8]>>>())
}

fn sender() -> Principal {
    let mut principal =
        callers::key("bench", Surface::Lex, CredentialKind::OauthClient, &["lex:leads:write"]);
    principal.facts = SurfaceFacts::Lex(LexFacts {
        organization_id: Some("RETAILER-BENCH".to_owned()),
        aliases: Vec::new(),
        level: None,
        tier: LexTier::Enterprise,
        window: None,
    });
    principal
}
