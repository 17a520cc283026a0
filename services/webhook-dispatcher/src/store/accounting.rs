//! What happened to events: how their deliveries stand.

use super::search::Search;
use crate::domain::event::{AccountedEvent, EventSelection, origin};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use sqlx::{PgConnection, QueryBuilder};
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
    type Row = (Uuid, String, String, Option<String>, Option<String>, DateTime<Utc>);
    const COLUMNS: &str = "event_id, kind, source, origin, subject, occurred_at";
    let search = Search { organization: Some(organization), selection, after: None, newest_first: true };
    let mut query = QueryBuilder::new("select ");
    query.push(COLUMNS);
    search.push_from(&mut query, COLUMNS, offset.saturating_add(limit));
    search.push_order(&mut query);
    query.push(" offset ").push_bind(offset).push(" limit ").push_bind(limit);
    let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *connection).await?;
    let ids: Vec<Uuid> = rows.iter().map(|(id, ..)| *id).collect();
    let mut counts = counts(connection, organization, &ids).await?;
    let event = |(id, kind, source, named, subject, occurred_at): Row| AccountedEvent {
        id: EventId::new(id),
        kind,
        origin: named.unwrap_or_else(|| origin(&source, None)),
        subject,
        occurred_at,
        deliveries: counts.remove(&id).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(event).collect())
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
    let search = Search { organization: Some(organization), selection, after: None, newest_first: true };
    let mut query = QueryBuilder::new("select count(*) from (select");
    search.push_from(&mut query, "event_id, kind, origin", most);
    query.push(" limit ").push_bind(most).push(") as counted");
    Ok(query.build_query_scalar().fetch_one(connection).await?)
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
