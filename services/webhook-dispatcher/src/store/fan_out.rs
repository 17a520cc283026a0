//! The usual fan-out, as one statement: new events whose deliveries are all due.

use super::deliveries::{self, NewDelivery};
use super::events::{self, NewEvent, bind_events, insert_events};
use chrono::{DateTime, Utc};
use platform_pg::StoreError;
use platform_pg::outbox::{OutboxEntry, Packed};
use sqlx::PgConnection;
use uuid::Uuid;

/// Stores events, deliveries of them that are due now, and what is to be said of them: all of it, or nothing when an
/// event is stored already or of an organisation that is gone, or when there is a newer version of the subscriptions
/// than that which the deliveries were found with. Answers nothing then. `later` leaves the wait for the commit to the
/// caller, by [`platform_pg::flush`].
///
/// # Errors
/// When the database refuses, for want of a partition for example, or is unavailable.
pub async fn insert(
    connection: &mut PgConnection,
    new: &[NewEvent<'_>],
    due: &[NewDelivery],
    said: Packed,
    version: i64,
    later: bool,
    now: DateTime<Utc>,
) -> Result<Option<Vec<OutboxEntry>>, StoreError> {
    use events::column;
    let statement = sqlx::query_as(concat!(
        "with later as materialized (
             select set_config('synchronous_commit', 'off', true) where $25
         ), fresh as (",
        insert_events!(),
        " where not exists (select from gone where what = 'organization' and id = any($2))
                 and not exists (select from subscription_version where version > $26)
             order by event_id returning event_id
         ), delivered as (
             insert into deliveries (event_id, subscription_id, organization_id, counts, state, next_at, created_at)
             select due.*, 0, $15, $15 from unnest($16::uuid[], $17::uuid[], $18::uuid[], $19::boolean[]) as due
             where exists (select from fresh)
         ), said as (
             insert into outbox (event_id, routing_key, kind, headers, payload)
             select event_id, routing_key, kind, headers, payload
             from unnest($20::uuid[], $21::text[], $22::text[], $23::jsonb[], $24::bytea[]) with ordinality
                 as said (event_id, routing_key, kind, headers, payload, position)
             where exists (select from fresh)
             order by position returning event_id, seq
         )
         select exists (select from fresh), array(select event_id from said), array(select seq from said)
         from (select) as nothing left join later on true"
    ));
    let statement = bind_events!(statement, new, now)
        .bind(deliveries::column(due, |delivery| delivery.key.event.as_uuid()))
        .bind(deliveries::column(due, |delivery| delivery.key.subscription.as_uuid()))
        .bind(deliveries::column(due, |delivery| delivery.organization.as_uuid()))
        .bind(deliveries::column(due, |delivery| delivery.counts))
        .bind(said.column(|event| event.event_id))
        .bind(said.column(|event| event.routing_key.as_str()))
        .bind(said.column(|event| event.kind.as_str()))
        .bind(said.column(|event| &event.headers))
        .bind(said.column(|event| event.payload.as_slice()))
        .bind(later)
        .bind(version);
    let answer: Result<(bool, Vec<Uuid>, Vec<i64>), StoreError> =
        statement.fetch_one(connection).await.map_err(StoreError::from);
    match answer {
        Ok((true, ids, numbers)) => Ok(Some(said.entries(ids.into_iter().zip(numbers)))),
        Ok((false, ..)) | Err(StoreError::Unique { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
