//! crm-resources: products, customers, leads and automations.
//!
//! So far a process with its settings, database, ops port and place behind the gateway; every operation of
//! its surface answers that it is not available, in the surface's own dialect.

mod app;
mod settings;

pub use app::App;
pub use settings::Settings;

/// Which of the six this is.
pub const SERVICE: contracts::Service = contracts::Service::CrmResources;
