//! What comes from the broker, one file per queue.

pub mod organizations;
