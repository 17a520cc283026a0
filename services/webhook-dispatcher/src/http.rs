//! HTTP: what comes in and what goes out, nothing of what happens in between.

mod events;
mod fields;
mod figures;
mod internal;
mod lex;
mod lex_body;
mod lex_deliveries;
mod operation;
mod organization;
mod partner;
mod partner_body;
mod partner_deliveries;
mod platform;
mod platform_body;
mod platform_deliveries;
mod query;
pub mod routes;
mod subscriptions;
