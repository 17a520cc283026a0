//! The queues that are consumed.

pub mod events;
