//! The ops port: `/livez` (the process turns), `/readyz` (it can do its job), `/metrics` (Prometheus).

use crate::identity::FromService;
use actix_web::{HttpResponse, web};
use contracts::internal::{Health, HealthCheck};
use futures_util::future::{BoxFuture, join_all};
use platform::lifecycle::Shutdown;
use serde_json::{Map, Value, json};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What a service needs to do its job, as named checks.
#[derive(Clone, Default)]
pub struct Readiness(Vec<Named>);

#[derive(Clone)]
struct Named {
    name: &'static str,
    /// Whether the service is unready while the check fails.
    decides: bool,
    check: Check,
}

impl Readiness {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check; its error says what is wrong.
    #[must_use]
    pub fn with<F>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.0.push(Named { name, decides: true, check: Arc::new(move || Box::pin(check())) });
        self
    }

    /// Adds a check that is only reported: the service does its job without that dependency.
    #[must_use]
    pub fn reporting<F>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.0.push(Named { name, decides: false, check: Arc::new(move || Box::pin(check())) });
        self
    }

    /// Runs all checks at once: each name with its problem, if it has one.
    pub async fn problems(&self) -> Vec<(&'static str, Option<String>)> {
        self.results().await.into_iter().map(|(name, _, problem)| (name, problem)).collect()
    }

    /// How the process is, for other services.
    pub async fn health(&self) -> Health {
        let checks = self.results().await.into_iter();
        let check = |(name, decides, problem): (&str, bool, _)| HealthCheck {
            name: name.to_owned(),
            decides,
            problem,
        };
        Health { version: env!("CARGO_PKG_VERSION").to_owned(), checks: checks.map(check).collect() }
    }

    /// Each check's name, whether it decides, and its problem.
    async fn results(&self) -> Vec<(&'static str, bool, Option<String>)> {
        join_all(self.0.iter().map(|named| async move {
            let result = tokio::time::timeout(CHECK_TIMEOUT, (named.check)()).await;
            let problem = result.unwrap_or_else(|_| Err("no answer in time".to_owned())).err();
            (named.name, named.decides, problem)
        }))
        .await
    }
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|named| named.name)).finish()
    }
}

/// Renders the process's metrics.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// The state behind the ops endpoints.
#[derive(Clone)]
pub(crate) struct Ops {
    pub(crate) readiness: Readiness,
    pub(crate) metrics: RenderMetrics,
    pub(crate) shutdown: Shutdown,
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/livez", web::get().to(async || HttpResponse::Ok().body("ok\n")))
        .route("/readyz", web::get().to(readyz))
        .route(
            "/metrics",
            web::get().to(async |ops: web::Data<Ops>| {
                HttpResponse::Ok().content_type("text/plain; version=0.0.4").body((ops.metrics)())
            }),
        );
}

/// 200 with how the process is, for other services.
pub(crate) async fn health(_service: FromService, readiness: web::Data<Readiness>) -> HttpResponse {
    HttpResponse::Ok().json(readiness.health().await)
}

async fn readyz(ops: web::Data<Ops>) -> HttpResponse {
    let mut results = ops.readiness.results().await;
    if ops.shutdown.has_begun() {
        results.push(("shutdown", true, Some("the process is draining".to_owned())));
    }
    let ready = results.iter().all(|(_, decides, problem)| !decides || problem.is_none());
    let checks: Map<String, Value> = results
        .into_iter()
        .map(|(name, _, problem)| (name.to_owned(), json!(problem.unwrap_or_else(|| "ok".to_owned()))))
        .collect();
    let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(json!({"ready": ready, "version": env!("CARGO_PKG_VERSION"), "checks": checks}))
}
