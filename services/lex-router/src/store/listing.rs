//! Finding the messages of an organisation: those that it sent and those that came to it.

use crate::domain::listing::{Direction, Listed, Selection, Shown, ShownLead};
use chrono::{DateTime, Utc};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::{FromRow, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

/// A message that may be one of those wanted.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub id: Uuid,
    pub direction: Direction,
}

/// Begins a transaction for lists. Their statements are planned each time: how many messages came to an organisation
/// through the exchange decides which index finds them fast.
///
/// # Errors
/// When the database is unavailable.
pub async fn begin(database: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
    Ok(database.begin_with("begin read only; set local plan_cache_mode = force_custom_plan").await?)
}

/// The newest messages of an organisation within the bounds of a selection, whatever else it says. Whoever bears a
/// name that nobody had when a message came is its receiver now.
///
/// # Errors
/// When the database is unavailable.
pub async fn candidates(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    lex_ids: &[String],
    selection: &Selection,
    limit: i64,
) -> Result<Vec<Candidate>, StoreError> {
    let rows = sqlx::query!(
        r#"select id as "id!", sent as "sent!" from (
               (select id, true as sent from messages
                where $3 and organization_id = $1 and id >= $5 and id < $6 order by id desc limit $7)
               union all
               (select found.id, false from unnest($2::text[] || '{BROADCAST}') as name cross join lateral (
                    select id from message_names
                    where $4 and receiver_id = name and accepted and organization_id <> $1
                      and ($1 = any(readers) or awaited or name = 'BROADCAST') and id >= $5 and id < $6
                    order by id desc limit $7) as found)
               union all
               (select id, false from message_names
                where $4 and receiver_id = 'LEX-PLATFORM' and readers <> '{}' and accepted
                  and readers @> array[$1] and organization_id <> $1 and id >= $5 and id < $6
                order by id desc limit $7)
           ) as candidates order by id desc limit $7"#,
        organization_id.as_uuid(),
        lex_ids,
        selection.direction != Some(Direction::Received),
        selection.direction != Some(Direction::Sent),
        selection.first.unwrap_or(Uuid::nil()),
        selection.before.unwrap_or(Uuid::max()),
        limit
    )
    .fetch_all(connection)
    .await?;
    let direction = |sent| if sent { Direction::Sent } else { Direction::Received };
    Ok(rows.into_iter().map(|row| Candidate { id: row.id, direction: direction(row.sent) }).collect())
}

/// The newest dead messages that an organisation sent, within the bounds of a selection.
///
/// # Errors
/// When the database is unavailable.
pub async fn dead(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    selection: &Selection,
    limit: i64,
) -> Result<Vec<Candidate>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from messages
         where organization_id = $1 and status = 'DLQ' and id >= $2 and id < $3 order by id desc limit $4",
        organization_id.as_uuid(),
        selection.first.unwrap_or(Uuid::nil()),
        selection.before.unwrap_or(Uuid::max()),
        limit
    );
    let ids = ids.fetch_all(connection).await?;
    Ok(ids.into_iter().map(|id| Candidate { id, direction: Direction::Sent }).collect())
}

/// Of the candidates those that are as a selection says, newest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn selected(
    connection: &mut PgConnection,
    candidates: &[Candidate],
    selection: &Selection,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let ids: Vec<Uuid> = candidates.iter().map(|candidate| candidate.id).collect();
    // The time finds the partition.
    let times: Vec<DateTime<Utc>> =
        ids.iter().map(|id| platform::ids::time_of(*id).unwrap_or_default()).collect();
    let sent: Vec<bool> = candidates.iter().map(|candidate| candidate.direction == Direction::Sent).collect();
    let rows = sqlx::query_as!(
        ListedRow,
        r#"select messages.id, sent as "sent!", message_id, message_type, sender_id, receiver_id, lead_id,
               messages.received_at, status, ack_status
           from unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) as candidate (id, received_at, sent)
           join messages on messages.id = candidate.id and messages.received_at = candidate.received_at
           where document is not null
             and ($4::text is null or message_type = $4) and ($5::text is null or status = $5)
             and ($6::text is null or ack_status = $6)
             and ($7::text is null or case when sent then receiver_id else sender_id end = $7)
             and ($8::text is null or message_id = $8) and ($9::text is null or lead_id = $9)
           order by messages.id desc limit $10"#,
        &ids,
        &times,
        &sent,
        selection.kind,
        selection.status,
        selection.acknowledgment,
        selection.partner,
        selection.message_id,
        selection.lead_id,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Listed::from).collect())
}

