//! What this service hears of, one file per queue.

pub mod control_events;
