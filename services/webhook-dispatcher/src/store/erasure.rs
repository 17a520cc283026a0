//! Where an organisation's events and the answers of receivers may speak of a person. Rows that deliveries are
//! settled in are written one at a time, so that no settlement can be held up by two of them.

use crate::domain::delivery::DeliveryKey;
use crate::domain::person::Person;
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// Events that one statement looks at.
const PAGE: i64 = 200;

/// An event with what it carries.
#[derive(Debug)]
pub struct StoredEvent {
    pub id: EventId,
    /// Empty when nobody wanted it.
    pub payload: Vec<u8>,
}

/// The next of an organisation's events after one.
///
/// # Errors
/// When the database is unavailable.
pub async fn events_after(
    connection: &mut PgConnection,
    organization: OrganizationId,
    after: EventId,
) -> Result<Vec<StoredEvent>, StoreError> {
    let rows = sqlx::query!(
        "select event_id, payload from events
         where organization_id = $1 and event_id > $2 order by event_id limit $3",
        organization.as_uuid(),
        after.as_uuid(),
        PAGE
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StoredEvent { id: EventId::new(row.event_id), payload: row.payload })
        .collect())
}

/// Of some events' deliveries, those with an answer that is about a person: it speaks of them, or their event
/// does.
///
/// # Errors
/// When the database is unavailable.
pub async fn answered(
    connection: &mut PgConnection,
    organization: OrganizationId,
    events: &[Uuid],
    of_person: &[Uuid],
    person: &Person,
) -> Result<Vec<DeliveryKey>, StoreError> {
    let rows = sqlx::query!(
        "select event_id, subscription_id from deliveries
         where organization_id = $1 and event_id = any($2) and last_error like 'answered %: %'
             and (event_id = any($3) or strpos(lower(last_error), $4) > 0
                 or strpos(regexp_replace(last_error, '[^0-9]', '', 'g'), $5) > 0)",
        organization.as_uuid(),
        events,
        of_person,
        person.email,
        person.digits
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeliveryKey {
            event: EventId::new(row.event_id),
            subscription: SubscriptionId::new(row.subscription_id),
        })
        .collect())
}

/// Leaves of a delivery's last answer only the status.
///
/// # Errors
/// When the database is unavailable.
pub async fn strip_delivery(
    connection: &mut PgConnection,
    organization: OrganizationId,
    key: DeliveryKey,
) -> Result<u64, StoreError> {
    let stripped = sqlx::query!(
        "update deliveries set last_error = split_part(last_error, ': ', 1)
         where organization_id = $1 and event_id = $2 and subscription_id = $3
             and last_error like 'answered %: %'",
        organization.as_uuid(),
        key.event.as_uuid(),
        key.subscription.as_uuid()
    );
    Ok(stripped.execute(connection).await?.rows_affected())
}

/// The same for every attempt at some events' deliveries, which nobody writes to any more.
///
/// # Errors
/// When the database is unavailable.
pub async fn strip_attempts(
    connection: &mut PgConnection,
    organization: OrganizationId,
    events: &[Uuid],
    of_person: &[Uuid],
    person: &Person,
) -> Result<u64, StoreError> {
    let stripped = sqlx::query!(
        "update attempts set error = split_part(error, ': ', 1) from deliveries
         where deliveries.organization_id = $1 and deliveries.event_id = any($2)
             and attempts.subscription_id = deliveries.subscription_id and attempts.event_id = deliveries.event_id
             and error like 'answered %: %'
             and (deliveries.event_id = any($3) or strpos(lower(error), $4) > 0
                 or strpos(regexp_replace(error, '[^0-9]', '', 'g'), $5) > 0)",
        organization.as_uuid(),
        events,
        of_person,
        person.email,
        person.digits
    );
    Ok(stripped.execute(connection).await?.rows_affected())
}

/// Puts another payload in an event's place.
///
/// # Errors
/// When the database is unavailable.
pub async fn replace_payload(
    connection: &mut PgConnection,
    organization: OrganizationId,
    event: &StoredEvent,
) -> Result<u64, StoreError> {
    let replaced = sqlx::query!(
        "update events set payload = $3 where organization_id = $1 and event_id = $2",
        organization.as_uuid(),
        event.id.as_uuid(),
        event.payload
    );
    Ok(replaced.execute(connection).await?.rows_affected())
}
