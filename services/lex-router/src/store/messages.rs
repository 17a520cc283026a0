//! Reading messages: by whoever sent or received them.

use crate::usecases::read_messages::{DeadMessage, StoredMessage};
use chrono::{DateTime, Utc};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

#[derive(FromRow)]
struct MessageRow {
    message_id: String,
    received_at: DateTime<Utc>,
    status: String,
    document: String,
    ack_status: Option<String>,
    ack_at: Option<DateTime<Utc>>,
    ack_errors: Option<String>,
    duplicate_status: Option<String>,
    duplicate_of: Option<String>,
}

impl From<MessageRow> for StoredMessage {
    fn from(row: MessageRow) -> Self {
        Self {
            message_id: row.message_id,
            received_at: row.received_at,
            status: row.status,
            document: row.document,
            ack_status: row.ack_status,
            ack_at: row.ack_at,
            ack_errors: row.ack_errors,
            duplicate_status: row.duplicate_status,
            duplicate_of: row.duplicate_of,
        }
    }
}

/// The message that an organisation sent under an id, else the last that it received under it.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    lex_ids: &[String],
    message_id: &str,
) -> Result<Option<StoredMessage>, StoreError> {
    if let Some(sent) = find_sent(connection, organization_id, message_id).await? {
        return Ok(Some(sent));
    }
    find_received(connection, organization_id, lex_ids, message_id).await
}

async fn find_sent(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    message_id: &str,
) -> Result<Option<StoredMessage>, StoreError> {
    let id = sqlx::query_scalar!(
        "select id from message_names where organization_id = $1 and message_id = $2",
        organization_id.as_uuid(),
        message_id
    )
    .fetch_optional(&mut *connection)
    .await?;
    match id {
        Some(id) => of_id(connection, id).await,
        None => Ok(None),
    }
}

/// Whoever had a name that nobody had when the message came is its receiver now.
async fn find_received(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    lex_ids: &[String],
    message_id: &str,
) -> Result<Option<StoredMessage>, StoreError> {
    let id = sqlx::query_scalar!(
        "select id from message_names
         where message_id = $2 and accepted
           and ($1 = any(readers) or receiver_id = 'BROADCAST' or (awaited and receiver_id = any($3)))
         order by id desc limit 1",
        organization_id.as_uuid(),
        message_id,
        lex_ids
    )
    .fetch_optional(&mut *connection)
    .await?;
    match id {
        Some(id) => of_id(connection, id).await,
        None => Ok(None),
    }
}

async fn of_id(connection: &mut PgConnection, id: Uuid) -> Result<Option<StoredMessage>, StoreError> {
    let row = sqlx::query_as!(
        MessageRow,
        r#"select message_id, received_at, status, document as "document!", ack_status, ack_at, ack_errors,
               duplicate_status, duplicate_of
           from messages where id = $1 and received_at = $2 and document is not null"#,
        id,
        platform::ids::time_of(id)
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(StoredMessage::from))
}

/// Whether a message was accepted before.
///
/// # Errors
/// When the database is unavailable.
pub async fn is_accepted(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    message_id: &str,
) -> Result<bool, StoreError> {
    let accepted = sqlx::query_scalar!(
        "select accepted from message_names where organization_id = $1 and message_id = $2",
        organization_id.as_uuid(),
        message_id
    );
    Ok(accepted.fetch_optional(connection).await?.unwrap_or(false))
}

/// An organisation's own dead messages, newest first. One that was sent again since is not among them.
///
/// # Errors
/// When the database is unavailable.
pub async fn list_dead(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<DeadMessage>, StoreError> {
    let rows = sqlx::query!(
        r#"select messages.id, messages.message_id, received_at, status, document as "document!", ack_errors
           from messages join message_names on message_names.organization_id = $1
               and message_names.message_id = messages.message_id and message_names.id = messages.id
           where messages.organization_id = $1 and status = 'DLQ' and document is not null
             and ($2::uuid is null or messages.id < $2)
           order by messages.id desc limit $3"#,
        organization_id.as_uuid(),
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    let dead = rows.into_iter().map(|row| DeadMessage {
        id: row.id,
        message: StoredMessage {
            message_id: row.message_id,
            received_at: row.received_at,
            status: row.status,
            document: row.document,
            ack_status: None,
            ack_at: None,
            ack_errors: row.ack_errors,
            duplicate_status: None,
            duplicate_of: None,
        },
    });
    Ok(dead.collect())
}

/// A lead that an organisation takes part in.
#[derive(Clone, Debug)]
pub struct KnownLead {
    pub opener: String,
    pub receiver: String,
    pub opened_by: OrganizationId,
    pub created_at: DateTime<Utc>,
}

/// The lead of an id that an organisation takes part in.
///
/// # Errors
/// When the database is unavailable.
pub async fn find_lead(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    lex_ids: &[String],
    lead_id: &str,
) -> Result<Option<KnownLead>, StoreError> {
    let row = sqlx::query!(
        "select opener, receiver, opened_by, created_at from leads
         where lead_id = $2 and ($1 = any(parties) or awaited && $3)
         order by opened_at, key limit 1",
        organization_id.as_uuid(),
        lead_id,
        lex_ids
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| KnownLead {
        opener: row.opener,
        receiver: row.receiver,
        opened_by: OrganizationId::new(row.opened_by),
        created_at: row.created_at,
    }))
}
