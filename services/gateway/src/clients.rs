//! Remotes: the services behind the gateway.

pub mod erasure;
pub mod exchange;
pub mod internal;
pub mod subscriptions;
pub mod upstreams;
