//! The routes of lead-intake. Data transfer objects stay in here, next to their handlers.

pub mod create_lead;
pub mod erase;
pub mod healthz;
pub mod lead_body;
pub mod read_leads;
pub mod routes;
