//! Remotes: the services behind the gateway.

pub mod dead_letters;
pub mod erasure;
pub mod exchange;
pub mod health;
pub mod internal;
pub mod subscriptions;
pub mod upstreams;
