//! The service's HTTP side.

mod answer;
mod batch;
mod body;
mod caller;
mod closure;
mod conformance;
mod erase;
mod health;
mod messages;
mod organization;
mod organization_conformance;
mod read;
pub mod routes;
mod schema;
