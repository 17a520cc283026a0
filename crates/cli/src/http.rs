//! What this program serves itself.

pub mod listener;
