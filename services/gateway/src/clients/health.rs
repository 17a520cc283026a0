//! Asking every replica of the services how it is.

use super::internal::{Call, CallError, call_replica};
use super::upstreams::Upstreams;
use crate::state::Identities;
use contracts::Service;
use contracts::internal::{HEALTH, Health};
use futures_util::future::join_all;
use hyper::Method;
use std::time::{Duration, Instant};

/// For the whole answer. Longer than a check may take (2 s), so that it is heard which one hangs.
const TIMEOUT: Duration = Duration::from_millis(2_500);

/// What a replica said of itself.
#[derive(Debug)]
pub struct Answered {
    pub service: Service,
    pub address: String,
    pub health: Result<Health, CallError>,
    pub took: Duration,
}

/// Asks all of them at once.
pub async fn ask_all(upstreams: &Upstreams, identities: &Identities) -> Vec<Answered> {
    let asked = upstreams.replicas().map(async |(service, replica)| {
        let question = Call {
            service,
            method: Method::GET,
            path_and_query: HEALTH.to_owned(),
            body: None,
            timeout: TIMEOUT,
        };
        let started = Instant::now();
        let health = call_replica(upstreams, replica, identities, question).await;
        Answered { service, address: replica.to_string(), health, took: started.elapsed() }
    });
    join_all(asked).await
}
