//! Table `events`: what happened to workers.

use super::copy::Rows;
use crate::domain::event::Category;
use crate::domain::timeline::{EventSelection, Place, TimelineEvent};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId, WorkerId};
use platform_pg::StoreError;
use serde_json::value::RawValue;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// An event as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct StoredEvent<'e> {
    pub worker: WorkerId,
    pub occurred_at: DateTime<Utc>,
    pub id: EventId,
    pub event_type: &'e str,
    pub category: &'e str,
    pub duration: Option<i32>,
    pub metadata: Option<&'e RawValue>,
}

/// What a row takes beside its texts, roughly.
const ROW: usize = 160;

/// Stores the events of an application in one go.
///
/// # Errors
/// When the database is unavailable, which a missing partition counts as.
pub async fn insert(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    app: &str,
    received_at: DateTime<Utc>,
    events: &[StoredEvent<'_>],
) -> Result<(), StoreError> {
    let texts: usize = events
        .iter()
        .map(|event| event.event_type.len() + event.metadata.map_or(0, |metadata| metadata.get().len()))
        .sum();
    let mut rows = Rows::new(10, texts + events.len() * (ROW + app.len()));
    for event in events {
        rows.row()
            .uuid(organization_id.as_uuid())
            .uuid(event.worker.as_uuid())
            .time(event.occurred_at)
            .uuid(event.id.as_uuid())
            .time(received_at)
            .text(event.event_type)
            .text(event.category)
            .text(app)
            .integer_or_null(event.duration)
            .text_or_null(event.metadata.map(RawValue::get));
    }
    let mut copy = connection
        .copy_in_raw(
            "copy events (organization_id, worker_id, occurred_at, event_id, received_at, event_type, category, \
             app, duration, metadata) from stdin with (format binary)",
        )
        .await?;
    copy.send(rows.finish()).await?;
    copy.finish().await.map_err(|error| StoreError::from(error).awaiting_partition())?;
    Ok(())
}

struct EventRow {
    event_id: Uuid,
    event_type: String,
    category: String,
    app: String,
    occurred_at: DateTime<Utc>,
    duration: Option<i32>,
    metadata: Option<Json<Box<RawValue>>>,
}

impl From<EventRow> for TimelineEvent {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.event_id,
            event_type: row.event_type,
            category: row.category,
            app: row.app,
            occurred_at: row.occurred_at,
            duration: row.duration,
            metadata: row.metadata.map(|metadata| metadata.0),
        }
    }
}

/// Events of a worker, newest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn timeline(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    worker: WorkerId,
    selection: &EventSelection,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<TimelineEvent>, StoreError> {
    // Bounds that are always there, so that the index is entered where the page begins.
    let rows = sqlx::query_as!(
        EventRow,
        r#"select event_id, event_type, category, app, occurred_at, duration,
               metadata as "metadata: Json<Box<RawValue>>"
           from events
           where organization_id = $1 and worker_id = $2
             and (occurred_at, event_id) < (coalesce($3::timestamptz, 'infinity'), $4)
             and occurred_at <= coalesce($5::timestamptz, 'infinity') and occurred_at >= coalesce($6::timestamptz, '-infinity')
             and ($7::text is null or app = $7) and ($8::text is null or event_type = $8)
             and ($9::text is null or category = $9)
           order by occurred_at desc, event_id desc limit $10"#,
        organization_id.as_uuid(),
        worker.as_uuid(),
        after.map(|after| after.occurred_at),
        after.map_or(Uuid::max(), |after| after.id),
        selection.to,
        selection.from,
        selection.app,
        selection.event_type,
        selection.category.map(Category::as_str),
        i64::try_from(limit).unwrap_or(i64::MAX)
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(TimelineEvent::from).collect())
}
