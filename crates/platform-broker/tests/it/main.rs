//! The broker crate against a real RabbitMQ, with a virtual host for each test.

#![expect(clippy::expect_used, clippy::panic, reason = "a test ends where its surroundings fail")]

mod consumes;
mod dead_letters;
mod declares;
mod harness;
mod publishes;
mod recovers;
mod replicas;
mod tapes;
