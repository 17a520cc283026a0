//! crm-resources: products, customers, leads and automations.
//!
//! `main → app → {http, consumers} → usecases → {store, clients, domain}`. Does not authenticate (the gateway does) and does
//! not publish by itself (the outbox does).

mod app;
mod clients;
mod consumers;
mod domain;
mod engine;
mod error;
mod http;
mod settings;
mod state;
mod store;
mod usecases;

pub use app::App;
pub use settings::{AutomationSettings, Settings};

/// Which of the six this is.
pub const SERVICE: contracts::Service = contracts::Service::CrmResources;
