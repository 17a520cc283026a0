//! A TCP proxy that fails on demand, between a client under test and its server.
//!
//! Knows nothing of what passes through it.

use platform::lifecycle::{Shutdown, Tasks};
use std::io;
use std::net::SocketAddr;
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
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bind the proxy");
        let address = listener.local_addr().expect("address of the proxy");
        let (mode, modes) = watch::channel(Mode::Pass);
        let shutdown = Shutdown::new();
        let tasks = Tasks::new(shutdown.clone());
        let accepting = accept(listener, target, modes, tasks.clone(), shutdown.clone());
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
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    mode: watch::Receiver<Mode>,
    tasks: Tasks,
    shutdown: Shutdown,
) {
    while let Ok((client, _)) = listener.accept().await {
        if *mode.borrow() == Mode::Cut {
            continue;
        }
        let (mode, until) = (mode.clone(), shutdown.clone());
        tasks.spawn("proxied connection", async move {
            until.or(connect(client, target, mode)).await;
        });
    }
}

async fn connect(client: TcpStream, target: SocketAddr, mut mode: watch::Receiver<Mode>) {
    if !passes(&mut mode).await {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
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

/// Waits out a freeze; says whether things pass after it.
async fn passes(mode: &mut watch::Receiver<Mode>) -> bool {
    mode.wait_for(|mode| *mode != Mode::Freeze).await.is_ok_and(|mode| *mode == Mode::Pass)
}
