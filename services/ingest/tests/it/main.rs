//! ingest as a whole, over HTTP, with a real PostgreSQL and a real RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod consume_organizations;
mod degraded;
mod harness;
mod http_batches;
mod http_erase;
mod http_idempotency;
mod http_organization;
mod http_plans;
mod http_reads;
mod http_snapshots;
mod http_surface;
mod properties;
mod publishes;
mod workers;
