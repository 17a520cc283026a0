//! Holds the generated documents against the contracts, the routes and what is committed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its surroundings fail")]

mod asyncapi;
mod changed;
mod compatibility;
mod contracts;
mod deviations;
mod documents;
mod events;
mod files;
