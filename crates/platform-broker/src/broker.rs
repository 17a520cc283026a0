//! The broker as the composition root of a service sees it.

use crate::connection::Endpoint;
use crate::consumer::{Handler, Runner};
use crate::depths;
use crate::error::BrokerError;
use crate::health::Health;
use crate::lane::Lane;
use crate::publisher::Publisher;
use crate::replica::{ReplicaHandler, ReplicaRunner};
use crate::settings::BrokerSettings;
use crate::supervisor::Supervised;
use crate::tape::TapeReader;
use crate::topology::{self, Topology};
use contracts::Service;
use contracts::topology::{Tape, WorkQueue};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use platform::clock::Clock;
use platform::lifecycle::{Shutdown, Tasks};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Between two looks at a topology that is not complete.
const TOPOLOGY_INTERVAL: Duration = Duration::from_secs(2);

/// A process's way to the broker: up to two supervised connections, its publishers and its consumers.
/// Clones are handles on the same.
#[derive(Clone, Debug)]
pub struct Broker(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    service: Service,
    endpoint: Endpoint,
    clock: Clock,
    tasks: Tasks,
    shutdown: Shutdown,
    health: Health,
    publish: Supervised,
    /// Opened with the first consumer.
    consume: OnceLock<Supervised>,
}

impl Broker {
    /// Starts to connect and returns at once: a broker that is down makes the process unready, not dead.
    /// Call it on the runtime that the process's I/O lives on.
    ///
    /// # Errors
    /// [`BrokerError::InvalidUrl`] alone.
    pub fn start(
        settings: &BrokerSettings,
        service: Service,
        clock: Clock,
        tasks: &Tasks,
        shutdown: &Shutdown,
    ) -> Result<Self, BrokerError> {
        let endpoint = Endpoint::new(settings)?;
        let health = Health::default();
        let part = health.part("broker connection to publish on");
        let name = format!("{service} publish");
        let publish = Supervised::start(name, endpoint.clone(), part, tasks, shutdown.clone());
        Ok(Self(Arc::new(Parts {
            service,
            endpoint,
            clock,
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
            health,
            publish,
            consume: OnceLock::new(),
        })))
    }

    /// A publisher with a channel of its own.
    pub fn publisher(&self) -> Publisher {
        Publisher::new(Lane::new(self.0.publish.clone()), self.0.service, self.0.clock.clone())
    }

    /// Starts a consumer of a work queue. It runs until the shutdown begins and its batch in hand is done.
    pub fn consume<H: Handler>(&self, handler: H) {
        let runner = Runner {
            handler,
            connection: self.consume_connection(),
            lane: Lane::new(self.0.publish.clone()),
            health: self.0.health.part(&format!("consumer of {}", H::QUEUE.name)),
            shutdown: self.0.shutdown.clone(),
            clock: self.0.clock.clone(),
        };
        self.0.tasks.spawn(H::QUEUE.name, runner.run());
        let watching = depths::watch(H::QUEUE, self.consume_connection(), self.0.shutdown.clone());
        self.0.tasks.spawn("queue depths", watching);
    }

    /// Starts a consumer of events that every replica of the service has to see.
    pub fn consume_replica<H: ReplicaHandler>(&self, handler: H) {
        let runner = ReplicaRunner {
            handler,
            service: self.0.service,
            connection: self.consume_connection(),
            health: self.0.health.part("consumer of the replica's control events"),
            shutdown: self.0.shutdown.clone(),
        };
        self.0.tasks.spawn("replica control events", runner.run());
    }

    /// The way to a tape.
    pub fn tape(&self, tape: Tape) -> TapeReader {
        TapeReader::new(self.consume_connection(), tape)
    }

    /// How many messages of a work queue wait to be sent to a consumer. Those that a consumer has in hand are
    /// not among them.
    ///
    /// # Errors
    /// When there is no connection, or no such queue.
    pub async fn waiting(&self, queue: WorkQueue) -> Result<u32, BrokerError> {
        let no_connection =
            || BrokerError::Refused { what: "look at a queue", source: "there is no connection".into() };
        let link = self.consume_connection().now().ok_or_else(no_connection)?;
        let channel = link.channel().await?;
        let options = QueueDeclareOptions { passive: true, durable: true, ..Default::default() };
        let looking = channel.queue_declare(queue.name.into(), options, FieldTable::default());
        let count = link.decisive("look at a queue", looking).await?.message_count();
        let closing = channel.close(200, "closed by the client".into());
        link.endpoint().request("close the channel", closing).await?;
        Ok(count)
    }

    /// Looks once, as soon as the broker answers, whether what the process needs is there, and says precisely
    /// what is not; until all of it is, that is a problem of [`Broker::health`]. Declares nothing.
    pub fn check_topology(&self, topology: Topology<'static>) {
        let (endpoint, shutdown) = (self.0.endpoint.clone(), self.0.shutdown.clone());
        let part = self.0.health.part("broker topology");
        let name = format!("{} topology check", self.0.service);
        self.0.tasks.spawn("topology check", async move {
            let mut known = Vec::new();
            loop {
                match topology::check_at(&endpoint, &name, topology).await {
                    Ok(differences) if differences.is_empty() => return part.done(),
                    Ok(differences) => {
                        part.down(differences.join("; "));
                        for difference in differences.iter().filter(|line| !known.contains(*line)) {
                            tracing::error!("broker topology: {difference}: run leadwire topology apply");
                        }
                        known = differences;
                    }
                    Err(error) => part.down(error.to_string()),
                }
                if !shutdown.sleep(TOPOLOGY_INTERVAL).await {
                    return;
                }
            }
        });
    }

    /// What does not work right now, for readiness.
    pub fn health(&self) -> Health {
        self.0.health.clone()
    }

    /// Closes the connections, in bounded time. Call it last: after the shutdown has begun and the tasks
    /// have drained, because until then messages in hand are still published and acked.
    pub async fn close(&self) {
        if let Some(consume) = self.0.consume.get() {
            consume.close().await;
        }
        self.0.publish.close().await;
    }

    fn consume_connection(&self) -> Supervised {
        self.0
            .consume
            .get_or_init(|| {
                let part = self.0.health.part("broker connection to consume on");
                let name = format!("{} consume", self.0.service);
                Supervised::start(name, self.0.endpoint.clone(), part, &self.0.tasks, self.0.shutdown.clone())
            })
            .clone()
    }
}
