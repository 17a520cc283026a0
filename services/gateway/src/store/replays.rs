//! Replays of the broker's dead letters, which are the platform's, and the leases of those who carry them out, on the
//! database's clock.

use super::unknown;
use crate::domain::client::Paging;
use crate::domain::replay::{Replay, ReplayState};
use chrono::{DateTime, Utc};
use platform_broker::dead_letters::Filter;
use platform_pg::StoreError;
use serde_json::Value;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// The index that lets one replay of a queue be under way.
pub const UNDER_WAY: &str = "dead_letter_replays_under_way";

struct Row {
    id: Uuid,
    queue: String,
    filter: Value,
    rate_per_second: Option<f64>,
    state: String,
    total: Option<i64>,
    moved: i64,
    error: Option<String>,
    requested_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Replay {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let filter: Filter =
            serde_json::from_value(row.filter).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Self {
            id: row.id,
            queue: row.queue,
            filter,
            rate: row.rate_per_second,
            state: ReplayState::parse(&row.state).ok_or_else(|| unknown("state", &row.state))?,
            total: row.total,
            moved: row.moved,
            error: row.error,
            requested_by: row.requested_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            ended_at: row.ended_at,
        })
    }
}

/// Stores a new one.
///
/// # Errors
/// A violation of [`UNDER_WAY`], or when the database is unavailable.
pub async fn insert(connection: &mut PgConnection, replay: &Replay) -> Result<(), StoreError> {
    let filter = serde_json::to_value(&replay.filter).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query!(
        "insert into dead_letter_replays (id, queue, filter, rate_per_second, state, requested_by, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        replay.id,
        replay.queue,
        filter,
        replay.rate,
        replay.state.word(),
        replay.requested_by,
        replay.created_at,
        replay.updated_at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// One of a queue.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    queue: &str,
    id: Uuid,
) -> Result<Option<Replay>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, queue, filter, rate_per_second, state, total, moved, error, requested_by, created_at, updated_at,
             ended_at
         from dead_letter_replays where queue = $1 and id = $2",
        queue,
        id
    )
    .fetch_optional(connection)
    .await?;
    row.map(Replay::try_from).transpose()
}

/// The same, kept from changing until the transaction ends.
///
/// # Errors
/// When the database is unavailable.
pub async fn hold(
    connection: &mut PgConnection,
    queue: &str,
    id: Uuid,
) -> Result<Option<Replay>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, queue, filter, rate_per_second, state, total, moved, error, requested_by, created_at, updated_at,
             ended_at
         from dead_letter_replays where queue = $1 and id = $2 for update",
        queue,
        id
    )
    .fetch_optional(connection)
    .await?;
    row.map(Replay::try_from).transpose()
}

/// A page of those of a queue, newest first, and how many there are.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    queue: &str,
    paging: Paging,
) -> Result<(Vec<Replay>, i64), StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select id, queue, filter, rate_per_second, state, total, moved, error, requested_by, created_at, updated_at,
             ended_at
         from dead_letter_replays where queue = $1 order by created_at desc, id desc limit $2 offset $3",
        queue,
        paging.limit,
        paging.offset()
    )
    .fetch_all(&mut *connection)
    .await?;
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from dead_letter_replays where queue = $1"#,
        queue
    )
    .fetch_one(connection)
    .await?;
    Ok((rows.into_iter().map(Replay::try_from).collect::<Result<_, _>>()?, total))
}

/// The newest of each queue.
///
/// # Errors
/// When the database is unavailable.
pub async fn newest(connection: &mut PgConnection) -> Result<Vec<Replay>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select distinct on (queue) id, queue, filter, rate_per_second, state, total, moved, error, requested_by,
             created_at, updated_at, ended_at
         from dead_letter_replays order by queue, created_at desc, id desc"
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Replay::try_from).collect()
}

