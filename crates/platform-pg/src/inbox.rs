//! The inbox: which events a consumer has dealt with, written in the transaction of their effects.
//!
//! For effects that are not naturally idempotent. The broker delivers at least once; an id that is already
//! here has had its effect. Ids are kept as long as their weeks are; what is older or from elsewhere is
//! reported, not guessed at.

use crate::error::StoreError;
use crate::partitions::{Cut, PartitionedTable};
use crate::retention::Retention;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// To be looked after by [`crate::partitions::maintain`] in every service that has a consumer with an inbox.
pub const TABLE: PartitionedTable =
    PartitionedTable { name: "inbox", cut: Cut::WeeklyById, behind: 5, ahead: 2 };

/// To be dropped by [`crate::retention::start`].
pub const RETENTION: Retention = Retention { table: TABLE, keep_days: 35 };

/// A batch of events, sorted by what is to be done about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// To be processed in this transaction.
    pub fresh: HashSet<Uuid>,
    /// Not of version 7, or of a time that is not kept: whether they were processed cannot be known. They
    /// belong on the dead-letter queue.
    pub out_of_range: Vec<Uuid>,
}

/// Enters events for a consumer, in the caller's transaction, and says which ones it has not had before.
/// Waits for another transaction that enters the same ones; when that is rolled back, they are fresh here.
///
/// # Errors
/// When the database is unavailable, which a missing partition counts as.
pub async fn fresh(
    connection: &mut PgConnection,
    consumer: i16,
    events: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Arrived, StoreError> {
    let covered = TABLE.covered(now);
    let (known, out_of_range): (Vec<Uuid>, Vec<Uuid>) = events
        .iter()
        .partition(|&&event| platform::ids::time_of(event).is_some_and(|made| covered.contains(&made)));
    if known.is_empty() {
        return Ok(Arrived { fresh: HashSet::new(), out_of_range });
    }
    // Ordered, so that two batches of the same events wait for each other instead of deadlocking.
    let fresh: Vec<Uuid> = sqlx::query_scalar(
        "insert into inbox (event_id, consumer)
         select distinct event_id, $2 from unnest($1::uuid[]) as event_id order by event_id
         on conflict do nothing returning event_id",
    )
    .bind(known)
    .bind(consumer)
    .fetch_all(connection)
    .await
    .map_err(|error| StoreError::from(error).awaiting_partition())?;
    Ok(Arrived { fresh: fresh.into_iter().collect(), out_of_range })
}
