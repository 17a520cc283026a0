//! The SQL of schema `lead_intake`, one file per aggregate. Row types stay in here.

use platform_pg::partitions::{Cut, PartitionedTable};
use platform_pg::retention::Retention;

pub mod erasure;
pub mod leads;
pub mod life_cycle;
pub mod open_orchestrations;
pub mod orchestrations;
pub mod removal;

/// By the time inside the id of the event. Outcomes come for as long as the dispatcher keeps deliveries.
pub const ORCHESTRATIONS: PartitionedTable =
    PartitionedTable { name: "orchestrations", cut: Cut::WeeklyById, behind: 9, ahead: 2 };

/// The tables that are cut by time.
pub const PARTITIONED: &[PartitionedTable] =
    &[PartitionedTable { name: "leads", cut: Cut::Monthly, behind: 1, ahead: 2 }, ORCHESTRATIONS];

/// What is dropped after its time. Leads are kept.
pub const RETENTIONS: &[Retention] = &[Retention { table: ORCHESTRATIONS, keep_days: 60 }];
