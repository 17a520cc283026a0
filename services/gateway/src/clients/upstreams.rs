//! The services behind the gateway: which replica gets a request, and what became of it.
//!
//! The replica with the fewest requests in flight, in turn among equals, so that one which hangs is soon left
//! alone. One that cannot be connected to, runs out of time or answers 503 rests for a moment: it is asked
//! only when the others rest too. A request is sent to another one only when not a byte of it has been sent
//! to the first.

use super::exchange::{Address, Client, Outgoing, Response, UpstreamError};
use contracts::Service;
use hyper::StatusCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use url::Url;

/// How long a replica is left alone after it could not be connected to, or said that it cannot work.
const REST: Duration = Duration::from_secs(1);
/// The same after it ran out of time: it has cost a client much more.
const LONG_REST: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Replica {
    address: Address,
    /// Requests that it has not begun to answer.
    in_flight: AtomicUsize,
    rests_until: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Replicas {
    service: Service,
    replicas: Vec<Replica>,
    next: AtomicUsize,
}

/// The one client for all services.
#[derive(Clone, Debug)]
pub struct Upstreams {
    client: Client,
    services: Arc<[Replicas]>,
}

impl Upstreams {
    /// # Errors
    /// When an address is malformed or the client cannot be built.
    pub fn new(services: Vec<(Service, Vec<Url>)>) -> anyhow::Result<Self> {
        let replica = |url: &Url| {
            let address = Address::of(url)?;
            Ok(Replica { address, in_flight: AtomicUsize::new(0), rests_until: Mutex::new(None) })
        };
        let replicas = |(service, urls): (Service, Vec<Url>)| {
            let replicas = urls.iter().map(replica).collect::<Result<_, UpstreamError>>()?;
            Ok(Replicas { service, replicas, next: AtomicUsize::new(0) })
        };
        let services = services.into_iter().map(replicas).collect::<Result<_, UpstreamError>>()?;
        Ok(Self { client: Client::new()?, services })
    }

    /// The same services over connections of its own, which are driven by the thread that opens them: for a
    /// worker thread, which then waits for no other.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn on_own_connections(&self) -> Result<Self, rustls::Error> {
        Ok(Self { client: Client::new()?, services: self.services.clone() })
    }

    /// Sends a request to one replica of a service; the answer's body is still on its way.
    ///
    /// # Errors
    /// When there is no answer, or not in time.
    pub async fn send(&self, service: Service, outgoing: &Outgoing) -> Result<Response, UpstreamError> {
        let Some(replicas) = self.services.iter().find(|replicas| replicas.service == service) else {
            return Err(UpstreamError::Unconfigured);
        };
        let mut refused = UpstreamError::Unconfigured;
        for replica in replicas.in_turn() {
            let waiting = Waiting::on(replica);
            let outcome = self.client.send(&replica.address, outgoing).await;
            drop(waiting);
            if let Err(UpstreamError::Refused(error)) = outcome {
                tracing::warn!(service = %service, replica = %replica.address, "cannot be connected to");
                replica.rest(REST);
                refused = UpstreamError::Refused(error);
                continue;
            }
            match &outcome {
                Err(UpstreamError::Timeout) => {
                    tracing::warn!(service = %service, replica = %replica.address, "ran out of time");
                    replica.rest(LONG_REST);
                }
                Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => replica.rest(REST),
                _ => {}
            }
            return outcome;
        }
        Err(refused)
    }

    /// Every replica of every service.
    pub fn replicas(&self) -> impl Iterator<Item = (Service, &Address)> {
        self.services
            .iter()
            .flat_map(|one| one.replicas.iter().map(|replica| (one.service, &replica.address)))
    }

    /// Sends a request to this replica and no other, whether it rests or not.
    ///
    /// # Errors
    /// When there is no answer, or not in time.
    pub async fn send_to(&self, replica: &Address, outgoing: &Outgoing) -> Result<Response, UpstreamError> {
        self.client.send(replica, outgoing).await
    }
}

