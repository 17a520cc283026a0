//! What the tests of the services and crates share: servers, proxies, waiting.
//!
//! A development dependency only; nothing that ships depends on it. It panics where it cannot go on,
//! because its callers are tests.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where its surroundings fail"
)]

mod asked;
pub mod broker;
pub mod callers;
pub mod collector;
mod database;
pub mod documented;
mod environment;
mod eventually;
pub mod hubspot;
mod hubspot_store;
pub mod proxy;
mod published;
pub mod raw;
pub mod receiver;
mod running;
pub mod verifiers;

pub use asked::Asked;
pub use database::TestDatabase;
pub use environment::{
    address_of, background, http, http_settings, optional, process, redirected, redis_settings, required,
    unique_id,
};
pub use eventually::{eventually, eventually_within};
pub use running::{Running, answer, read};
