//! What became of the deliveries of messages.

use crate::domain::record::Status;
use contracts::ids::{EventId, OrganizationId};
use lex::{Issue, acknowledgment};
use platform_pg::StoreError;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// A message whose deliveries are at an end, not changed yet.
#[derive(Clone, Debug)]
pub struct Settling {
    pub id: EventId,
    pub organization_id: OrganizationId,
    pub message_id: String,
    pub status: String,
    pub on_expiry: String,
    pub document: Option<String>,
}

#[derive(FromRow)]
struct SettlingRow {
    id: Uuid,
    organization_id: Uuid,
    message_id: String,
    status: String,
    on_expiry: String,
    document: Option<String>,
}

/// The messages of these events, which nobody else changes until the transaction ends.
///
/// # Errors
/// When the database is unavailable.
pub async fn lock(connection: &mut PgConnection, events: &[EventId]) -> Result<Vec<Settling>, StoreError> {
    let known = events.iter().filter_map(|event| {
        let id = event.as_uuid();
        Some((id, platform::ids::time_of(id)?))
    });
    let (ids, times): (Vec<_>, Vec<_>) = known.unzip();
    let rows = sqlx::query_as!(
        SettlingRow,
        "select id, organization_id, message_id, status, on_expiry, document from messages
         where id = any($1) and received_at = any($2) order by id for update",
        &ids,
        &times
    )
    .fetch_all(connection)
    .await?;
    let settling = rows.into_iter().map(|row| Settling {
        id: EventId::new(row.id),
        organization_id: OrganizationId::new(row.organization_id),
        message_id: row.message_id,
        status: row.status,
        on_expiry: row.on_expiry,
        document: row.document,
    });
    Ok(settling.collect())
}

/// Notes where messages stand now.
///
/// # Errors
/// When the database is unavailable.
pub async fn settle(
    connection: &mut PgConnection,
    message: &Settling,
    status: Status,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update messages set status = $3 where id = $1 and received_at = $2",
        message.id.as_uuid(),
        platform::ids::time_of(message.id.as_uuid()),
        status.as_str()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes why nobody got a message, unless its receiver has said something of it.
///
/// # Errors
/// When the database is unavailable.
pub async fn refuse(
    connection: &mut PgConnection,
    message: &Settling,
    status: acknowledgment::Status,
    issue: &Issue,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update messages set ack_status = $3, ack_errors = $4
         where id = $1 and received_at = $2 and ack_status = 'RECEIVED'",
        message.id.as_uuid(),
        platform::ids::time_of(message.id.as_uuid()),
        status.as_str(),
        super::writing::list(std::slice::from_ref(issue))
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes away what may not be read any more; that the message was accepted stays known.
///
/// # Errors
/// When the database is unavailable.
pub async fn discard(connection: &mut PgConnection, message: &Settling) -> Result<(), StoreError> {
    sqlx::query!(
        "update messages set document = null where id = $1 and received_at = $2",
        message.id.as_uuid(),
        platform::ids::time_of(message.id.as_uuid())
    )
    .execute(connection)
    .await?;
    Ok(())
}
