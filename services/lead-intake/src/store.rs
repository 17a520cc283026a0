//! The SQL of schema `lead_intake`, one file per aggregate. Row types stay in here.

use platform_pg::partitions::{Cut, PartitionedTable};

pub mod leads;

/// The tables that are cut by time.
pub const PARTITIONED: &[PartitionedTable] =
    &[PartitionedTable { name: "leads", cut: Cut::Monthly, behind: 1, ahead: 2 }];
