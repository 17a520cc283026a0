//! Remotes: the services behind the gateway.

pub mod upstreams;