impl Replicas {
    /// Every replica once, the idlest first and the next in turn among equals; those that rest come last, so
    /// that they are asked only when there is no other.
    fn in_turn(&self) -> Vec<&Replica> {
        let count = self.replicas.len();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut turn: Vec<_> =
            (0..count).map(|step| &self.replicas[first.wrapping_add(step) % count]).collect();
        if count > 1 {
            let now = Instant::now();
            turn.sort_by_cached_key(|replica| {
                (replica.rests_at(now), replica.in_flight.load(Ordering::Relaxed))
            });
        }
        turn
    }
}

impl Replica {
    fn rests_at(&self, now: Instant) -> bool {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| now < until)
    }

    fn rest(&self, time: Duration) {
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + time);
    }
}

/// Counts a request as in flight for as long as it lives.
struct Waiting<'r>(&'r Replica);

impl<'r> Waiting<'r> {
    fn on(replica: &'r Replica) -> Self {
        replica.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(replica)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Method;
    use hyper::header::HeaderMap;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers every request with this status.
    async fn answering(status: &'static str) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        testkit::background(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = [0; 1024];
                while stream.read(&mut bytes).await.unwrap_or(0) > 0 {
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn a_replica_that_hangs_keeps_few_requests_waiting() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstreams = upstreams(&[silent.local_addr().unwrap(), answering("200 OK").await]);
        let (request, other) = (outgoing(Duration::from_millis(300)), outgoing(Duration::from_secs(5)));
        let hanging = upstreams.send(Service::Ingest, &request);
        let others = async {
            for _ in 0..10 {
                assert_eq!(upstreams.send(Service::Ingest, &other).await.unwrap().status(), 200);
            }
        };
        let (hanging, ()) = tokio::join!(hanging, others);
        assert!(matches!(hanging, Err(UpstreamError::Timeout)), "{hanging:?}");
        let rests = |at| upstreams.services[0].replicas[0].rests_at(at);
        assert!(rests(Instant::now() + LONG_REST / 2) && !rests(Instant::now() + LONG_REST));
    }

    #[tokio::test]
    async fn a_replica_that_cannot_work_is_asked_after_those_that_can() {
        let upstreams = upstreams(&[answering("503 No").await, answering("200 OK").await]);
        let mut statuses = Vec::new();
        for _ in 0..6 {
            let answer = upstreams.send(Service::Ingest, &outgoing(Duration::from_secs(5))).await;
            statuses.push(answer.unwrap().status().as_u16());
        }
        assert_eq!(statuses, [503, 200, 200, 200, 200, 200]);
    }

    fn outgoing(timeout: Duration) -> Outgoing {
        Outgoing {
            method: Method::GET,
            path_and_query: "/".to_owned(),
            headers: HeaderMap::new(),
            body: None,
            timeout,
        }
    }

    fn upstreams(addresses: &[std::net::SocketAddr]) -> Upstreams {
        platform::lifecycle::install_tls();
        let urls = addresses.iter().map(|address| format!("http://{address}").parse().unwrap()).collect();
        Upstreams::new(vec![(Service::Ingest, urls)]).unwrap()
    }

    #[tokio::test]
    async fn a_service_that_says_nothing_is_a_timeout() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstreams = upstreams(&[silent.local_addr().unwrap()]);
        let result = upstreams.send(Service::Ingest, &outgoing(Duration::from_millis(100))).await;
        assert!(matches!(result, Err(UpstreamError::Timeout)), "{result:?}");
    }

    #[tokio::test]
    async fn a_replica_that_refused_rests_and_is_asked_again_when_all_do() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let upstreams = upstreams(&[closed, other]);
        let result = upstreams.send(Service::Ingest, &outgoing(Duration::from_secs(5))).await;
        assert!(matches!(result, Err(UpstreamError::Refused(_))), "{result:?}");
        let now = Instant::now();
        let replicas = &upstreams.services[0];
        assert!(replicas.replicas.iter().all(|replica| replica.rests_at(now)));
        assert!(replicas.replicas.iter().all(|replica| !replica.rests_at(now + REST)));
        assert_eq!(replicas.in_turn().len(), 2);
        let unknown = upstreams.send(Service::LexRouter, &outgoing(Duration::from_secs(5))).await;
        assert!(matches!(unknown, Err(UpstreamError::Unconfigured)));
    }
}
