//! Table `snapshots`: the cards of workers, the latest snapshot of each type.

use crate::domain::snapshot::NewSnapshot;
use crate::domain::timeline::Card;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId, WorkerId};
use platform_pg::StoreError;
use serde_json::value::RawValue;
use sqlx::PgConnection;
use sqlx::types::Json;

/// Puts a snapshot in the place of an older one, or of one of the same moment.
///
/// # Errors
/// When the database is unavailable.
pub async fn put(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    app: &str,
    worker: WorkerId,
    event_id: EventId,
    taken_at: DateTime<Utc>,
    snapshot: &NewSnapshot,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into snapshots (organization_id, worker_id, app, snapshot_type, taken_at, event_id, metrics, metadata)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (organization_id, worker_id, app, snapshot_type) do update
             set taken_at = excluded.taken_at, event_id = excluded.event_id, metrics = excluded.metrics,
                 metadata = excluded.metadata
             where snapshots.taken_at <= excluded.taken_at",
    )
    .bind(organization_id.as_uuid())
    .bind(worker.as_uuid())
    .bind(app)
    .bind(&snapshot.snapshot_type)
    .bind(taken_at)
    .bind(event_id.as_uuid())
    .bind(Json(&snapshot.metrics))
    .bind(snapshot.metadata.as_ref().map(Json))
    .execute(connection)
    .await?;
    Ok(())
}

struct CardRow {
    app: String,
    snapshot_type: String,
    taken_at: DateTime<Utc>,
    metrics: Json<Box<RawValue>>,
}

/// Cards of a worker, by application and type.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    worker: WorkerId,
    after: Option<&(String, String)>,
    limit: usize,
) -> Result<Vec<Card>, StoreError> {
    let (app, snapshot_type) = after.map_or(("", ""), |(app, name)| (app.as_str(), name.as_str()));
    let rows = sqlx::query_as!(
        CardRow,
        r#"select app, snapshot_type, taken_at, metrics as "metrics: Json<Box<RawValue>>" from snapshots
           where organization_id = $1 and worker_id = $2 and (app, snapshot_type) > ($3, $4)
           order by app, snapshot_type limit $5"#,
        organization_id.as_uuid(),
        worker.as_uuid(),
        app,
        snapshot_type,
        i64::try_from(limit).unwrap_or(i64::MAX)
    );
    let cards = rows.fetch_all(connection).await?.into_iter().map(|row| Card {
        app: row.app,
        snapshot_type: row.snapshot_type,
        taken_at: row.taken_at,
        metrics: row.metrics.0,
    });
    Ok(cards.collect())
}
