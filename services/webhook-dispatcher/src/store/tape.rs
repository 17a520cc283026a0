//! How far the tape is accounted for, and what of it is missing here.

use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::collections::HashSet;
use std::time::Duration;
use uuid::Uuid;

/// A message on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub offset: i64,
    pub message: Option<Uuid>,
}

/// What a replica may do with the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Another replica reads it.
    Others,
    /// It goes on behind the mark; `None`: at the beginning.
    Ours(Option<Mark>),
}

/// Takes the turn to read the tape, or keeps it, for a while.
///
/// # Errors
/// When the database is unavailable.
pub async fn take_turn(
    connection: &mut PgConnection,
    replica: Uuid,
    ttl: Duration,
) -> Result<Turn, StoreError> {
    let row = sqlx::query!(
        "update tape set reader = $1, read_until = now() + make_interval(secs => $2)
         where reader = $1 or read_until <= now() returning last_offset, last_message",
        replica,
        ttl.as_secs_f64()
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or(Turn::Others, |row| {
        Turn::Ours(row.last_offset.map(|offset| Mark { offset, message: row.last_message }))
    }))
}

/// Notes that everything up to a message is accounted for. False when the turn was lost.
///
/// # Errors
/// When the database is unavailable.
pub async fn advance(
    connection: &mut PgConnection,
    replica: Uuid,
    mark: Mark,
    ttl: Duration,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update tape set last_offset = $2, last_message = $3, read_until = now() + make_interval(secs => $4)
         where reader = $1",
        replica,
        mark.offset,
        mark.message,
        ttl.as_secs_f64()
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Which of these events are not stored. Nothing is missing of organisations that are gone.
///
/// # Errors
/// When the database is unavailable.
pub async fn missing(
    connection: &mut PgConnection,
    events: &[(EventId, OrganizationId)],
) -> Result<HashSet<EventId>, StoreError> {
    let ids: Vec<Uuid> = events.iter().map(|(event, _)| event.as_uuid()).collect();
    let organizations: Vec<Uuid> = events.iter().map(|(_, organization)| organization.as_uuid()).collect();
    let missing = sqlx::query_scalar!(
        r#"select published.event_id as "event_id!"
         from unnest($1::uuid[], $2::uuid[]) as published (event_id, organization_id)
         where not exists (select from events where events.event_id = published.event_id)
           and not exists (select from gone where what = 'organization' and id = published.organization_id)"#,
        &ids,
        &organizations
    )
    .fetch_all(connection)
    .await?;
    Ok(missing.into_iter().map(EventId::new).collect())
}
