//! How a service that charges a request more than the gateway did tells of it.
//!
//! The gateway charges every request once. A service for which one request is several charges the rest to
//! [`LimitWindow`] before it stores anything, and answers with the headers below; the gateway renders them in
//! the surface's own headers and passes none of them on.

use serde::{Deserialize, Serialize};

/// Requests that the window allows.
pub const LIMIT_HEADER: &str = "x-leadwire-limit-limit";
/// Requests that are left of it.
pub const REMAINING_HEADER: &str = "x-leadwire-limit-remaining";
/// Whole seconds until it begins anew.
pub const RESET_HEADER: &str = "x-leadwire-limit-reset";

/// The window of a minute that a request was charged to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitWindow {
    /// As the rate limiter of crate `platform` names it.
    pub key: String,
    /// Requests per minute.
    pub limit: u64,
}
