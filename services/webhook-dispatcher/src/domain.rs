//! Subscriptions, filters, events and deliveries as pure types and rules: no I/O, no clock.

pub mod delivery;
pub mod event;
pub mod figures;
pub mod filter;
pub mod lex;
pub mod notice;
pub mod operation;
pub mod person;
pub mod render;
pub mod retry;
pub mod sent;
pub mod shard;
pub mod snapshot;
pub mod subscription;
