//! Checks of the repository itself.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod architecture;
mod asyncapi;
mod deployment;
mod documented;
mod runbooks;
