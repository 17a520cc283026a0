//! `[http]` and `[identity]` of every service.

use secrecy::SecretString;
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::Duration;

/// `[http]`: where a service listens and how long it waits for slow peers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// The main port; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The port of `/livez`, `/readyz` and `/metrics`.
    pub ops_bind: SocketAddr,
    #[serde(default = "two")]
    pub workers: usize,
    /// Connections at once, per worker.
    #[serde(default = "max_connections")]
    pub max_connections: usize,
    /// For the request line and the headers.
    #[serde(with = "humantime_serde", default = "head_timeout")]
    pub head_timeout: Duration,
    /// For the whole body of a request.
    #[serde(with = "humantime_serde", default = "body_timeout")]
    pub body_timeout: Duration,
    /// For a client that takes nothing of its answer.
    #[serde(with = "humantime_serde", default = "write_timeout")]
    pub write_timeout: Duration,
    /// Longer than any client pools connections, so that the client closes first.
    #[serde(with = "humantime_serde", default = "keep_alive")]
    pub keep_alive: Duration,
    /// Between turning unready and refusing connections, so that balancers notice.
    #[serde(with = "humantime_serde", default)]
    pub drain_delay: Duration,
    /// For the requests in flight, once no new ones are taken.
    #[serde(with = "humantime_serde", default = "shutdown_timeout")]
    pub shutdown_timeout: Duration,
}

impl HttpSettings {
    /// The defaults, at these addresses.
    pub fn new(bind: SocketAddr, ops_bind: SocketAddr) -> Self {
        Self {
            bind,
            ops_bind,
            workers: two(),
            max_connections: max_connections(),
            head_timeout: head_timeout(),
            body_timeout: body_timeout(),
            write_timeout: write_timeout(),
            keep_alive: keep_alive(),
            drain_delay: Duration::ZERO,
            shutdown_timeout: shutdown_timeout(),
        }
    }
}

/// `[identity]`: the key that the gateway signs this service's callers with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySettings {
    /// 32 bytes in base64url without padding.
    pub key: SecretString,
}

fn two() -> usize {
    2
}

fn max_connections() -> usize {
    10_000
}

fn head_timeout() -> Duration {
    Duration::from_secs(5)
}

fn body_timeout() -> Duration {
    Duration::from_secs(10)
}

fn write_timeout() -> Duration {
    Duration::from_secs(30)
}

fn keep_alive() -> Duration {
    Duration::from_secs(75)
}

fn shutdown_timeout() -> Duration {
    Duration::from_secs(10)
}