/// Changes the state as a caller wants it. A holder goes on holding, and hears of it.
///
/// # Errors
/// A violation of [`UNDER_WAY`], or when the database is unavailable.
pub async fn set_state(
    connection: &mut PgConnection,
    id: Uuid,
    state: ReplayState,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update dead_letter_replays
         set state = $2, updated_at = $3, ended_at = case when $2::text = 'CANCELLED' then $3::timestamptz end,
             error = case when $2 = 'QUEUED' then null else error end
         where id = $1",
        id,
        state.word(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the oldest that is under way and that nobody holds, and says which, and whether somebody had it before.
///
/// # Errors
/// When the database is unavailable.
pub async fn claim(
    connection: &mut PgConnection,
    holder: Uuid,
    ttl: Duration,
) -> Result<Option<(Replay, bool)>, StoreError> {
    let found = sqlx::query!(
        r#"with next as (
             select id, state from dead_letter_replays
             where state in ('QUEUED', 'RUNNING', 'CANCELLING') and lease_until <= now()
             order by created_at limit 1 for update skip locked
         )
         update dead_letter_replays r
         set holder = $1, lease_until = now() + make_interval(secs => $2),
             state = case when r.state = 'QUEUED' then 'RUNNING' else r.state end
         from next where r.id = next.id
         returning r.id, r.queue, r.filter, r.rate_per_second, r.state, r.total, r.moved, r.error, r.requested_by,
             r.created_at, r.updated_at, r.ended_at, next.state as "before!""#,
        holder,
        ttl.as_secs_f64()
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = found else { return Ok(None) };
    let was_left = row.before != ReplayState::Queued.word();
    let replay = Replay::try_from(Row {
        id: row.id,
        queue: row.queue,
        filter: row.filter,
        rate_per_second: row.rate_per_second,
        state: row.state,
        total: row.total,
        moved: row.moved,
        error: row.error,
        requested_by: row.requested_by,
        created_at: row.created_at,
        updated_at: row.updated_at,
        ended_at: row.ended_at,
    })?;
    Ok(Some((replay, was_left)))
}

/// Says how many are meant and how many of them are back at work. False when it is somebody else's by now.
///
/// # Errors
/// When the database is unavailable.
pub async fn set_counted(
    connection: &mut PgConnection,
    (id, holder): (Uuid, Uuid),
    (total, moved): (i64, i64),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update dead_letter_replays set total = $3, moved = $4, error = null, updated_at = $5
         where id = $1 and holder = $2",
        id,
        holder,
        total,
        moved,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Renews the lease, says how many are back at work, and learns the state; `None` when it is somebody else's by now.
///
/// # Errors
/// When the database is unavailable.
pub async fn renew(
    connection: &mut PgConnection,
    (id, holder): (Uuid, Uuid),
    ttl: Duration,
    moved: i64,
    now: DateTime<Utc>,
) -> Result<Option<ReplayState>, StoreError> {
    let word = sqlx::query_scalar!(
        "update dead_letter_replays
         set lease_until = now() + make_interval(secs => $3), moved = greatest(moved, $4), updated_at = $5
         where id = $1 and holder = $2 returning state",
        id,
        holder,
        ttl.as_secs_f64(),
        moved,
        now
    )
    .fetch_optional(connection)
    .await?;
    word.map(|word| ReplayState::parse(&word).ok_or_else(|| unknown("state", &word))).transpose()
}

/// Lets go of one that goes on later, after a while.
///
/// # Errors
/// When the database is unavailable.
pub async fn release(
    connection: &mut PgConnection,
    (id, holder): (Uuid, Uuid),
    rest: Duration,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update dead_letter_replays
         set holder = null, lease_until = now() + make_interval(secs => $3), error = $4, updated_at = $5
         where id = $1 and holder = $2",
        id,
        holder,
        rest.as_secs_f64(),
        error,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends one. False when it is somebody else's by now.
///
/// # Errors
/// When the database is unavailable.
pub async fn end(
    connection: &mut PgConnection,
    (id, holder): (Uuid, Uuid),
    state: ReplayState,
    moved: i64,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update dead_letter_replays
         set state = $3, moved = greatest(moved, $4), error = $5, updated_at = $6, ended_at = $6, holder = null,
             lease_until = '-infinity'
         where id = $1 and holder = $2",
        id,
        holder,
        state.word(),
        moved,
        error,
        now
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
