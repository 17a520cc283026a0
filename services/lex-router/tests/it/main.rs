//! lex-router as a whole, over HTTP, with a real PostgreSQL, RabbitMQ and Redis.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod acknowledgments;
mod conformance;
mod consume_organizations;
mod consume_outcomes;
mod deduplication;
mod degraded;
mod harness;
mod http_batches;
mod http_closures;
mod http_erase;
mod http_idempotency;
mod http_messages;
mod http_organization;
mod http_surface;
mod leads;
mod publishes;
mod subscriptions;
mod tenancy;
