//! The SQL of schema `lex_router`, one file per aggregate. Row types stay in here.

use platform_pg::partitions::{Cut, PartitionedTable};
use platform_pg::retention::Retention;

pub mod erasure;
pub mod intake;
pub mod listing;
mod loading;
pub mod messages;
pub mod organizations;
pub mod outcomes;
pub mod removal;
pub mod reports;
mod writing;

/// By the time inside the message's id.
const MESSAGES: PartitionedTable =
    PartitionedTable { name: "messages", cut: Cut::Monthly, behind: 1, ahead: 2 };

/// The tables that are cut by time.
pub const PARTITIONED: &[PartitionedTable] = &[MESSAGES];

/// What is dropped after its time. Names, leads, assets and reports are kept.
pub fn retentions(messages_days: u32) -> Vec<Retention> {
    vec![Retention { table: MESSAGES, keep_days: messages_days }]
}
