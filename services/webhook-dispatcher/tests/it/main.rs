//! webhook-dispatcher as a whole, with a real PostgreSQL, RabbitMQ and receivers on real sockets.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod consume_events;
mod degraded;
mod deliver;
mod harness;
mod http_dialects;
mod http_subscriptions;
mod isolation;
mod replicas;
