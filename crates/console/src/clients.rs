//! The one other party: the gateway's own public APIs.

pub mod api;
