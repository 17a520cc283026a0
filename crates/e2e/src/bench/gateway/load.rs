//! A generator of requests that costs little: connections that stay open, requests that are made
//! beforehand, one thread.

use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is sent: one request over and over, or each once.
pub(in crate::bench) struct Requests {
    made: Vec<Arc<[u8]>>,
    next: AtomicUsize,
    again: bool,
}

impl Requests {
    pub(in crate::bench) fn same(path: &str, bearer: &str) -> Self {
        Self { made: vec![get(path, bearer)], next: AtomicUsize::new(0), again: true }
    }

    pub(in crate::bench) fn each(path: &str, bearers: &[String]) -> Self {
        let made = bearers.iter().map(|bearer| get(path, bearer)).collect();
        Self { made, next: AtomicUsize::new(0), again: false }
    }

    /// Each once.
    pub(in crate::bench) fn once(made: Vec<Arc<[u8]>>) -> Self {
        Self { made, next: AtomicUsize::new(0), again: false }
    }

    /// Some over and over, in turn.
    pub(in crate::bench) fn mixed(made: Vec<Arc<[u8]>>) -> Self {
        Self { made, next: AtomicUsize::new(0), again: true }
    }

    /// Each a POST of its own.
    pub(in crate::bench) fn posts(path: &str, requests: impl Iterator<Item = (String, Value)>) -> Self {
        let made = requests.map(|(bearer, body)| post(path, &bearer, &body.to_string())).collect();
        Self { made, next: AtomicUsize::new(0), again: false }
    }

    /// `None` when all have been sent.
    fn next(&self) -> Option<Arc<[u8]>> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.made.get(if self.again { index % self.made.len() } else { index }).cloned()
    }
}

pub(in crate::bench) fn get(path: &str, bearer: &str) -> Arc<[u8]> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {bearer}\r\nAccept: */*\r\n\r\n")
        .into_bytes()
        .into()
}

fn post(path: &str, bearer: &str, body: &str) -> Arc<[u8]> {
    with_body("POST", path, bearer, body)
}

pub(in crate::bench) fn with_body(method: &str, path: &str, bearer: &str, body: &str) -> Arc<[u8]> {
    with_headers(method, path, &[("Authorization", &format!("Bearer {bearer}"))], body)
}

pub(in crate::bench) fn with_headers(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Arc<[u8]> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bench\r\n{headers}Accept: */*\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
    .into()
}

/// How hard a server is asked.
#[derive(Clone, Copy)]
pub(in crate::bench) struct Load {
    pub(in crate::bench) address: SocketAddr,
    pub(in crate::bench) clients: usize,
    pub(in crate::bench) warm_up: Duration,
    pub(in crate::bench) time: Duration,
    /// Of every answer.
    pub(in crate::bench) status: u16,
}

/// How long answers took, in microseconds, shortest first.
pub(in crate::bench) struct Measured {
    latencies: Vec<u32>,
    time: Duration,
}

impl Measured {
    pub(in crate::bench) fn per_second(&self) -> f64 {
        crate::bench::per_second(self.latencies.len(), self.time)
    }

    pub(in crate::bench) fn count(&self) -> usize {
        self.latencies.len()
    }

    /// In milliseconds.
    pub(in crate::bench) fn percentile(&self, percent: usize) -> f64 {
        f64::from(self.latencies[(self.latencies.len() - 1) * percent / 100]) / 1_000.0
    }
}

/// Every client sends its next request when it has the answer to the last. Blocks.
pub(in crate::bench) fn measure(load: Load, requests: &Requests) -> Measured {
    std::thread::scope(|scope| {
        let generator = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(generate(load, requests))
        });
        generator.join().unwrap()
    })
}

async fn generate(load: Load, requests: &Requests) -> Measured {
    let start = Instant::now() + load.warm_up;
    let end = start + load.time;
    let clients = (0..load.clients).map(|_| client(load, requests, start, end));
    let mut latencies: Vec<_> = futures_util::future::join_all(clients).await.concat();
    assert!(!latencies.is_empty(), "no request was answered in time");
    latencies.sort_unstable();
    let last = Instant::now();
    Measured { latencies, time: last - start }
}

async fn client(load: Load, requests: &Requests, start: Instant, end: Instant) -> Vec<u32> {
    let mut connection = Connection::open(load.address, load.status).await;
    let mut latencies = Vec::new();
    loop {
        let sent = Instant::now();
        if sent >= end {
            return latencies;
        }
        let Some(request) = requests.next() else { panic!("there are too few requests for this machine") };
        connection.exchange(&request).await;
        if sent >= start {
            latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
}

/// A connection that stays open, and the status of every answer that comes over it.
pub(in crate::bench) struct Connection {
    stream: TcpStream,
    expected: String,
    buffer: Vec<u8>,
}

impl Connection {
    pub(in crate::bench) async fn open(address: SocketAddr, status: u16) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let expected = format!("HTTP/1.1 {status} ");
        Self { stream, expected, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends a request and waits for its whole answer.
    pub(in crate::bench) async fn exchange(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        while !is_whole(&self.buffer) {
            let count = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert_ne!(count, 0, "closed after {}", String::from_utf8_lossy(&self.buffer));
        }
        let expected = self.expected.as_bytes();
        assert!(self.buffer.starts_with(expected), "{}", String::from_utf8_lossy(&self.buffer));
    }
}

/// Whether an answer with a length is complete.
pub(in crate::bench) fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = answer[..end].to_ascii_lowercase();
    let name = b"content-length: ";
    let Some(at) = head.windows(name.len()).position(|window| window == name) else {
        panic!("an answer without a length: {}", String::from_utf8_lossy(answer))
    };
    let digits = head[at + name.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    answer.len() >= end + 4 + length
}
