//! The service's HTTP side.

mod answer;
mod cursor;
mod erase;
mod event_body;
mod events;
mod idempotency_key;
mod json_text;
mod organization;
mod ping;
mod read_workers;
pub mod routes;
mod snapshot_body;
mod snapshots;
