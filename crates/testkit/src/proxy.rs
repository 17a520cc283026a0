//! A TCP proxy that fails on demand, between a client under test and its server.
//!
//! Knows nothing of what passes through it.

use platform::lifecycle::{Shutdown, Tasks};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does with connections, old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    Cut,
    Freeze,
    Slow(Duration),
}

/// A proxy on a port of its own; it ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    shutdown: Shutdown,
}

impl Proxy {
    /// Starts a proxy that passes everything to `target`.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start(target: SocketAddr) -> Self {
        Self::start_over(vec![target]).await
    }

    /// Starts a proxy that passes each connection to the next of several servers that takes it.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start_over(targets: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind the proxy");
        let address = listener.local_addr().expect("address of the proxy");
        let (mode, modes) = watch::channel(Mode::Pass);
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        let accepting = accept(listener, targets, modes, tasks.clone(), shutdown.clone());
        let until = shutdown.clone();
        tasks.spawn("proxy", async move {
            until.or(accepting).await;
        });
        Self { address, mode, shutdown }
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes everything, what a freeze held back included.
    pub fn pass(&self) {
        self.mode.send_replace(Mode::Pass);
    }

    /// Closes every connection and each that comes, at once: a server that is down.
    pub fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// Keeps connections open and accepts new ones, and lets nothing through: a server that hangs.
    pub fn freeze(&self) {
        self.mode.send_replace(Mode::Freeze);
    }

    /// Passes each read so much later, and the next one after it: a line that is long and narrow.
    pub fn slow(&self, delay: Duration) {
        self.mode.send_replace(Mode::Slow(delay));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

async fn accept(
    listener: TcpListener,
    mut targets: Vec<SocketAddr>,
    mode: watch::Receiver<Mode>,
    tasks: Tasks,
    shutdown: Shutdown,
) {
    while let Ok((client, _)) = listener.accept().await {
        if *mode.borrow() == Mode::Cut {
            continue;
        }
        let (mode, until, targets_now) = (mode.clone(), shutdown.clone(), targets.clone());
        targets.rotate_left(1);
        tasks.spawn("proxied connection", async move {
            until.or(connect(client, targets_now, mode)).await;
        });
    }
}

async fn connect(client: TcpStream, targets: Vec<SocketAddr>, mut mode: watch::Receiver<Mode>) {
    if !passes(&mut mode).await {
        return;
    }
    // One after the other.
    let Ok(server) = TcpStream::connect(targets.as_slice()).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // A broken pipe is what this proxy is for: either way the connection ends.
    tokio::select! {
        _ = pump(from_client, to_server, mode.clone()) => {}
        _ = pump(from_server, to_client, mode) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = tokio::select! {
            length = from.read(&mut buffer) => length?,
            _ = mode.wait_for(|mode| *mode == Mode::Cut) => return Ok(()),
        };
        if length == 0 || !passes(&mut mode).await {
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
    }
}

/// Waits out a freeze or a delay; says whether things pass after it.
async fn passes(mode: &mut watch::Receiver<Mode>) -> bool {
    loop {
        let Ok(now) = mode.wait_for(|mode| *mode != Mode::Freeze).await.map(|mode| *mode) else {
            return false;
        };
        let Mode::Slow(delay) = now else { return now == Mode::Pass };
        // Whoever ends the slowness ends the wait.
        if tokio::time::timeout(delay, mode.wait_for(|mode| *mode != now)).await.is_err() {
            return true;
        }
    }
}
