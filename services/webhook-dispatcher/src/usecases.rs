//! What the service does, one verb per file.

pub mod create_subscription;
pub mod fan_out;
pub mod list_deliveries;
pub mod list_subscriptions;
