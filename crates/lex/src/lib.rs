//! The Lead Exchange Standard: messages in JSON and XML, their rules, life cycle and rendering.
//!
//! Pure: no I/O, no clock, no randomness; whatever the bytes are, it answers and never panics.

pub mod acknowledgment;
pub mod capability;
pub mod certificate;
pub mod closure;
pub mod code;
pub mod conformance;
pub mod consent;
pub mod dedup;
pub mod events;
pub mod facts;
pub mod governance;
pub mod header;
pub mod json;
pub mod life_cycle;
pub mod message;
mod node;
pub mod notes;
pub mod render;
pub mod retry;
pub mod rules;
pub mod schema;
pub mod subscription;
pub mod ttl;
pub mod verdict;
mod xml;

#[doc(hidden)]
pub mod sample;

pub use message::{Message, Unreadable};
pub use rules::{Context, Level, check};
pub use verdict::{Issue, Severity, Verdict};
