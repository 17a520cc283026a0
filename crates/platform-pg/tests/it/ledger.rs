//! Exact accounting of events: what was committed, what arrived.

use contracts::Service;
use contracts::topology::{WEBHOOK_DISPATCHER_EVENTS, WorkQueue};
use platform::lifecycle::Process;
use platform_broker::{Broker, BrokerSettings, HandleError, Handler, Incoming, topology};
use platform_pg::outbox::{self, OutboxEntry, PendingEvent};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use testkit::TestDatabase;
use testkit::broker::TestBroker;
use uuid::Uuid;

/// What was consumed.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    /// How often each event came.
    counts: BTreeMap<Uuid, usize>,
    /// The events as they came.
    messages: Vec<Value>,
}

impl Arrivals {
    pub fn ids(&self) -> BTreeSet<Uuid> {
        self.0.lock().unwrap().counts.keys().copied().collect()
    }

    /// How many arrivals were repetitions.
    pub fn repeated(&self) -> usize {
        self.0.lock().unwrap().counts.values().map(|count| count - 1).sum()
    }

    /// The events in the order of their arrival.
    pub fn messages(&self) -> Vec<Value> {
        self.0.lock().unwrap().messages.clone()
    }
}

impl Handler for Arrivals {
    const QUEUE: WorkQueue = WEBHOOK_DISPATCHER_EVENTS;
    const BATCH: usize = 100;
    type Message = Value;

    async fn handle(&self, batch: &[Incoming<Value>]) -> Result<(), HandleError> {
        let mut arrivals = self.0.lock().unwrap();
        for incoming in batch {
            let events = match &incoming.message {
                Value::Array(events) => events.clone(),
                event => vec![event.clone()],
            };
            assert_eq!(events[0]["id"], json!(incoming.message_id), "a message is named by its first event");
            for event in events {
                let id = event["id"].as_str().unwrap().parse().unwrap();
                *arrivals.counts.entry(id).or_default() += 1;
                arrivals.messages.push(event);
            }
        }
        Ok(())
    }
}

/// A database with an outbox, a broker with the platform's topology, and a consumer that counts.
pub struct Ledger {
    pub pool: PgPool,
    pub broker: TestBroker,
    pub arrivals: Arrivals,
    pub process: Process,
    pub database: TestDatabase,
}

impl Ledger {
    pub async fn start() -> Self {
        let (database, broker) = tokio::join!(TestDatabase::create(Service::Ingest), TestBroker::start());
        broker.apply(topology::PLATFORM).await;
        let process = testkit::process();
        let arrivals = Arrivals::default();
        let pool = database.pool();
        let ledger = Self { pool, broker, arrivals, process, database };
        ledger.connect(&ledger.broker.settings()).consume(ledger.arrivals.clone());
        ledger
    }

    /// Another process's way to the broker.
    pub fn connect(&self, settings: &BrokerSettings) -> Broker {
        let Process { clock, tasks, shutdown, .. } = &self.process;
        Broker::start(settings, Service::Ingest, clock.clone(), tasks, shutdown).unwrap()
    }

    /// Commits events as a service does, in one transaction.
    pub async fn commit(&self, count: usize) -> Vec<OutboxEntry> {
        self.commit_all((0..count).map(|_| event()).collect()).await
    }

    pub async fn commit_all(&self, events: Vec<PendingEvent>) -> Vec<OutboxEntry> {
        let mut transaction = self.pool.begin().await.unwrap();
        let entries = outbox::insert(&mut transaction, events).await.unwrap();
        transaction.commit().await.unwrap();
        entries
    }

    pub async fn in_outbox(&self) -> i64 {
        sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.pool).await.unwrap()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.process.shutdown.begin();
    }
}

pub fn event() -> PendingEvent {
    version_of("", 1)
}

/// An event of an aggregate.
pub fn version_of(aggregate: &str, version: i64) -> PendingEvent {
    let id = testkit::unique_id();
    PendingEvent {
        event_id: id,
        routing_key: "intake.lead.created.v1".to_owned(),
        kind: "lead.created".to_owned(),
        headers: json!({}),
        payload: json!({"id": id, "partitionkey": aggregate, "aggregateversion": version})
            .to_string()
            .into_bytes(),
    }
}
