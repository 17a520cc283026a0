//! A process in a test: a broker with its tasks, and a handler that does what its messages say.

use bytes::Bytes;
use contracts::Service;
use contracts::topology::WorkQueue;
use platform::clock::Clock;
use platform::content_coding;
use platform::ids::IdSource;
use platform::lifecycle::{Shutdown, Tasks};
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use platform_broker::topology::Topology;
use platform_broker::{Broker, BrokerSettings, HandleError, Handler, Incoming};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use testkit::broker::TestBroker;
use testkit::eventually;
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

pub(crate) const QUEUE: WorkQueue =
    WorkQueue { name: "crm-resources.orders", owner: Service::CrmResources, bindings: &["crm.order.#"] };
pub(crate) const DEAD_LETTERS: &str = "crm-resources.orders.dlq";

/// The platform's ladder, climbed quickly.
pub(crate) const TOPOLOGY: Topology<'static> = Topology {
    queues: &[QUEUE],
    retry_steps: &[
        ("10s", Duration::from_millis(50)),
        ("1m", Duration::from_millis(100)),
        ("10m", Duration::from_millis(150)),
    ],
};

/// A process that lives as long as its test.
pub(crate) struct Process {
    pub(crate) broker: Broker,
    tasks: Tasks,
    shutdown: Shutdown,
}

impl Process {
    pub(crate) fn start(settings: &BrokerSettings) -> Self {
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        let broker = Broker::start(settings, Service::CrmResources, Clock::system(), &tasks, &shutdown)
            .expect("settings");
        Self { broker, tasks, shutdown }
    }

    pub(crate) fn begin_shutdown(&self) {
        self.shutdown.begin();
    }

    /// Stops as a service does.
    pub(crate) async fn stop(self) {
        self.shutdown.begin();
        assert!(self.tasks.drain(Duration::from_secs(10)).await, "tasks are left");
        self.broker.close().await;
    }

    pub(crate) async fn ready(&self) {
        eventually("the process is ready", async || self.problems().is_empty().then_some(())).await;
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        self.broker.health().problems()
    }
}

/// A virtual host with the topology, and a process that is ready to publish.
pub(crate) async fn running() -> (TestBroker, Process) {
    let vhost = TestBroker::start().await;
    vhost.apply(TOPOLOGY).await;
    let process = Process::start(&vhost.settings());
    process.ready().await;
    (vhost, process)
}

/// The body of a message: what the handler is to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Order {
    pub(crate) number: u32,
    #[serde(default)]
    pub(crate) act: Act,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    #[default]
    Succeed,
    /// Waits for [`Orders::permits`], then succeeds.
    Wait,
    FailForNow,
    FailForGood,
    Panic,
    /// Finds its dependency down until [`Orders::permits`] has a permit.
    Depend,
}

/// Calls of a handler.
pub(crate) struct Calls {
    pub(crate) calls: mpsc::UnboundedReceiver<Vec<Incoming<Order>>>,
    pub(crate) permits: Arc<Semaphore>,
}

impl Calls {
    /// The next call.
    pub(crate) async fn next(&mut self) -> Vec<Incoming<Order>> {
        tokio::time::timeout(Duration::from_secs(10), self.calls.recv())
            .await
            .expect("a call within 10 s")
            .expect("the handler lives")
    }

    pub(crate) async fn next_numbers(&mut self) -> Vec<u32> {
        self.next().await.iter().map(|incoming| incoming.message.number).collect()
    }
}

/// A handler of orders in batches of up to `N`.
pub(crate) struct Orders<const N: usize> {
    calls: mpsc::UnboundedSender<Vec<Incoming<Order>>>,
    permits: Arc<Semaphore>,
}

impl<const N: usize> Orders<N> {
    pub(crate) fn new() -> (Self, Calls) {
        let (sender, calls) = mpsc::unbounded_channel();
        let permits = Arc::new(Semaphore::new(0));
        (Self { calls: sender, permits: Arc::clone(&permits) }, Calls { calls, permits })
    }
}

