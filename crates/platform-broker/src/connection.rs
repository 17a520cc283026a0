//! One AMQP connection, opened within a limit and ended for certain.
//!
//! Knows nothing of reconnecting: that is `supervisor`. What it adds to lapin is the certain end. lapin
//! runs every connection on a thread of its own, which waits for the peer; an attempt whose future is
//! dropped, or a connection whose peer is frozen, would keep that thread and its socket. So a second
//! handle on the socket is kept here, and shutting it down ends the thread.

use crate::error::BrokerError;
use crate::settings::BrokerSettings;
use lapin::options::ConfirmSelectOptions;
use lapin::tcp::{AsyncTcpStream, OwnedTLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties};
use secrecy::ExposeSecret;
use std::future::Future;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of a frame at most, a larger message is several. lapin keeps 64 frames of memory per connection, whatever comes:
/// at the 128 KiB that RabbitMQ proposes these were 8 MB for each of a process's three. A message's headers must fit
/// into one frame.
const FRAME_MAX: u32 = 16 * 1024;

/// Where the broker is and how patient to be with it. Checked once, when the process starts.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    uri: AMQPUri,
    connect_timeout: Duration,
    pub(crate) confirm_timeout: Duration,
    pub(crate) request_timeout: Duration,
}

impl Endpoint {
    pub(crate) fn new(settings: &BrokerSettings) -> Result<Self, BrokerError> {
        // The parser's own text quotes the URL, so it is not passed on.
        let mut uri: AMQPUri = settings.url.expose_secret().parse().map_err(|_quoting: String| {
            BrokerError::InvalidUrl("expected amqp://user:password@host:port/vhost")
        })?;
        if settings.url.expose_secret().contains("@[") || settings.url.expose_secret().contains("//[") {
            // lapin's parser silently takes localhost for an IPv6 literal.
            return Err(BrokerError::InvalidUrl("give the host by name, not as an IPv6 literal"));
        }
        if uri.query.heartbeat.is_none() {
            uri.query.heartbeat =
                Some(u16::try_from(settings.heartbeat.as_secs()).unwrap_or(u16::MAX).max(1));
        }
        uri.query.frame_max.get_or_insert(FRAME_MAX);
        Ok(Self {
            uri,
            connect_timeout: settings.connect_timeout,
            confirm_timeout: settings.confirm_timeout,
            request_timeout: settings.request_timeout,
        })
    }

