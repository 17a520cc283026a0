//! A client's connection with the two deadlines that actix lacks. It limits the first head of a connection
//! and the pause between two requests, but waits for ever for the rest of a second head, and for a client
//! that takes nothing of its answer.
//!
//! The time for the first head begins with its first byte. Until then a connection is one that its client
//! keeps for later, as pools do, and is closed without a word: an answer would be taken for that of the
//! request which the client may be sending at that moment.

use crate::settings::HttpSettings;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpSocket;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// How long a client may stay after an answer that came before the end of its body.
const LINGER: Duration = Duration::from_secs(1);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 2_048;

/// Binds a port and serves an application on it.
pub(crate) fn serve<F, I, S, B>(settings: &HttpSettings, app: F) -> io::Result<(Server, SocketAddr)>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let socket = if settings.bind.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(settings.bind)?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    let address = listener.local_addr()?;

    let builder = ServerBuilder::new()
        .workers(settings.workers)
        .max_concurrent_connections(settings.max_connections)
        .shutdown_timeout(settings.shutdown_timeout.as_secs())
        .disable_signals();
    let draining = builder.graceful_shutdown_signal();
    let (keep_alive, head_timeout) = (settings.keep_alive, settings.head_timeout);
    let patience = Patience { write: settings.write_timeout, quiet: keep_alive + head_timeout };
    let server = builder.listen("http", listener, move || {
        let (draining, stopping) = (draining.clone(), draining.clone());
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let draining = draining.clone();
                async move { draining.notified().await }
            })
            .keep_alive(keep_alive)
            .client_request_timeout(head_timeout)
            .client_disconnect_timeout(LINGER)
            // A client that has nothing more to say may still be waiting for its answer.
            .h1_allow_half_closed(true)
            .local_addr(address)
            .on_connect_ext(|connection: &Connection, extensions| {
                extensions.insert(connection.progress.clone());
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |io: TcpStream| {
            let stopping = stopping.clone();
            async move {
                // An answer is written in one piece; waiting for more would only delay it.
                io.set_nodelay(true)?;
                let silent = || Err(io::Error::from(io::ErrorKind::TimedOut));
                tokio::select! {
                    biased;
                    first_byte = timeout(keep_alive, io.readable()) => first_byte.unwrap_or_else(|_| silent()),
                    () = stopping.notified() => silent(),
                }?;
                let peer = io.peer_addr().ok();
                Ok::<_, DispatchError>((Connection::new(io, patience), Protocol::Http1, peer))
            }
        })
        .and_then(http)
    })?;
    Ok((server.run(), address))
}

/// What a connection's client is waited for.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// For the next byte of an answer to be taken.
    write: Duration,
    /// From an answer to the next whole head.
    quiet: Duration,
}

/// Whether a connection waits for its client: told by the edge, read by the connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Rc<Cell<Option<Instant>>>);

impl Progress {
    /// A request has arrived: now the client waits.
    pub(crate) fn serving(&self) {
        self.0.set(None);
    }

    /// Its answer goes out: the next move is the client's.
    pub(crate) fn answered(&self) {
        self.0.set(Some(Instant::now()));
    }
}

struct Connection {
    io: TcpStream,
    progress: Progress,
    /// Since when the client has taken nothing of what it is offered.
    stalled: Option<Instant>,
    patience: Patience,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    fn new(io: TcpStream, patience: Patience) -> Self {
        Self { io, progress: Progress::default(), stalled: None, patience, alarm: None }
    }

    fn deadline(&self) -> Option<Instant> {
        let stalled = self.stalled.map(|since| since + self.patience.write);
        let quiet = self.progress.0.get().map(|since| since + self.patience.quiet);
        stalled.into_iter().chain(quiet).min()
    }

    /// Fails when a deadline is past, and otherwise sees to it that the connection is looked at again then.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(deadline) = self.deadline() else { return Ok(()) };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // An alarm that is too early is cheaper than setting it anew at every request.
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        while alarm.as_mut().poll(context).is_ready() {
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            alarm.as_mut().reset(deadline);
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.io).poll_read(context, buffer) {
            Poll::Pending => {
                self.check(context)?;
                Poll::Pending
            }
            read @ Poll::Ready(_) => read,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.io).poll_write(context, bytes) {
            Poll::Pending => {
                self.stalled.get_or_insert_with(Instant::now);
                self.check(context)?;
                Poll::Pending
            }
            written @ Poll::Ready(_) => {
                self.stalled = None;
                if self.progress.0.get().is_some() {
                    self.progress.answered();
                }
                written
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(context))?;
        // The last thing that happens to a connection before it waits for its client.
        Poll::Ready(self.check(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
