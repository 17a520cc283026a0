//! HTTP on both sides: the server of every service (edge middleware, ops endpoints, extractors, fault
//! rendering) and the guarded client for addresses that strangers choose.
//!
//! Knows no public envelope: a [`Dialect`] is handed in. Holds no routes of its own but the ops ones.

pub mod body;
mod connection;
pub mod dialect;
pub mod edge;
pub mod identity;
pub mod ops;
pub mod outbound;
pub mod server;
pub mod settings;
mod unread;

pub use body::{AnyBytes, JsonBody, JsonBytes, OptionalJsonBody};
pub use dialect::{Dialect, HttpFault, Rendered};
pub use identity::{Anyone, Caller, FromService, IdentityKey, Permission};
pub use ops::Readiness;
pub use server::{Edge, Servers};
pub use settings::{HttpSettings, IdentitySettings};
