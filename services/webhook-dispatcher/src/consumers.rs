//! The queues that are consumed.

pub mod control;
pub mod events;
