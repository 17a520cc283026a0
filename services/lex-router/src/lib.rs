//! lex-router: messages of the Lead Exchange Standard, checked, stored, routed and acknowledged.
//!
//! `main → app → {http, consumers} → usecases → {store, clients, domain}`; the rules themselves are crate `lex`.
//! Does not authenticate, does not deliver (webhook-dispatcher does, and owns the subscriptions), and does not
//! publish by itself (the outbox does).

mod app;
mod clients;
mod consumers;
mod domain;
mod error;
mod http;
mod settings;
mod state;
mod store;
mod usecases;

pub use app::App;
pub use settings::{ConformanceSettings, PeerSettings, RetentionSettings, Settings, ValidationSettings};

/// Which of the six this is.
pub const SERVICE: contracts::Service = contracts::Service::LexRouter;