#[derive(FromRow)]
struct ListedRow {
    id: Uuid,
    sent: bool,
    message_id: String,
    message_type: Option<String>,
    sender_id: Option<String>,
    receiver_id: Option<String>,
    lead_id: Option<String>,
    received_at: DateTime<Utc>,
    status: String,
    ack_status: Option<String>,
}

impl From<ListedRow> for Listed {
    fn from(row: ListedRow) -> Self {
        Self {
            id: row.id,
            direction: if row.sent { Direction::Sent } else { Direction::Received },
            message_id: row.message_id,
            kind: row.message_type,
            sender_id: row.sender_id,
            receiver_id: row.receiver_id,
            lead_id: row.lead_id,
            received_at: row.received_at,
            status: row.status,
            acknowledgment: row.ack_status,
        }
    }
}

/// A message that an organisation sent, or that came to it. Without its lead.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    lex_ids: &[String],
    id: Uuid,
) -> Result<Option<Shown>, StoreError> {
    let row = sqlx::query!(
        r#"select messages.id, messages.organization_id = $1 as "sent!", messages.message_id, message_type,
               sender_id, messages.receiver_id, messages.lead_id, received_at, status, ack_status,
               document as "document!", on_expiry, ack_at, ack_errors, duplicate_status, duplicate_of,
               name.processing_ms as "processing_ms?", name.warnings as "warnings?", name.awaited as "awaited?"
           from messages left join message_names as name on name.organization_id = messages.organization_id
               and name.message_id = messages.message_id and name.id = messages.id
           where messages.id = $3 and received_at = $4 and document is not null
             and (messages.organization_id = $1 or (name.accepted and ($1 = any(name.readers)
                 or name.receiver_id = 'BROADCAST' or (name.awaited and name.receiver_id = any($2)))))"#,
        organization_id.as_uuid(),
        lex_ids,
        id,
        platform::ids::time_of(id)
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Shown {
        listed: Listed {
            id: row.id,
            direction: if row.sent { Direction::Sent } else { Direction::Received },
            message_id: row.message_id,
            kind: row.message_type,
            sender_id: row.sender_id,
            receiver_id: row.receiver_id,
            lead_id: row.lead_id,
            received_at: row.received_at,
            status: row.status,
            acknowledgment: row.ack_status,
        },
        document: row.document,
        on_expiry: row.on_expiry,
        ack_at: row.ack_at,
        ack_errors: row.ack_errors,
        duplicate_status: row.duplicate_status,
        duplicate_of: row.duplicate_of,
        counts: row.awaited.is_some(),
        processing_ms: row.processing_ms,
        warnings: row.warnings,
        awaited: row.awaited.unwrap_or(false),
        lead: None,
    }))
}

/// How a lead stands that an organisation takes part in.
///
/// # Errors
/// When the database is unavailable.
pub async fn lead(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    lex_ids: &[String],
    lead_id: &str,
) -> Result<Option<ShownLead>, StoreError> {
    let row = sqlx::query!(
        "select lead_id, status, opened_at, opener, receiver, closure, closed_at from leads
         where lead_id = $2 and ($1 = any(parties) or awaited && $3)
         order by opened_at, key limit 1",
        organization_id.as_uuid(),
        lead_id,
        lex_ids
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| ShownLead {
        lead_id: row.lead_id,
        status: row.status,
        opened_at: row.opened_at,
        opener: row.opener,
        receiver: row.receiver,
        closure: row.closure,
        closed_at: row.closed_at,
    }))
}
