//! A receiver of webhooks: a real HTTP/1.1 server that writes down what it is sent and answers as it is told.
//!
//! Spoken on bare TCP, so that it can do what a well-behaved server library would not let it: hang, drip,
//! break off, never end. Verifies nothing by itself.

use platform::lifecycle::{Shutdown, Tasks};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub method: String,
    pub path: String,
    /// Names in lower case, in the order that they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    /// The first header of a name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status and nothing more.
    Status(u16),
    /// A status, headers and a body.
    Full { status: u16, headers: Vec<(String, String)>, body: String },
    /// A status after a time.
    After(Duration, u16),
    /// Nothing, and the connection stays open.
    Hang,
    /// The connection is closed without an answer.
    Reset,
    /// A status, and then a body that comes byte by byte and does not end.
    Drip(u16),
    /// A status, and then a body of this many bytes.
    Huge(u16, usize),
    /// These bytes, and then those again and again, with a pause each time.
    Endless { head: Vec<u8>, again: Vec<u8>, pause: Duration },
}

impl Reply {
    /// A status with a header.
    pub fn with_header(status: u16, name: &str, value: &str) -> Self {
        Self::Full { status, headers: vec![(name.to_owned(), value.to_owned())], body: String::new() }
    }

    /// A status with a body.
    pub fn with_body(status: u16, body: &str) -> Self {
        Self::Full { status, headers: Vec::new(), body: body.to_owned() }
    }
}

/// A running receiver; it ends when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    shutdown: Shutdown,
}

#[derive(Debug)]
struct Shared {
    received: Mutex<Vec<Received>>,
    /// What is answered next; then `otherwise`.
    script: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Reply>,
    arrived: Notify,
}

impl Receiver {
    /// Starts a receiver on a port of 127.0.0.1 that answers 200.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind the receiver");
        let address = listener.local_addr().expect("address of the receiver");
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            script: Mutex::default(),
            otherwise: Mutex::new(Reply::Status(200)),
            arrived: Notify::new(),
        });
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        let serving = serve(listener, shared.clone(), tasks.clone(), shutdown.clone());
        let until = shutdown.clone();
        tasks.spawn("receiver", async move {
            until.or(serving).await;
        });
        Self { address, shared, shutdown }
    }

    /// A URL of this receiver; `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the next requests so, one each, in the order that they come.
    pub fn next(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.shared.script).extend(replies);
    }

    /// Answers so whenever nothing else was said.
    pub fn always(&self, reply: Reply) {
        *lock(&self.shared.otherwise) = reply;
    }

    /// Everything that came so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// What came after the first `count` requests.
    pub fn received_after(&self, count: usize) -> Vec<Received> {
        lock(&self.shared.received).get(count..).unwrap_or_default().to_vec()
    }

    /// Everything that came so far, which this receiver then forgets: for so many that they would fill the memory.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *lock(&self.shared.received))
    }

    /// Waits until at least so many requests have come, for at most 10 s, and answers all.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let enough = async {
            loop {
                let arrived = self.shared.arrived.notified();
                let received = self.received();
                if received.len() >= count {
                    return received;
                }
                arrived.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), enough).await;
        waited.unwrap_or_else(|_| panic!("{} of {count} requests came", self.received().len()))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, tasks: Tasks, shutdown: Shutdown) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, until) = (shared.clone(), shutdown.clone());
        tasks.spawn("connection of a receiver", async move {
            // A sender that goes away is what some tests are about.
            until.or(converse(stream, &shared)).await;
        });
    }
}

/// Answers the requests of one connection until it ends.
async fn converse(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await? {
        let reply = lock(&shared.script).pop_front().unwrap_or_else(|| lock(&shared.otherwise).clone());
        lock(&shared.received).push(request);
        shared.arrived.notify_waiters();
        if !answer(&mut stream, reply).await? {
            break;
        }
    }
    Ok(())
}

/// Reads one request; `None` at the end of the connection.
pub(crate) async fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
    let mut body = vec![0; length.parse().map_err(io::Error::other)?];
    stream.read_exact(&mut body).await?;
    Ok(Some(Received { method, path, headers, body }))
}

/// Answers a request, and says whether the connection goes on.
async fn answer(stream: &mut BufReader<TcpStream>, reply: Reply) -> io::Result<bool> {
    match reply {
        Reply::Status(status) => respond(stream, status, &[], "").await?,
        Reply::Full { status, headers, body } => respond(stream, status, &headers, &body).await?,
        Reply::After(time, status) => {
            wait(time).await;
            respond(stream, status, &[], "").await?;
        }
        Reply::Hang => std::future::pending().await,
        Reply::Reset => return Ok(false),
        Reply::Drip(status) => {
            write_head(stream, status, "transfer-encoding: chunked\r\n").await?;
            loop {
                stream.write_all(b"1\r\n.\r\n").await?;
                stream.flush().await?;
                wait(Duration::from_millis(20)).await;
            }
        }
        Reply::Huge(status, length) => {
            write_head(stream, status, &format!("content-length: {length}\r\n")).await?;
            let chunk = vec![b'x'; 8 * 1024];
            let mut left = length;
            while left > 0 {
                let size = left.min(chunk.len());
                stream.write_all(&chunk[..size]).await?;
                left -= size;
            }
            stream.flush().await?;
        }
        Reply::Endless { head, again, pause } => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&again).await?;
                stream.flush().await?;
                wait(pause).await;
            }
        }
    }
    Ok(true)
}

pub(crate) async fn respond(
    stream: &mut BufReader<TcpStream>,
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<()> {
    let mut head = format!("content-length: {}\r\n", body.len());
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").map_err(io::Error::other)?;
    }
    write_head(stream, status, &head).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await
}

async fn write_head(stream: &mut BufReader<TcpStream>, status: u16, headers: &str) -> io::Result<()> {
    stream.write_all(format!("HTTP/1.1 {status} -\r\n{headers}\r\n").as_bytes()).await
}

/// A pause in real time, which is what a slow server is.
pub(crate) async fn wait(time: Duration) {
    tokio::time::timeout(time, std::future::pending::<()>()).await.unwrap_or_default();
}
