//! What every process of Leadwire needs, whatever it serves: settings, telemetry, life cycle, clock, ids,
//! faults, secrets, limits.
//!
//! Knows neither HTTP servers nor databases nor the broker: those are `platform-http`, `platform-pg` and
//! `platform-broker`, which stand beside each other on top of this crate.

pub mod api_keys;
pub mod breaker;
pub mod clock;
pub mod content_coding;
pub mod document;
pub mod fault;
pub mod figures;
pub mod ids;
pub mod lifecycle;
pub mod limits;
mod log_format;
mod log_lines;
pub mod messaging;
pub mod person;
pub mod request_id;
pub mod secrets;
pub mod settings;
pub mod telemetry;

pub use fault::{Fault, Violation};
