//! webhook-dispatcher: every public event to every subscription that wants it, signed, retried, accounted for.
//!
//! `main → app → {http, consumers, delivery} → usecases → {store, domain}`. Does not authenticate (the
//! gateway does) and keeps no state outside PostgreSQL that it could not lose.

mod app;
mod consumers;
mod delivery;
mod domain;
mod error;
mod http;
mod settings;
mod state;
mod store;
mod subscriptions;
mod usecases;

pub use app::App;
pub use delivery::{DeliverySettings, Engine};
pub use settings::{AccountingSettings, BASE, SecretsSettings, Settings};
pub use store::RETAINED;
pub use usecases::retention::EndOpen;

/// Which of the six this is.
pub const SERVICE: contracts::Service = contracts::Service::WebhookDispatcher;
