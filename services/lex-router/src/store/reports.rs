//! Reports of conformance runs.

use chrono::{DateTime, Utc};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

/// The number of the next session.
///
/// # Errors
/// When the database is unavailable.
pub async fn next_number(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let next = sqlx::query_scalar!(r#"select nextval('conformance_sessions') as "number!""#);
    Ok(next.fetch_one(connection).await?)
}

/// Keeps a report.
///
/// # Errors
/// When the database is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    session_id: &str,
    run_at: DateTime<Utc>,
    report: &Value,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into conformance_reports (session_id, organization_id, run_at, report) values ($1, $2, $3, $4)",
        session_id,
        organization_id.as_uuid(),
        run_at,
        Json(report) as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An organisation's report.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    session_id: &str,
) -> Result<Option<Value>, StoreError> {
    let report = sqlx::query_scalar!(
        r#"select report as "report: Json<Value>" from conformance_reports
           where organization_id = $1 and session_id = $2"#,
        organization_id.as_uuid(),
        session_id
    );
    Ok(report.fetch_optional(connection).await?.map(|report| report.0))
}
