//! The SQL of schema `webhook_dispatcher`, one file per aggregate. Row types stay in here.

use platform_pg::partitions::{Cut, PartitionedTable};

pub mod deliveries;
pub mod events;
pub mod leases;
pub mod settlements;
pub mod subscriptions;
pub mod wakeups;

/// Five weeks back: an event may come late, and deliveries are kept for 35 days.
const EVENTS: PartitionedTable =
    PartitionedTable { name: "events", cut: Cut::WeeklyById, behind: 5, ahead: 2 };

/// The tables that are cut by time.
pub const PARTITIONED: &[PartitionedTable] = &[
    EVENTS,
    PartitionedTable { name: "deliveries", ..EVENTS },
    PartitionedTable { name: "attempts", behind: 1, ..EVENTS },
];

/// The table whose partitions say which events can be stored.
pub const STORED_EVENTS: PartitionedTable = EVENTS;
