//! What crosses a process boundary: services, routes, identity claims, events, topology, fault codes.
//!
//! Plain data and the rules that belong to it. No I/O, no clock, no randomness: every other crate may
//! depend on this one, and it depends on none of them.

pub mod control;
pub mod crm;
pub mod crm_events;
pub mod event;
pub mod fault;
pub mod identity;
pub mod ids;
pub mod ingest;
pub mod internal;
pub mod lead;
pub mod lex;
pub mod limits;
pub mod moment;
pub mod outcome;
pub mod routes;
pub mod service;
pub mod surface;
pub mod topology;
pub mod webhook;
pub mod webhook_events;

pub use fault::FaultCode;
pub use service::Service;
pub use surface::Surface;
