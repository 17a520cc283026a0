//! Leads at the gateway: as many as are delivered (a closed loop from end to end), or so many a second whatever
//! becomes of them (an open loop).

use super::book::Book;
use crate::bench::gateway::load::{Connection, is_whole, with_body};
use crate::partner::Partner;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Connections of the loads.
pub(in crate::bench) const CONNECTIONS: usize = 64;
/// Before an open loop begins.
const AHEAD: Duration = Duration::from_millis(200);

/// The leads of a book, each ready to be sent.
pub(in crate::bench) struct Leads {
    address: SocketAddr,
    book: Arc<Book>,
    requests: Vec<Arc<[u8]>>,
}

impl Leads {
    pub(in crate::bench) fn new(address: SocketAddr, partner: &Partner, book: &Arc<Book>) -> Self {
        let path = format!("/api/v1/partners/{}/leads", partner.slug);
        let request = |number| with_body("POST", &path, &partner.token(), &book.lead(number).to_string());
        Self { address, book: book.clone(), requests: (0..book.len()).map(request).collect() }
    }

    /// Sends from [`CONNECTIONS`] connections: each the next one when the last was answered, and there is a place
    /// on the way. Until it is stopped, or all are sent.
    pub(in crate::bench) fn closed(self) -> Closed {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let clients = (0..CONNECTIONS).map(|_| self.client(&stopping));
            runtime.block_on(futures_util::future::join_all(clients));
        });
        Closed { stop, thread }
    }

    async fn client(&self, stop: &AtomicBool) {
        let mut connection = Connection::open(self.address, 201).await;
        loop {
            self.book.places.acquire().await.unwrap().forget();
            if stop.load(Ordering::Acquire) {
                // For the others who wait.
                self.book.places.add_permits(1);
                return;
            }
            let Some(number) = self.book.take() else {
                self.book.places.add_permits(1);
                return;
            };
            self.book.sent(number, Instant::now());
            connection.exchange(&self.requests[number]).await;
            self.book.answered(number);
        }
    }

    /// Sends all of them, so many a second: each at its time, also when earlier ones wait for their answers, and
    /// its delays count from that time. Blocks.
    pub(in crate::bench) fn open(&self, per_second: u32) {
        let start = Instant::now() + AHEAD;
        let interval = Duration::from_secs(1) / per_second;
        thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| self.send_on_time(start, interval));
            }
        });
    }

    /// A thread of its own for each connection: a timer of the kernel is on time within some microseconds.
    fn send_on_time(&self, start: Instant, interval: Duration) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut buffer = Vec::with_capacity(16 * 1024);
        while let Some(number) = self.book.take() {
            let at = start + interval * u32::try_from(number).unwrap();
            thread::sleep(at.saturating_duration_since(Instant::now()));
            self.book.sent(number, at);
            stream.write_all(&self.requests[number]).unwrap();
            buffer.clear();
            while !is_whole(&buffer) {
                let mut chunk = [0; 4_096];
                let count = stream.read(&mut chunk).unwrap();
                assert_ne!(count, 0, "closed after {}", String::from_utf8_lossy(&buffer));
                buffer.extend_from_slice(&chunk[..count]);
            }
            assert!(buffer.starts_with(b"HTTP/1.1 201 "), "{}", String::from_utf8_lossy(&buffer));
            self.book.answered(number);
        }
    }
}

/// A closed loop at work.
pub(in crate::bench) struct Closed {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Closed {
    /// Sends nothing more, and waits for the answers that are still to come.
    pub(in crate::bench) async fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.join().await;
    }

    /// Waits until all are sent and answered.
    pub(in crate::bench) async fn join(self) {
        tokio::task::spawn_blocking(move || self.thread.join().unwrap()).await.unwrap();
    }
}
