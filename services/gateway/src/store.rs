//! The SQL of schema `gateway`, one file per aggregate. Row types stay in here.

use platform_pg::StoreError;
use platform_pg::partitions::{Cut, PartitionedTable};

pub mod audit_log;
pub mod clients;
pub mod credentials;
pub mod credentials_cache;
pub mod jti_claims;
pub mod organizations;
pub mod origins;
pub mod replays;
pub mod resolved;
pub mod usage;

/// The tables that are cut by time.
pub const PARTITIONED: &[PartitionedTable] = &[
    PartitionedTable { name: "audit_log", cut: Cut::Monthly, behind: 1, ahead: 2 },
    USAGE_HOURLY,
    USAGE_DAILY,
];

/// A month back: counts may be written late, after an outage.
pub const USAGE_HOURLY: PartitionedTable =
    PartitionedTable { name: "usage_hourly", cut: Cut::Monthly, behind: 1, ahead: 2 };
pub const USAGE_DAILY: PartitionedTable = PartitionedTable { name: "usage_daily", ..USAGE_HOURLY };

/// A value of the table that the domain does not know: written by a newer version, or by hand.
fn unknown(what: &'static str, value: &str) -> StoreError {
    sqlx::Error::Decode(format!("unknown {what} {value:?}").into()).into()
}
