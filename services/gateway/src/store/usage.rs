//! What was used: counts of answered requests by the hour and by the day.

use super::{USAGE_DAILY, USAGE_HOURLY};
use crate::domain::usage::{Counted, Tally};
use crate::domain::usage_report::{Figures, Grouping, Stretch, Sum};
use chrono::{DateTime, Days, Utc};
use contracts::ids::{ClientId, OrganizationId};
use platform_pg::StoreError;
use platform_pg::retention::{self, NothingOpen, Retention};
use sqlx::{PgConnection, PgPool};
use std::collections::HashMap;
use uuid::Uuid;

/// Adds a batch of counts to the tables and says of their credentials when they were used last, or does
/// nothing when this batch of this writer was written before. Of many tenants, each row with its own.
///
/// # Errors
/// When the database is unavailable. Whether the batch was written is then unknown; it can be given again as
/// long as no later one of its writer has been.
pub async fn write(
    database: &PgPool,
    writer: Uuid,
    sequence: i64,
    rows: &[(Counted, Tally)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut transaction = database.begin().await?;
    if is_new(&mut transaction, writer, sequence, now).await? {
        add(&mut transaction, rows).await?;
        touch(&mut transaction, rows).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Whether a batch was not written before. Waits for an earlier try of it that may still commit.
async fn is_new(
    connection: &mut PgConnection,
    writer: Uuid,
    sequence: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let entered = sqlx::query!(
        "insert into usage_writers as w (writer_id, sequence, written_at) values ($1, $2, $3)
         on conflict (writer_id) do update set sequence = excluded.sequence, written_at = excluded.written_at
             where w.sequence < excluded.sequence",
        writer,
        sequence,
        now
    )
    .execute(connection)
    .await?;
    Ok(entered.rows_affected() == 1)
}

/// Both tables take their rows in the order of their keys, so that replicas wait for each other instead of
/// deadlocking.
async fn add(connection: &mut PgConnection, rows: &[(Counted, Tally)]) -> Result<(), StoreError> {
    let column = |of: fn(&Counted) -> Uuid| rows.iter().map(|(row, _)| of(row)).collect::<Vec<_>>();
    let organizations = column(|row| row.consumer.organization_id.as_uuid());
    let clients = column(|row| row.consumer.client_id.as_uuid());
    let credentials = column(|row| row.consumer.credential_id.as_uuid());
    let hours: Vec<_> = rows.iter().map(|(row, _)| row.hour).collect();
    let templates: Vec<_> = rows.iter().map(|(row, _)| row.template.to_owned()).collect();
    let methods: Vec<_> = rows.iter().map(|(row, _)| row.method.to_owned()).collect();
    let statuses: Vec<_> = rows.iter().map(|(row, _)| i16::try_from(row.status).unwrap_or(0)).collect();
    let requests: Vec<_> = rows.iter().map(|(_, tally)| signed(tally.requests)).collect();
    let latencies: Vec<_> = rows.iter().map(|(_, tally)| signed(tally.latency_micros)).collect();
    sqlx::query!(
        "insert into usage_hourly as u (organization_id, client_id, credential_id, hour, template, method,
             status, requests, latency_micros)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[],
             $7::smallint[], $8::bigint[], $9::bigint[])
         order by 1, 2, 4, 3, 5, 6, 7
         on conflict (organization_id, client_id, hour, credential_id, template, method, status) do update
             set requests = u.requests + excluded.requests,
                 latency_micros = u.latency_micros + excluded.latency_micros",
        &organizations,
        &clients,
        &credentials,
        &hours,
        &templates,
        &methods,
        &statuses,
        &requests,
        &latencies
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into usage_daily as u (organization_id, client_id, day, credential_id, template, method,
             status, requests, latency_micros)
         select n.organization_id, n.client_id, date_trunc('day', n.hour, 'UTC'), n.credential_id, n.template,
             n.method, n.status, sum(n.requests), sum(n.latency_micros)
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[],
             $7::smallint[], $8::bigint[], $9::bigint[]) as n (organization_id, client_id, credential_id, hour,
             template, method, status, requests, latency_micros)
         group by 1, 2, 3, 4, 5, 6, 7
         order by 1, 2, 3, 4, 5, 6, 7
         on conflict (organization_id, client_id, day, credential_id, template, method, status) do update
             set requests = u.requests + excluded.requests,
                 latency_micros = u.latency_micros + excluded.latency_micros",
        &organizations,
        &clients,
        &credentials,
        &hours,
        &templates,
        &methods,
        &statuses,
        &requests,
        &latencies
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// When the credentials of these rows were used last.
async fn touch(connection: &mut PgConnection, rows: &[(Counted, Tally)]) -> Result<(), StoreError> {
    let mut last: HashMap<(Uuid, Uuid), DateTime<Utc>> = HashMap::new();
    for (row, tally) in rows {
        let key = (row.consumer.organization_id.as_uuid(), row.consumer.credential_id.as_uuid());
        let at = last.entry(key).or_insert(tally.last_at);
        *at = tally.last_at.max(*at);
    }
    let organizations: Vec<_> = last.keys().map(|(organization, _)| *organization).collect();
    let credentials: Vec<_> = last.keys().map(|(_, credential)| *credential).collect();
    let times: Vec<_> = last.into_values().collect();
    // Nobody who changes a credential, or deletes its client, is to meet a deadlock here: a row that is being
    // changed keeps its time until the credential is used again, or has it from another replica.
    sqlx::query!(
        "with used as (
             select c.id, n.at from credentials c
             join unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as n (organization_id, id, at)
                 on c.organization_id = n.organization_id and c.id = n.id
             for no key update of c skip locked)
         update credentials c set last_used_at = greatest(c.last_used_at, used.at) from used where c.id = used.id",
        &organizations,
        &credentials,
        &times
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn signed(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}

/// The figures of a client in a stretch of time.
///
/// # Errors
/// When the database is unavailable.
pub async fn read(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    client_id: ClientId,
    stretch: &Stretch,
) -> Result<Figures, StoreError> {
    let parts = stretch.parts();
    let [head, tail] = parts.hours;
    let rows = sqlx::query!(
        r#"with counted as (
             select day as bucket, template, status, requests, latency_micros from usage_daily
             where organization_id = $1 and client_id = $2 and day >= $3 and day < $4
             union all
             select case when $9 then date_trunc('day', hour, 'UTC') else hour end, template, status, requests,
                 latency_micros
             from usage_hourly
             where organization_id = $1 and client_id = $2
                 and (hour >= $5 and hour < $6 or hour >= $7 and hour < $8))
         select bucket as "bucket?", template as "template?", status as "status?",
             sum(requests)::bigint as "requests!", sum(latency_micros)::bigint as "latency_micros!"
         from counted group by grouping sets ((bucket), (template), (status))"#,
        organization_id.as_uuid(),
        client_id.as_uuid(),
        parts.days.start,
        parts.days.end,
        head.start,
        head.end,
        tail.start,
        tail.end,
        stretch.grouping == Grouping::Day
    )
    .fetch_all(connection)
    .await?;
    let mut figures = Figures::default();
    for row in rows {
        let requests = row.requests.unsigned_abs();
        let sum = Sum { requests, latency_micros: row.latency_micros.unsigned_abs() };
        match (row.bucket, row.template, row.status) {
            (Some(bucket), _, _) => drop(figures.by_bucket.insert(bucket, requests)),
            (None, Some(template), _) => figures.by_template.push((template, sum)),
            (None, None, Some(status)) => figures.by_status.push((status.unsigned_abs(), sum)),
            (None, None, None) => {}
        }
    }
    Ok(figures)
}

/// Lets go of figures that are older than so many days, whole months at a time, and of writers that have written
/// nothing for as long as figures by the hour are kept: their processes are gone, with every batch that they
/// could write again.
///
/// # Errors
/// When the database is unavailable.
pub async fn expire(
    database: &PgPool,
    hourly_days: u32,
    daily_days: u32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let retentions = [
        Retention { table: USAGE_HOURLY, keep_days: hourly_days },
        Retention { table: USAGE_DAILY, keep_days: daily_days },
    ];
    retention::expire(database, &retentions, now, &NothingOpen).await?;
    let since = now - Days::new(u64::from(hourly_days));
    sqlx::query!("delete from usage_writers where written_at < $1", since).execute(database).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
