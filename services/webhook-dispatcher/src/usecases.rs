//! What the service does, one verb per file.

pub mod account_for_events;
pub mod announce;
pub mod create_subscription;
pub mod delete_subscriptions;
pub mod end_pending;
pub mod erase_person;
pub mod fan_out;
pub mod figures;
pub mod list_deliveries;
pub mod list_subscriptions;
pub mod notices;
pub mod operate;
pub mod organizations;
pub mod put_lex_subscription;
pub mod reconcile;
pub mod recover;
pub mod retention;
pub mod secret;
pub mod send_test;
pub mod update_subscription;
pub mod waiting;
