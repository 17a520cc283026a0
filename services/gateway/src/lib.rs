//! gateway: the one way in. It authenticates, limits and routes every public request, and owns the control
//! plane: organisations, clients and their credentials.
//!
//! `main → app → http → usecases → {store, clients, domain}`. Never parses a body that it passes on.

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
pub use console::ConsoleSettings;
pub use settings::{
    CredentialSettings, IdentityKeySettings, OauthSettings, ProxySettings, SecretSettings, Settings,
    TokenSettings, UpstreamSettings, UsageSettings,
};

/// Which of the six this is.
pub const SERVICE: contracts::Service = contracts::Service::Gateway;
