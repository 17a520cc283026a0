//! Table `event_usage`: how many events an organisation has sent in a month.

use chrono::NaiveDate;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::PgConnection;

/// How many events were charged to a month.
///
/// # Errors
/// When the database is unavailable.
pub async fn used(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    month: NaiveDate,
) -> Result<i64, StoreError> {
    let used = sqlx::query_scalar!(
        "select used from event_usage where organization_id = $1 and month = $2",
        organization_id.as_uuid(),
        month
    );
    Ok(used.fetch_optional(connection).await?.unwrap_or(0))
}

/// Months since one with what was charged to them, newest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn months(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    since: NaiveDate,
) -> Result<Vec<(NaiveDate, i64)>, StoreError> {
    let rows = sqlx::query!(
        "select month, used from event_usage where organization_id = $1 and month >= $2 order by month desc",
        organization_id.as_uuid(),
        since
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.month, row.used)).collect())
}

/// Charges events to a month, all or none; false when they would pass the quota. The row stays locked until the
/// transaction ends: do this last.
///
/// # Errors
/// When the database is unavailable.
pub async fn charge(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    month: NaiveDate,
    events: i64,
    quota: i64,
) -> Result<bool, StoreError> {
    let charged = sqlx::query!(
        "insert into event_usage as usage (organization_id, month, used)
         select $1, $2, $3::bigint where $3::bigint <= $4::bigint
         on conflict (organization_id, month) do update set used = usage.used + excluded.used
             where usage.used + excluded.used <= $4",
        organization_id.as_uuid(),
        month,
        events,
        quota
    );
    Ok(charged.execute(connection).await?.rows_affected() == 1)
}
