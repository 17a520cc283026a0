//! ingest: event batches and metric snapshots of third-party applications, stored durably and within the plan.
//!
//! `main → app → {http, consumers} → usecases → {store, domain}`. Does not authenticate and does not count requests
//! (the gateway does both), and does not publish by itself (the outbox does).

mod app;
mod consumers;
mod domain;
mod error;
mod http;
mod settings;
mod state;
mod store;
mod usecases;

pub use app::App;
pub use settings::{RetentionSettings, Settings};

/// Which of the six this is.
pub const SERVICE: contracts::Service = contracts::Service::Ingest;
