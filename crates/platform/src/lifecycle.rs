//! Life and death of a process: the shutdown signal, and tasks that are supervised until it.

use crate::clock::Clock;
use crate::ids::IdSource;
use crate::telemetry::Telemetry;
use std::future::Future;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often histograms are folded, so that an unscraped process does not grow.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Tells every part of a process that it is time to stop. Clones speak of the same shutdown.
///
/// It has two steps, so that requests in flight are still served in full: first nothing new is begun, then,
/// when the last request has been answered, what serves requests ends as well.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    begun: CancellationToken,
    requests_ended: CancellationToken,
}

impl Shutdown {
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the shutdown.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Waits for the shutdown to begin.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Says that no request is in flight any more. A process that serves none has no need to.
    pub fn end_requests(&self) {
        self.requests_ended.cancel();
    }

    /// Waits until the shutdown has begun and no request is in flight any more.
    pub async fn requests_ended(&self) {
        self.requests_ended.cancelled().await;
    }

    /// Waits for a time, or less when the shutdown begins. True when the time has passed.
    pub async fn sleep(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.begun.cancelled()).await.is_err()
    }

    /// Runs a future until it ends or the shutdown begins, whichever is first; `None` for the latter.
    pub async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.begun.cancelled() => None,
            output = future => Some(output),
        }
    }

    /// Begins the shutdown at SIGTERM or SIGINT.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn begin_at_signal(&self, tasks: &Tasks) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tasks.spawn("signals", async move {
            tokio::select! {
                _ = terminate.recv() => tracing::info!("SIGTERM: draining"),
                _ = interrupt.recv() => tracing::info!("SIGINT: draining"),
                () = shutdown.begun() => {}
            }
            shutdown.begin();
        });
        Ok(())
    }
}

/// The tasks of a process. One that panics begins the shutdown: a process that lost a part must not go on
/// as if it were whole, its supervisor starts a new one.
#[derive(Clone, Debug)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: Shutdown,
}

impl Tasks {
    pub fn new(shutdown: Shutdown) -> Self {
        Self { tracker: TaskTracker::new(), shutdown }
    }

    /// Starts a task that ends by itself when the shutdown begins.
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let shutdown = self.shutdown.clone();
        let handle = self.tracker.spawn(future);
        self.tracker.spawn(async move {
            if let Err(error) = handle.await
                && error.is_panic()
            {
                tracing::error!(task = name, "task panicked, shutting down");
                shutdown.begin();
            }
        });
    }

    /// Waits until every task has ended, for at most `limit`. False when some were left.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait()).await.is_ok()
    }
}

/// What every part of a process is built with.
#[derive(Clone, Debug)]
pub struct Process {
    pub clock: Clock,
    pub ids: IdSource,
    pub shutdown: Shutdown,
    pub tasks: Tasks,
}

impl Process {
    /// With this clock and these ids; a test hands in its own.
    pub fn new(clock: Clock, ids: IdSource) -> Self {
        let shutdown = Shutdown::new();
        Self { clock, ids, tasks: Tasks::new(shutdown.clone()), shutdown }
    }

    /// The process of a `main`: real time, random ids, stopped by SIGTERM and SIGINT, metrics kept small.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn of_main(telemetry: &Telemetry) -> std::io::Result<Self> {
        let process = Self::new(Clock::system(), IdSource::random());
        process.shutdown.begin_at_signal(&process.tasks)?;
        let (metrics, shutdown) = (telemetry.metrics.clone(), process.shutdown.clone());
        process.tasks.spawn("metrics", async move {
            while shutdown.sleep(UPKEEP_INTERVAL).await {
                metrics.run_upkeep();
            }
        });
        Ok(process)
    }
}

/// The runtime of a service. Requests have threads of their own (`http.workers`), and most of the rest is waiting: half
/// of the cores are enough for it, and more threads would mostly wake each other. `TOKIO_WORKER_THREADS` overrules it.
///
/// # Errors
/// When the machine refuses a thread.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    // The allocator asks for pages of 2 MB, of which every thread fills a corner: without them a process that waits
    // holds half of the memory. A kernel that cannot do without them is no reason to fail.
    nix::sys::prctl::set_thp_disable(true).ok();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        builder.worker_threads((cores / 2).max(1));
    }
    builder.enable_all().build()
}

/// Installs the one TLS provider of the process. Call it first.
pub fn install_tls() {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed before");
    }
}
