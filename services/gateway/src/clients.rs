//! Remotes: the services behind the gateway.

pub mod subscriptions;
pub mod upstreams;
