//! Reports of conformance runs.

use crate::domain::listing::{Kept, Wanted};
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

/// An organisation's reports without what became of single cases, newest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    wanted: &Wanted,
    limit: i64,
) -> Result<Vec<Kept>, StoreError> {
    let rows = sqlx::query!(
        r#"select session_id, run_at, report - 'testResults' as "report!: Json<Value>" from conformance_reports
           where organization_id = $1 and (run_at, session_id) < (coalesce($2::timestamptz, 'infinity'), coalesce($3::text, ''))
             and ($4::text is null or report ->> 'result' = $4)
             and ($5::bigint is null or (report -> 'targetLevel')::bigint = $5)
           order by run_at desc, session_id desc limit $6"#,
        organization_id.as_uuid(),
        wanted.after.as_ref().map(|(run_at, _)| *run_at),
        wanted.after.as_ref().map(|(_, session)| session.as_str()),
        wanted.result,
        wanted.level,
        limit
    )
    .fetch_all(connection)
    .await?;
    let kept = rows.into_iter().map(|row| Kept {
        session_id: row.session_id,
        run_at: row.run_at,
        report: row.report.0,
    });
    Ok(kept.collect())
}
