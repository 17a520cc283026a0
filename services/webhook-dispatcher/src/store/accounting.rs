//! What happened to events: how their deliveries stand.

use crate::domain::event::{AccountedEvent, EventSelection, origin};
use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// A part of the events, newest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn events(
    connection: &mut PgConnection,
    organization: OrganizationId,
    selection: &EventSelection,
    offset: i64,
    limit: i64,
) -> Result<Vec<AccountedEvent>, StoreError> {
    let rows = sqlx::query!(
        "select event_id, kind, source, origin, occurred_at from events
         where organization_id = $1 and ($2::text is null or kind = $2)
           and ($3::text is null or origin = $3 or (origin like 'ingest:%' and $3 = 'ingest'))
           and ($4::uuid is null or event_id >= $4) and ($5::uuid is null or event_id < $5)
         order by event_id desc offset $6 limit $7",
        organization.as_uuid(),
        selection.kind,
        selection.origin,
        selection.first,
        selection.before,
        offset,
        limit
    )
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.event_id).collect();
    let mut counts = counts(connection, organization, &ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| AccountedEvent {
            id: EventId::new(row.event_id),
            kind: row.kind,
            origin: row.origin.unwrap_or_else(|| origin(&row.source, None)),
            occurred_at: row.occurred_at,
            deliveries: counts.remove(&row.event_id).unwrap_or_default(),
        })
        .collect())
}

async fn counts(
    connection: &mut PgConnection,
    organization: OrganizationId,
    events: &[Uuid],
) -> Result<HashMap<Uuid, [i64; 5]>, StoreError> {
    let rows = sqlx::query!(
        r#"select event_id, state, count(*) as "count!" from deliveries
         where organization_id = $1 and event_id = any($2) group by event_id, state"#,
        organization.as_uuid(),
        events
    )
    .fetch_all(connection)
    .await?;
    let mut counts: HashMap<Uuid, [i64; 5]> = HashMap::new();
    for row in rows {
        let of_event = counts.entry(row.event_id).or_default();
        if let Some(count) = usize::try_from(row.state).ok().and_then(|state| of_event.get_mut(state)) {
            *count = row.count;
        }
    }
    Ok(counts)
}

/// How many events there are, counted up to `most`.
///
/// # Errors
/// When the database is unavailable.
pub async fn count(
    connection: &mut PgConnection,
    organization: OrganizationId,
    selection: &EventSelection,
    most: i64,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select from events
             where organization_id = $1 and ($2::text is null or kind = $2)
               and ($3::text is null or origin = $3 or (origin like 'ingest:%' and $3 = 'ingest'))
               and ($4::uuid is null or event_id >= $4) and ($5::uuid is null or event_id < $5)
             limit $6
         ) as counted"#,
        organization.as_uuid(),
        selection.kind,
        selection.origin,
        selection.first,
        selection.before,
        most
    )
    .fetch_one(connection)
    .await?;
    Ok(count)
}

/// Whether an organisation has an event.
///
/// # Errors
/// When the database is unavailable.
pub async fn exists(
    connection: &mut PgConnection,
    organization: OrganizationId,
    event: EventId,
) -> Result<bool, StoreError> {
    let exists = sqlx::query_scalar!(
        r#"select exists (select from events where organization_id = $1 and event_id = $2) as "exists!""#,
        organization.as_uuid(),
        event.as_uuid()
    )
    .fetch_one(connection)
    .await?;
    Ok(exists)
}
