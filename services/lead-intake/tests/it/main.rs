//! lead-intake as a whole, over HTTP, with a real PostgreSQL, RabbitMQ and Redis.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod consume_organizations;
mod consume_outcomes;
mod contracts;
mod degraded;
mod harness;
mod http_create_lead;
mod http_erase;
mod http_healthz;
mod http_read_leads;
mod hubspot_outage;
mod idempotency;
mod killed;
mod orchestrates;
mod publishes;
mod shuts_down;
