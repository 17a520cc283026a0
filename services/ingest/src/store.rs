//! The SQL of schema `ingest`, one file per aggregate. Row types stay in here.

use platform_pg::partitions::{Cut, PartitionedTable};
use platform_pg::retention::Retention;

mod copy;
pub mod erasure;
pub mod events;
pub mod removal;
pub mod snapshots;
pub mod usage;
pub mod workers;

/// By the time of acceptance.
pub const EVENTS: PartitionedTable =
    PartitionedTable { name: "events", cut: Cut::Monthly, behind: 0, ahead: 2 };

/// The tables that are cut by time.
pub const PARTITIONED: &[PartitionedTable] = &[EVENTS];

/// What is dropped after its time. Workers, cards and usage are kept.
pub fn retentions(events_days: u32) -> Vec<Retention> {
    vec![Retention { table: EVENTS, keep_days: events_days }]
}
