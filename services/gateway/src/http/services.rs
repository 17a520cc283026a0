//! `/api/v1/admin/services`: whether the services can do their job.

use super::permissions::Admin;
use crate::SERVICE;
use crate::clients::health::{Answered, ask_all};
use crate::state::State;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::Service;
use contracts::internal::Health;
use platform_http::edge::chain;
use platform_http::{Caller, HttpFault, Readiness};
use serde_json::{Value, json};
use std::time::Instant;

const READY: &str = "READY";
const DEGRADED: &str = "DEGRADED";
const DOWN: &str = "DOWN";

/// 200 with every service and its replicas, whatever they say.
pub async fn list(
    _: Caller<Admin>,
    state: web::Data<State>,
    readiness: web::Data<Readiness>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let started = Instant::now();
    let (ours, others) =
        futures_util::join!(readiness.health(), ask_all(&state.upstreams, &state.identities));
    let address = request.connection_info().host().to_owned();
    let gateway = Answered { service: SERVICE, address, health: Ok(ours), took: started.elapsed() };
    let answered: Vec<_> = std::iter::once(gateway).chain(others).collect();
    let service = |service: &Service| {
        let of_service = answered.iter().filter(|one| one.service == *service);
        let (statuses, replicas): (Vec<_>, Vec<_>) = of_service.map(|one| (status(one), write(one))).unzip();
        json!({"service": service.name(), "status": together(&statuses), "replicas": replicas})
    };
    let services: Vec<_> = Service::ALL.iter().map(service).collect();
    Ok(HttpResponse::Ok().json(json!({"data": services})))
}

/// Without one of its replicas a service works, with less to spare.
fn together(statuses: &[&str]) -> &'static str {
    let all = |wanted: &str| statuses.iter().all(|status| *status == wanted);
    if all(DOWN) {
        DOWN
    } else if all(READY) {
        READY
    } else {
        DEGRADED
    }
}

fn status(answered: &Answered) -> &'static str {
    let Ok(Health { checks, .. }) = &answered.health else { return DOWN };
    let mut failed = checks.iter().filter(|check| check.problem.is_some()).peekable();
    if failed.peek().is_none() {
        READY
    } else if failed.any(|check| check.decides) {
        DOWN
    } else {
        DEGRADED
    }
}

fn write(answered: &Answered) -> Value {
    let (version, checks) = match &answered.health {
        Ok(health) => (Some(&health.version), json!(health.checks)),
        Err(error) => {
            let problem = chain(error);
            (None, json!([{"name": "answer", "decides": true, "problem": problem}]))
        }
    };
    let took = u64::try_from(answered.took.as_millis()).unwrap_or(u64::MAX);
    json!({
        "address": answered.address, "status": status(answered), "version": version, "checks": checks, "tookMs": took,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_works_with_less_as_long_as_one_replica_works() {
        assert_eq!(together(&[READY, READY]), READY);
        assert_eq!(together(&[READY, DOWN]), DEGRADED);
        assert_eq!(together(&[DEGRADED]), DEGRADED);
        assert_eq!(together(&[DOWN, DOWN]), DOWN);
    }
}
