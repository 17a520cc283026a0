//! The mechanisms of platform-pg against a real PostgreSQL and a real RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod group_commit;
mod ledger;
mod partitions;
mod relay;
