//! A receiver that costs little: one thread, connections that stay open, an answer without a body. It writes down
//! which lead reached which endpoint and when. An endpoint may hang. It also takes the traces that services send.

use super::book::Book;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// The most endpoints of a scenario.
const ENDPOINTS: usize = 8;
/// How long an endpoint hangs that hangs.
const HANGING: Duration = Duration::from_secs(15);

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const FIELD: &[u8] = b"correlation_id\"";
const LENGTH: &[u8] = b"content-length:";

/// A running receiver; its thread ends with the process.
#[derive(Clone)]
pub(in crate::bench) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    book: RwLock<Option<Arc<Book>>>,
    hangs: [AtomicBool; ENDPOINTS],
}

impl Receiver {
    pub(in crate::bench) fn start() -> Self {
        let shared = Arc::new(Shared { book: RwLock::default(), hangs: Default::default() });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let serving = shared.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            tokio::task::LocalSet::new().block_on(&runtime, serve(listener, serving));
        });
        Self { address, shared }
    }

    /// Where everything is answered 200.
    pub(in crate::bench) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(in crate::bench) fn url(&self, endpoint: usize) -> String {
        format!("http://{}/{endpoint}", self.address)
    }

    /// Writes into this book from now on.
    pub(in crate::bench) fn write_into(&self, book: &Arc<Book>) {
        *self.shared.book.write().unwrap_or_else(PoisonError::into_inner) = Some(book.clone());
    }

    /// Lets an endpoint hang, or answer at once again.
    pub(in crate::bench) fn hang(&self, endpoint: usize, hangs: bool) {
        self.shared.hangs[endpoint].store(hangs, Ordering::Release);
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::task::spawn_local(async move {
            // A sender that goes away is none of ours.
            converse(stream, &shared).await.ok();
        });
    }
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let (head, length) = loop {
            if let Some(whole) = whole(&buffer) {
                break whole;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let endpoint = endpoint(&buffer);
        if let (Some(endpoint), Some(id)) = (endpoint, correlation_id(&buffer[head..head + length])) {
            let book = shared.book.read().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(book) = book {
                book.received(endpoint, id);
            }
        }
        if endpoint.is_some_and(|endpoint| shared.hangs[endpoint].load(Ordering::Acquire)) {
            tokio::time::timeout(HANGING, std::future::pending::<()>()).await.ok();
        }
        stream.write_all(ANSWER).await?;
        buffer.drain(..head + length);
    }
}

/// Where the body of a request begins and how long it is, once it is there.
fn whole(request: &[u8]) -> Option<(usize, usize)> {
    let head = request.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let length = request[..head].split(|byte| *byte == b'\n').find_map(|line| {
        let is_it = line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH));
        let digits = line.get(LENGTH.len()..).filter(|_| is_it)?;
        std::str::from_utf8(digits).ok()?.trim().parse().ok()
    });
    let length = length.unwrap_or(0);
    (request.len() >= head + length).then_some((head, length))
}

/// The endpoint of `POST /4 HTTP/1.1`.
fn endpoint(request: &[u8]) -> Option<usize> {
    let path = request.strip_prefix(b"POST /")?;
    let digit = char::from(*path.first()?).to_digit(10)?;
    let endpoint = usize::try_from(digit).ok()?;
    (path.get(1) == Some(&b' ') && endpoint < ENDPOINTS).then_some(endpoint)
}

/// The correlation id of the lead that a body is about.
fn correlation_id(body: &[u8]) -> Option<Uuid> {
    let at = body.windows(FIELD.len()).position(|window| window == FIELD)? + FIELD.len();
    let text = body.get(at..)?.split(|byte| *byte == b'"').nth(1)?;
    Uuid::try_parse_ascii(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_once_it_is_whole() {
        let body = r#"{"data":{"lead_id":"a","correlation_id": "00000000-0000-0001-0000-000000000002"}}"#;
        let request = format!("POST /4 HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let request = request.as_bytes();
        assert_eq!(whole(&request[..request.len() - 1]), None);
        let (head, length) = whole(request).unwrap();
        assert_eq!((endpoint(request), length), (Some(4), body.len()));
        assert_eq!(correlation_id(&request[head..]).unwrap().as_u64_pair(), (1, 2));
        assert_eq!(endpoint(b"POST /v1/traces HTTP/1.1\r\n"), None);
    }
}
