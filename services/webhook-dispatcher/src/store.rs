//! The SQL of schema `webhook_dispatcher`, one file per aggregate. Row types stay in here.

use platform_pg::partitions::{Cut, PartitionedTable};
use platform_pg::retention::Retention;

pub mod accounting;
pub mod deliveries;
pub mod erasure;
pub mod events;
pub mod fan_out;
pub mod figures;
pub mod found;
pub mod gone;
pub mod leases;
pub mod messages;
pub mod operation;
pub mod organizations;
pub mod outcomes;
pub mod recoveries;
mod search;
pub mod settlements;
pub mod shown;
pub mod subscriptions;
pub mod tape;
pub mod wakeups;

/// Five weeks back: an event may come late, and deliveries are kept for 35 days.
const EVENTS: PartitionedTable =
    PartitionedTable { name: events::TABLE, cut: Cut::WeeklyById, behind: 5, ahead: 2 };
const DELIVERIES: PartitionedTable = PartitionedTable { name: deliveries::TABLE, ..EVENTS };
const ATTEMPTS: PartitionedTable = PartitionedTable { name: "attempts", behind: 1, ..EVENTS };

/// The tables that are cut by time.
pub const PARTITIONED: &[PartitionedTable] = &[EVENTS, DELIVERIES, ATTEMPTS];

/// For how long they are kept. Deliveries go before the events that they carry.
pub const RETAINED: &[Retention] = &[
    Retention { table: DELIVERIES, keep_days: 35 },
    Retention { table: EVENTS, keep_days: 35 },
    Retention { table: ATTEMPTS, keep_days: 30 },
];

/// The table whose partitions say which events can be stored.
pub const STORED_EVENTS: PartitionedTable = EVENTS;