impl<const N: usize> Handler for Orders<N> {
    const QUEUE: WorkQueue = QUEUE;
    const BATCH: usize = N;
    type Message = Order;

    async fn handle(&self, batch: &[Incoming<Order>]) -> Result<(), HandleError> {
        self.calls.send(batch.to_vec()).expect("the test listens");
        for incoming in batch {
            match incoming.message.act {
                Act::Wait => self.permits.acquire().await.expect("semaphore").forget(),
                Act::FailForNow => return Err(HandleError::Transient("the moon is full".into())),
                Act::FailForGood => return Err(HandleError::Permanent("no such customer".into())),
                Act::Panic => panic!("number {}", incoming.message.number),
                Act::Depend if self.permits.available_permits() == 0 => {
                    return Err(HandleError::Unavailable("the database is down".into()));
                }
                Act::Succeed | Act::Depend => {}
            }
        }
        Ok(())
    }
}

/// The same, whose acks wait for each other longer than any test.
pub(crate) struct Patient<const N: usize>(pub(crate) Orders<N>);

impl<const N: usize> Handler for Patient<N> {
    const QUEUE: WorkQueue = QUEUE;
    const BATCH: usize = N;
    const ACK_LINGER: Duration = Duration::from_mins(10);
    type Message = Order;

    async fn handle(&self, batch: &[Incoming<Order>]) -> Result<(), HandleError> {
        self.0.handle(batch).await
    }
}

/// A message to the queue, as the outbox would publish it.
pub(crate) fn order(number: u32, act: &str) -> OutboundMessage {
    OutboundMessage {
        message_id: new_id(),
        exchange: "events",
        routing_key: "crm.order.placed.v1".to_owned(),
        kind: "order.placed".to_owned(),
        content_type: "application/json",
        headers: vec![
            ("traceparent".to_owned(), TRACEPARENT.to_owned()),
            ("tenant".to_owned(), "acme".to_owned()),
        ],
        payload: Bytes::from(json!({"number": number, "act": act}).to_string()),
    }
}

pub(crate) const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(crate) fn new_id() -> Uuid {
    IdSource::random().at(Clock::system().now())
}

/// The same with a body of this size, which is published compressed; and the body as it was.
pub(crate) fn large_order(number: u32, act: &str, size: usize) -> (OutboundMessage, Bytes) {
    let body = json!({"number": number, "act": act, "note": " ".repeat(size)}).to_string().into_bytes();
    let payload = content_coding::encoded(body.clone());
    assert!(content_coding::is_encoded(&payload) && payload.len() * 10 < size);
    (OutboundMessage { payload: payload.into(), ..order(number, act) }, body.into())
}

/// Publishes and expects every message to be confirmed.
pub(crate) async fn publish(broker: &Broker, window: &[OutboundMessage]) {
    let outcomes = broker.publisher().publish(window).await;
    assert_eq!(outcomes, vec![PublishOutcome::Confirmed; window.len()]);
}

/// Waits until a queue holds this many messages, and answers with them.
pub(crate) async fn lying(
    vhost: &TestBroker,
    queue: &str,
    count: usize,
) -> Vec<testkit::broker::QueuedMessage> {
    eventually(&format!("{count} messages lie in {queue}"), async || {
        let messages = vhost.peek(queue).await;
        (messages.len() == count).then_some(messages)
    })
    .await
}

/// The `x-error-kind` of each message.
pub(crate) fn kinds(messages: &[testkit::broker::QueuedMessage]) -> Vec<&str> {
    let mut kinds: Vec<_> =
        messages.iter().map(|message| message.header("x-error-kind").as_str().unwrap_or_default()).collect();
    kinds.sort_unstable();
    kinds
}

/// Properties of a message that a stranger publishes.
pub(crate) fn bare(message_id: &str) -> Value {
    json!({"message_id": message_id, "type": "order.placed"})
}