    /// Waits for a request to the broker, for at most [`BrokerSettings::request_timeout`].
    pub(crate) async fn request<T>(
        &self,
        what: &'static str,
        request: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, BrokerError> {
        match tokio::time::timeout(self.request_timeout, request).await {
            Ok(result) => result.map_err(BrokerError::refused(what)),
            Err(_elapsed) => Err(BrokerError::Timeout { what, limit: self.request_timeout }),
        }
    }
}

/// An open connection.
pub(crate) struct Link {
    connection: Connection,
    endpoint: Endpoint,
    // Declared last: lapin's handles go first, then the socket is shut down for certain.
    socket: Socket,
}

impl Link {
    /// Connects, within [`BrokerSettings::connect_timeout`]. Dropping the future ends the attempt.
    pub(crate) async fn open(endpoint: &Endpoint, name: &str) -> Result<Self, BrokerError> {
        let socket = Socket::default();
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let runtime = lapin::runtime::default_runtime().map_err(BrokerError::refused("no runtime"))?;
        let slot = Arc::clone(&socket.0);
        let limit = endpoint.connect_timeout;
        let connecting = Connection::connector(
            endpoint.uri.clone(),
            runtime,
            async move |uri: AMQPUri, runtime| {
                let host = (uri.authority.host.clone(), uri.authority.port);
                let opening = async {
                    let addresses: Vec<_> = tokio::net::lookup_host(host).await?.collect();
                    let stream = AsyncTcpStream::connect(&runtime, addresses).await?;
                    if let AsyncTcpStream::Plain(plain) = &stream {
                        keep(&slot, plain.get_ref())?;
                    }
                    match uri.scheme {
                        AMQPScheme::AMQP => Ok(stream),
                        AMQPScheme::AMQPS => {
                            stream.into_tls(&uri.authority.host, OwnedTLSConfig::default().as_ref()).await
                        }
                    }
                };
                let opened = tokio::time::timeout(limit, opening).await;
                Ok(opened.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))?)
            },
            properties,
        );
        match tokio::time::timeout(limit, connecting).await {
            Ok(Ok(connection)) => Ok(Self { connection, endpoint: endpoint.clone(), socket }),
            Ok(Err(error)) => Err(BrokerError::refused("cannot connect to the broker")(error)),
            Err(_elapsed) => Err(BrokerError::Timeout { what: "connect", limit }),
        }
    }

    pub(crate) fn alive(&self) -> bool {
        self.connection.status().connected()
    }

    pub(crate) fn status(&self) -> lapin::ConnectionStatus {
        self.connection.status().clone()
    }

    /// Whether the broker has said that it takes no publishes for now (memory or disk alarm).
    pub(crate) fn blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Opens a channel. A connection that cannot even do that within the limit is given up, unless the
    /// broker blocks it: then nothing is written to it, and it will go on by itself.
    pub(crate) async fn channel(&self) -> Result<Channel, BrokerError> {
        self.decisive("open a channel", self.connection.create_channel()).await
    }

    /// Opens a channel with publisher confirms.
    pub(crate) async fn confirm_channel(&self) -> Result<Channel, BrokerError> {
        let channel = self.channel().await?;
        self.decisive("select confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(channel)
    }

    /// A request whose timeout means that the peer is gone.
    pub(crate) async fn decisive<T>(
        &self,
        what: &'static str,
        request: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, BrokerError> {
        let result = self.endpoint.request(what, request).await;
        if matches!(result, Err(BrokerError::Timeout { .. })) && !self.blocked() {
            self.socket.end();
        }
        result
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Closes the connection in the protocol's way if the broker answers soon, and for certain anyway.
    pub(crate) async fn close(&self) {
        let limit = self.endpoint.request_timeout.min(Duration::from_secs(2));
        let closing = self.connection.close(200, "closed by the client".into());
        match tokio::time::timeout(limit, closing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "broker connection was gone before it was closed"),
            Err(_elapsed) => tracing::debug!("broker did not answer the close"),
        }
        self.socket.end();
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("alive", &self.alive()).finish_non_exhaustive()
    }
}

/// The second handle on a connection's socket; dropping it shuts the socket down.
#[derive(Default)]
struct Socket(Arc<Mutex<Slot>>);

#[derive(Default)]
enum Slot {
    /// The attempt has not reached the point of having a socket.
    #[default]
    Pending,
    Open(TcpStream),
    /// Given up: a socket that comes later is refused.
    Ended,
}

impl Socket {
    fn end(&self) {
        let slot =
            std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), Slot::Ended);
        if let Slot::Open(stream) = slot
            && let Err(error) = stream.shutdown(Shutdown::Both)
        {
            tracing::trace!(%error, "broker socket was already closed");
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.end();
    }
}

fn keep(slot: &Mutex<Slot>, stream: &tokio::net::TcpStream) -> io::Result<()> {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    match *slot {
        Slot::Ended => Err(io::ErrorKind::ConnectionAborted.into()),
        Slot::Pending | Slot::Open(_) => {
            *slot = Slot::Open(TcpStream::from(stream.as_fd().try_clone_to_owned()?));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<Endpoint, BrokerError> {
        Endpoint::new(&BrokerSettings::new(url))
    }

    #[test]
    fn a_heartbeat_is_proposed_when_the_url_names_none() {
        assert_eq!(endpoint("amqp://broker/leadwire").unwrap().uri.query.heartbeat, Some(15));
        assert_eq!(endpoint("amqp://broker/leadwire?heartbeat=7").unwrap().uri.query.heartbeat, Some(7));
    }

    #[test]
    fn an_unusable_url_is_refused_without_quoting_it() {
        for url in ["postgres://user:hunter2@broker", "hunter2", "amqp://user:hunter2@[::1]:5672/leadwire"] {
            let error = endpoint(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_attempt_that_is_given_up_leaves_no_socket_behind() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = BrokerSettings::new(format!("amqp://{}/leadwire", listener.local_addr().unwrap()));
        settings.connect_timeout = Duration::from_millis(100);
        let endpoint = Endpoint::new(&settings).unwrap();
        let error = Link::open(&endpoint, "test").await.unwrap_err();
        assert!(matches!(error, BrokerError::Timeout { .. }), "{error}");
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        let reading = tokio::io::AsyncReadExt::read_to_end(&mut peer, &mut received);
        tokio::time::timeout(Duration::from_secs(5), reading).await.unwrap().unwrap();
        assert_eq!(received, b"AMQP\0\0\x09\x01");
    }
}
