//! A stand-in for HubSpot: a real server on a loopback socket that speaks the shapes of the CRM API (batch
//! upserts by unique property with partial failures, default associations) and gets into trouble as it is told.

use crate::hubspot_store::{Answer, Store, error};
use crate::receiver::{Received, read_request, respond, wait};
use platform::lifecycle::{Shutdown, Tasks};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub use crate::hubspot_store::Object;

/// The token that it accepts.
pub const TOKEN: &str = "pat-na1-stand-in";

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// An error of HubSpot's shape; nothing is done.
    Status(u16),
    /// 429 with the headers of HubSpot's limits; nothing is done.
    RateLimited { retry_after: Option<u64> },
    /// The connection is closed before anything is done.
    ResetBefore,
    /// It is done, and the connection is closed without an answer.
    ResetAfter,
    /// It is done, and answered after a time.
    Slow(Duration),
    /// It is done, and never answered.
    HangAfter,
    /// It is done, and answered with something that is no JSON.
    Garbage,
    /// It is done, and the answer leaves the results out.
    Silent,
    /// It is done and answered; the limit is used up with it.
    LastOfLimit,
    /// Nothing: for a call that goes well between others.
    None,
}

/// A call that came.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    pub body: Value,
}

impl Call {
    /// How many inputs it had.
    pub fn inputs(&self) -> usize {
        self.body["inputs"].as_array().map_or(0, Vec::len)
    }
}

/// A running stand-in; it ends when it is dropped.
#[derive(Debug)]
pub struct Hubspot {
    address: SocketAddr,
    shared: Arc<Shared>,
    shutdown: Shutdown,
}

#[derive(Debug)]
struct Shared {
    store: Mutex<Store>,
    calls: Mutex<Vec<Call>>,
    script: Mutex<VecDeque<Trouble>>,
    otherwise: Mutex<Trouble>,
    /// A call was carried out, or refused.
    dealt_with: Notify,
}

impl Hubspot {
    /// Starts an account without objects, on a port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind the stand-in of HubSpot");
        let address = listener.local_addr().expect("address of the stand-in");
        let shared = Arc::new(Shared {
            store: Mutex::default(),
            calls: Mutex::default(),
            script: Mutex::default(),
            otherwise: Mutex::new(Trouble::None),
            dealt_with: Notify::new(),
        });
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        let serving = serve(listener, shared.clone(), tasks.clone(), shutdown.clone());
        let until = shutdown.clone();
        tasks.spawn("stand-in of HubSpot", async move {
            until.or(serving).await;
        });
        Self { address, shared, shutdown }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next calls go like this, one each.
    pub fn next(&self, troubles: impl IntoIterator<Item = Trouble>) {
        lock(&self.shared.script).extend(troubles);
    }

    /// Calls go like this whenever nothing else was said.
    pub fn always(&self, trouble: Trouble) {
        *lock(&self.shared.otherwise) = trouble;
    }

    /// No property may have this value.
    pub fn refuse(&self, value: &str) {
        lock(&self.shared.store).refused.push(value.to_owned());
    }

    /// Refuses nothing any more.
    pub fn refuse_nothing(&self) {
        lock(&self.shared.store).refused.clear();
    }

    /// A batch with one bad input is refused as a whole, as HubSpot does without multi-status errors.
    pub fn fail_batches_whole(&self) {
        lock(&self.shared.store).multi_status = false;
    }

    /// The account has no such property of deals, or has it again.
    pub fn has_deal_property(&self, name: &'static str, has: bool) {
        let known = &mut lock(&self.shared.store).deals.known;
        known.retain(|property| *property != name);
        known.extend(has.then_some(name));
    }

    /// Somebody deletes every contact in HubSpot.
    pub fn delete_contacts(&self) {
        lock(&self.shared.store).contacts.objects.clear();
    }

    pub fn contacts(&self) -> Vec<Object> {
        lock(&self.shared.store).contacts.objects.clone()
    }

    pub fn deals(&self) -> Vec<Object> {
        lock(&self.shared.store).deals.objects.clone()
    }

    /// Deals and their contacts, by id.
    pub fn associations(&self) -> Vec<(String, String)> {
        lock(&self.shared.store).associations.clone()
    }

    /// Everything that came so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// Waits until so many calls have been carried out or refused, for at most 10 s.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn wait_for(&self, count: usize) {
        let enough = async {
            loop {
                let dealt_with = self.shared.dealt_with.notified();
                if self.calls().len() >= count {
                    return;
                }
                dealt_with.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), enough).await;
        assert!(waited.is_ok(), "{} of {count} calls came", self.calls().len());
    }
}

impl Drop for Hubspot {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, tasks: Tasks, shutdown: Shutdown) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, until) = (shared.clone(), shutdown.clone());
        tasks.spawn("connection of HubSpot", async move {
            // A client that goes away is what some tests are about.
            until.or(converse(stream, &shared)).await;
        });
    }
}

async fn converse(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await? {
        let trouble = lock(&shared.script).pop_front().unwrap_or_else(|| lock(&shared.otherwise).clone());
        let answer = work(shared, &request, &trouble);
        shared.dealt_with.notify_waiters();
        let (mut remaining, mut extra) = (189, None);
        let (status, body) = match trouble {
            Trouble::ResetBefore | Trouble::ResetAfter => return Ok(()),
            Trouble::HangAfter => std::future::pending().await,
            Trouble::Garbage => (200, "<html>".to_owned()),
            Trouble::Silent => (200, json!({"status": "COMPLETE", "results": []}).to_string()),
            Trouble::Slow(time) => {
                wait(time).await;
                (answer.0, answer.1.to_string())
            }
            Trouble::RateLimited { retry_after } => {
                remaining = 0;
                extra = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
                (answer.0, answer.1.to_string())
            }
            Trouble::LastOfLimit => {
                remaining = 0;
                (answer.0, answer.1.to_string())
            }
            Trouble::Status(_) | Trouble::None => (answer.0, answer.1.to_string()),
        };
        let mut headers = vec![
            ("content-type".to_owned(), "application/json;charset=utf-8".to_owned()),
            ("x-hubspot-ratelimit-max".to_owned(), "190".to_owned()),
            ("x-hubspot-ratelimit-remaining".to_owned(), remaining.to_string()),
            ("x-hubspot-ratelimit-interval-milliseconds".to_owned(), "10000".to_owned()),
        ];
        headers.extend(extra);
        respond(&mut stream, status, &headers, &body).await?;
    }
    Ok(())
}

/// Notes the call, and carries it out unless its trouble comes before that.
fn work(shared: &Shared, request: &Received, trouble: &Trouble) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let mut store = lock(&shared.store);
    let answer = match trouble {
        Trouble::ResetBefore => (0, Value::Null),
        Trouble::Status(status) => error(*status, "INTERNAL_ERROR", "internal error"),
        Trouble::RateLimited { .. } => (
            429,
            json!({
                "status": "error", "message": "You have reached your ten_secondly_rolling limit.",
                "errorType": "RATE_LIMIT", "correlationId": "c-1", "policyName": "TEN_SECONDLY_ROLLING",
            }),
        ),
        _ if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) => {
            error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        }
        _ if request.method != "POST" => error(405, "METHOD_NOT_ALLOWED", "method not allowed"),
        _ => store.answer(&request.path, &body),
    };
    lock(&shared.calls).push(Call { path: request.path.clone(), body });
    answer
}
