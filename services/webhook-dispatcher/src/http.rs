//! The routes of webhook-dispatcher. Data transfer objects stay in here, next to their handlers.

pub mod partner;
pub mod partner_body;
pub mod partner_deliveries;
pub mod routes;
