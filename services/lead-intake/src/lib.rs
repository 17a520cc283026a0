//! lead-intake: leads of partner systems, accepted durably and exactly once.
//!
//! `main → app → http → usecases → {store, domain}`. Does not authenticate (the gateway does) and does not
//! publish by itself (the outbox does).

mod app;
mod domain;
mod error;
mod http;
mod settings;
mod state;
mod store;
mod usecases;

pub use app::App;
pub use settings::Settings;

/// Which of the six this is.
pub const SERVICE: contracts::Service = contracts::Service::LeadIntake;
