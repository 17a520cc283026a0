//! lead-intake: leads of partner systems, accepted durably and exactly once.
//!
//! `main → app → {http, consumers, orchestrator} → usecases → {store, domain}`. Does not authenticate (the gateway does) and does not
//! publish by itself (the outbox does).

mod app;
mod clients;
mod consumers;
mod domain;
mod error;
mod http;
mod orchestrator;
mod settings;
mod state;
mod store;
mod usecases;

pub use app::{App, Serving};
pub use orchestrator::Orchestrator;
pub use settings::{BASE, HubspotSettings, Settings};

/// Which of the six this is.
pub const SERVICE: contracts::Service = contracts::Service::LeadIntake;
