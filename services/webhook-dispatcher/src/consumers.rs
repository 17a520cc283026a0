//! The queues that are consumed.

pub mod changes;
pub mod control;
pub mod events;
pub mod tape;
