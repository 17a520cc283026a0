//! Keeps one connection open for ever, until the shutdown begins.
//!
//! A process has two: one to publish on and one to consume on, because a broker under a memory alarm stops
//! reading from connections that publish, and acks must still get through. When the shutdown begins, a
//! connection is no longer replaced but stays open, so that work in hand can end; `Broker::close` ends it.

use crate::backoff::Backoff;
use crate::connection::{Endpoint, Link};
use crate::disposition::chain;
use crate::health::Part;
use platform::lifecycle::{Shutdown, Tasks};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often a connection is asked whether it still lives.
const LOOK: Duration = Duration::from_millis(250);
/// A connection that lasted this long was good: the next attempt comes at once after it.
const GOOD: Duration = Duration::from_secs(10);

/// The handle on a connection that is opened anew whenever it is lost.
#[derive(Clone, Debug)]
pub(crate) struct Supervised {
    current: watch::Receiver<Option<Arc<Link>>>,
}

impl Supervised {
    /// Starts to supervise. `name` is shown in the broker's management interface.
    pub(crate) fn start(
        name: String,
        endpoint: Endpoint,
        health: Part,
        tasks: &Tasks,
        shutdown: Shutdown,
    ) -> Self {
        let (sender, current) = watch::channel(None);
        let supervisor = Supervisor { name, endpoint, health, shutdown, current: sender };
        tasks.spawn("broker connection", supervisor.run());
        Self { current }
    }

    /// The connection, if there is one right now.
    pub(crate) fn now(&self) -> Option<Arc<Link>> {
        self.current.borrow().clone().filter(|link| link.alive())
    }

    /// Waits for a connection. `None` when there will be none any more, because the process shuts down.
    pub(crate) async fn wait(&self) -> Option<Arc<Link>> {
        let mut current = self.current.clone();
        loop {
            if let Some(link) = current.borrow_and_update().clone().filter(|link| link.alive()) {
                return Some(link);
            }
            current.changed().await.ok()?;
        }
    }

    /// Ends the connection that the shutdown left open.
    pub(crate) async fn close(&self) {
        if let Some(link) = self.now() {
            link.close().await;
        }
    }
}

struct Supervisor {
    name: String,
    endpoint: Endpoint,
    health: Part,
    shutdown: Shutdown,
    current: watch::Sender<Option<Arc<Link>>>,
}

impl Supervisor {
    async fn run(self) {
        let mut backoff = Backoff::new();
        let mut failures = 0_u32;
        while let Some(opened) = self.shutdown.or(Link::open(&self.endpoint, &self.name)).await {
            match opened {
                Ok(link) => {
                    tracing::info!(connection = %self.name, failures, "connected to the broker");
                    failures = 0;
                    if !self.watch(Arc::new(link), &mut backoff).await {
                        return;
                    }
                }
                Err(error) => {
                    self.health.down(chain(&error));
                    failures += 1;
                    if failures == 1 {
                        tracing::warn!(connection = %self.name, %error, "cannot connect to the broker, trying on");
                    }
                }
            }
            if !self.shutdown.sleep(backoff.next()).await {
                return;
            }
        }
    }

    /// Looks after an open connection. True when it is lost, false when the shutdown has begun.
    async fn watch(&self, link: Arc<Link>, backoff: &mut Backoff) -> bool {
        self.health.connected(link.status());
        let opened = Instant::now();
        self.current.send_replace(Some(Arc::clone(&link)));
        while link.alive() {
            if !self.shutdown.sleep(LOOK).await {
                return false;
            }
        }
        tracing::warn!(connection = %self.name, "broker connection lost, connecting anew");
        self.health.down("the connection is lost");
        self.current.send_replace(None);
        if opened.elapsed() >= GOOD {
            backoff.reset();
        }
        true
    }
}
