//! Starting and stopping the two HTTP servers of a process: its routes and its ops port.

use crate::connection;
use crate::dialect::{Dialect, HttpFault};
use crate::edge::edge;
use crate::identity::{Anyone, IdentityKey};
use crate::ops::{self, Ops, Readiness, RenderMetrics};
use crate::settings::{HttpSettings, IdentitySettings};
use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use contracts::{FaultCode, Service};
use platform::Fault;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform::lifecycle::{Process, Shutdown};
use platform::secrets::SecretError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long background tasks may take to end.
const TASK_DRAIN: Duration = Duration::from_secs(15);

/// Is told of every answer in its final form: its request, its status, and the time until its body began. It
/// must not wait.
pub type Observe = Arc<dyn Fn(&HttpRequest, StatusCode, Duration) + Send + Sync>;

/// What the edge of a service knows.
#[derive(Clone)]
pub struct Edge {
    pub dialects: fn(path: &str) -> &'static dyn Dialect,
    pub identity: IdentityKey,
    pub body_timeout: Duration,
    pub clock: Clock,
    pub ids: IdSource,
    observe: Option<Observe>,
}

impl Edge {
    /// The edge of a service.
    ///
    /// # Errors
    /// When the identity key is malformed.
    pub fn new(
        service: Service,
        identity: &IdentitySettings,
        http: &HttpSettings,
        dialects: fn(path: &str) -> &'static dyn Dialect,
        process: &Process,
    ) -> Result<Self, SecretError> {
        Ok(Self {
            dialects,
            identity: IdentityKey::parse(service, &identity.key, process.clock.clone())?,
            body_timeout: http.body_timeout,
            clock: process.clock.clone(),
            ids: process.ids.clone(),
            observe: None,
        })
    }

    /// Lets somebody watch the answers.
    #[must_use]
    pub fn observed_by(mut self, observe: Observe) -> Self {
        self.observe = Some(observe);
        self
    }

    pub(crate) fn observed(&self, request: &HttpRequest, status: StatusCode, after: Duration) {
        if let Some(observe) = &self.observe {
            observe(request, status, after);
        }
    }

    pub(crate) fn dialect(&self, path: &str) -> &'static dyn Dialect {
        (self.dialects)(path)
    }

    pub(crate) fn new_request_id(&self) -> String {
        self.ids.at(self.clock.now()).to_string()
    }
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edge").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// The bound servers of a process, not yet running.
pub struct Servers {
    /// Where the routes are, with the real port.
    pub address: SocketAddr,
    /// Where the ops endpoints are, with the real port.
    pub ops_address: SocketAddr,
    main: Server,
    ops: Server,
    drain_delay: Duration,
}

impl Servers {
    /// Binds both ports.
    ///
    /// # Errors
    /// When a port is taken.
    pub fn bind(
        settings: &HttpSettings,
        edge_data: Edge,
        readiness: Readiness,
        metrics: RenderMetrics,
        shutdown: &Shutdown,
        routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let health = readiness.clone();
        let (main, address) = connection::serve(settings, move || {
            App::new()
                .app_data(web::Data::new(edge_data.clone()))
                .app_data(web::Data::new(health.clone()))
                .wrap(from_fn(edge))
                .default_service(web::to(nothing_here))
                .service(web::resource(contracts::internal::HEALTH).get(ops::health))
                .configure(routes.clone())
        })?;
        let state = Ops { readiness, metrics, shutdown: shutdown.clone() };
        let ops = HttpServer::new(move || {
            App::new().app_data(web::Data::new(state.clone())).configure(ops::routes)
        })
        .workers(1)
        .shutdown_timeout(1)
        .disable_signals()
        .bind(settings.ops_bind)?;
        Ok(Self {
            address,
            ops_address: first(&ops.addrs())?,
            main,
            ops: ops.run(),
            drain_delay: settings.drain_delay,
        })
    }

    /// Serves until the shutdown begins, then drains: unready at once, after the drain delay no new
    /// connections, then the background tasks, the ops port last.
    ///
    /// # Errors
    /// When a server breaks.
    pub async fn run(self, process: &Process) -> io::Result<()> {
        tracing::info!(address = %self.address, ops = %self.ops_address, "serving");
        let Process { shutdown, tasks, .. } = process;
        let (main, ops) = (self.main.handle(), self.ops.handle());
        let stop = async {
            shutdown.begun().await;
            tokio::time::timeout(self.drain_delay, std::future::pending::<()>()).await.unwrap_or_default();
            main.stop(true).await;
            shutdown.end_requests();
            if !tasks.drain(TASK_DRAIN).await {
                tracing::warn!("some tasks did not end in time");
            }
            ops.stop(true).await;
        };
        let serve = async {
            let result = tokio::try_join!(self.main, self.ops);
            // A server that ends by itself ends the process.
            shutdown.begin();
            result.map(|_| ())
        };
        let ((), result) = tokio::join!(stop, serve);
        result
    }
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Servers").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Every path without a route: for callers from the gateway it does not exist, for others nothing does.
async fn nothing_here(_: Anyone) -> Result<HttpResponse, HttpFault> {
    Err(Fault::new(FaultCode::RouteNotFound, "this operation is not available").into())
}

fn first(addresses: &[SocketAddr]) -> io::Result<SocketAddr> {
    addresses.first().copied().ok_or_else(|| io::Error::other("the server is bound to no address"))
}
