//! Table `leads`, with the idempotency and outbox rows that are written along.

use crate::domain::lead::{Lead, NewLead, NextAction, Status};
use crate::usecases::list_leads::Page;
use chrono::{DateTime, Utc};
use contracts::ids::{ClientId, CorrelationId, CredentialId, LeadId, OrganizationId};
use contracts::lead::LeadCustomer;
use platform_pg::idempotency::Stored;
use platform_pg::outbox::{OutboxEntry, PendingEvent};
use platform_pg::{GroupWrite, Kept, StoreError, idempotency};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// A lead that is to be stored once.
#[derive(Clone, Debug)]
pub struct LeadWrite {
    pub organization_id: OrganizationId,
    pub client_id: ClientId,
    pub credential_id: CredentialId,
    pub lead: Lead,
    pub new: NewLead,
    /// What the caller is answered now and at every replay.
    pub response: Vec<u8>,
    pub event: PendingEvent,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Written {
    Accepted { response: Vec<u8>, entry: OutboxEntry },
    Replayed { response: Vec<u8> },
    Mismatch,
}

/// Stores leads in groups.
#[derive(Clone, Debug)]
pub struct AcceptLeads {
    connection: Kept,
}

impl AcceptLeads {
    pub fn new(database: PgPool) -> Self {
        Self { connection: Kept::new(database) }
    }
}

impl GroupWrite for AcceptLeads {
    type Item = LeadWrite;
    type Outcome = Written;
    type Key = (OrganizationId, CorrelationId);

    fn key(item: &LeadWrite) -> Self::Key {
        (item.organization_id, item.lead.correlation_id)
    }

    async fn write(&self, items: &[LeadWrite]) -> Result<Vec<Written>, StoreError> {
        let mut connection = self.connection.take().await?;
        let seqs = insert_fresh(&mut connection, items).await?;
        let seen: Vec<_> =
            items.iter().zip(&seqs).filter(|(_, seq)| seq.is_none()).map(|(item, _)| place(item)).collect();
        let earlier = idempotency::find_all(&mut connection, &seen).await?;
        self.connection.keep(connection);
        items
            .iter()
            .zip(seqs)
            .map(|(item, seq)| match seq {
                Some(seq) => Ok(Written::Accepted {
                    response: item.response.clone(),
                    entry: OutboxEntry { seq, event: item.event.clone() },
                }),
                None => answered(earlier.get(&place(item)), item),
            })
            .collect()
    }
}

/// What was answered when the correlation id was first seen.
fn answered(earlier: Option<&Stored>, item: &LeadWrite) -> Result<Written, StoreError> {
    // A key that is taken is kept for ever.
    let earlier = earlier.ok_or(sqlx::Error::RowNotFound)?;
    Ok(if earlier.is_of(Some(&item.new.fingerprint)) {
        Written::Replayed { response: earlier.response.clone() }
    } else {
        Written::Mismatch
    })
}

/// Where the answer to a lead is kept.
fn place(item: &LeadWrite) -> (Uuid, String) {
    (item.organization_id.as_uuid(), key(item))
}

/// The idempotency key of a lead; the scope is the organisation.
fn key(item: &LeadWrite) -> String {
    format!("lead:{}", item.lead.correlation_id)
}

/// Inserts what has not been seen before: idempotency, lead and outbox rows in one statement. The answer
/// has the outbox number of each item, `None` for one that was seen.
async fn insert_fresh(
    connection: &mut PgConnection,
    items: &[LeadWrite],
) -> Result<Vec<Option<i64>>, StoreError> {
    fn column<T>(items: &[LeadWrite], of: impl Fn(&LeadWrite) -> T) -> Vec<T> {
        items.iter().map(of).collect()
    }
    // One array beside the other in the select list: as a table function each would be kept in a store of its
    // own first, which for a small batch costs more than all the rest.
    let numbers: Vec<Option<i64>> = sqlx::query_scalar(
        "with input as materialized (
             select unnest($1::uuid[]) as organization_id, unnest($2::text[]) as key,
                 unnest($3::bytea[]) as fingerprint, unnest($4::bytea[]) as response,
                 unnest($5::uuid[]) as lead_id, unnest($6::timestamptz[]) as received_at,
                 unnest($7::text[]) as partner_slug, unnest($8::uuid[]) as correlation_id,
                 unnest($9::uuid[]) as client_id, unnest($10::uuid[]) as credential_id,
                 unnest($11::text[]) as status, unnest($12::text[]) as next_action,
                 unnest($13::jsonb[]) as customer, unnest($14::jsonb[]) as offer,
                 unnest($15::jsonb[]) as commission, unnest($16::jsonb[]) as partner_metadata,
                 unnest($17::uuid[]) as event_id, unnest($18::text[]) as routing_key,
                 unnest($19::text[]) as kind, unnest($20::jsonb[]) as headers,
                 unnest($21::bytea[]) as payload, generate_subscripts($1::uuid[], 1) as position
         ), claimed as (
             insert into idempotency (scope, key, fingerprint, status, response)
             select organization_id, key, fingerprint, 201, response from input order by organization_id, key
             on conflict do nothing returning scope, key
         ), fresh as (
             select input.* from input join claimed on scope = organization_id and claimed.key = input.key
         ), stored as (
             insert into leads (organization_id, lead_id, received_at, partner_slug, correlation_id, client_id,
                 credential_id, status, next_action, customer, offer, commission, partner_metadata)
             select organization_id, lead_id, received_at, partner_slug, correlation_id, client_id,
                 credential_id, status, next_action, customer, offer, commission, partner_metadata from fresh
         ), sent as (
             insert into outbox (event_id, routing_key, kind, headers, payload)
             select event_id, routing_key, kind, headers, payload from fresh order by position
             returning seq, event_id
         )
         select sent.seq from input left join sent using (event_id) order by position",
    )
    .bind(column(items, |item| item.organization_id.as_uuid()))
    .bind(column(items, key))
    .bind(column(items, |item| item.new.fingerprint.to_vec()))
    .bind(column(items, |item| item.response.clone()))
    .bind(column(items, |item| item.lead.lead_id.as_uuid()))
    .bind(column(items, |item| item.lead.received_at))
    .bind(column(items, |item| item.lead.partner_slug.clone()))
    .bind(column(items, |item| item.lead.correlation_id.as_uuid()))
    .bind(column(items, |item| item.client_id.as_uuid()))
    .bind(column(items, |item| item.credential_id.as_uuid()))
    .bind(column(items, |item| item.lead.status.as_str()))
    .bind(column(items, |item| item.lead.next_action.as_str()))
    .bind(column(items, |item| sqlx::types::Json(LeadCustomer::from(&item.new.customer))))
    .bind(column(items, |item| item.new.offer.clone()))
    .bind(column(items, |item| item.new.commission.clone()))
    .bind(column(items, |item| item.new.partner_metadata.clone()))
    .bind(column(items, |item| item.event.event_id))
    .bind(column(items, |item| item.event.routing_key.clone()))
    .bind(column(items, |item| item.event.kind.clone()))
    .bind(column(items, |item| item.event.headers.clone()))
    .bind(column(items, |item| item.event.payload.clone()))
    .fetch_all(connection)
    .await
    .map_err(|error| StoreError::from(error).awaiting_partition())?;
    Ok(numbers)
}

pub(super) struct LeadRow {
    pub(super) lead_id: Uuid,
    pub(super) received_at: DateTime<Utc>,
    pub(super) partner_slug: String,
    pub(super) correlation_id: Uuid,
    pub(super) status: String,
    pub(super) next_action: String,
    pub(super) hubspot_deal_id: Option<String>,
}

impl From<LeadRow> for Lead {
    fn from(row: LeadRow) -> Self {
        Self {
            lead_id: LeadId::new(row.lead_id),
            partner_slug: row.partner_slug,
            correlation_id: CorrelationId::new(row.correlation_id),
            // The table's check constraints admit the words of the domain alone.
            status: Status::parse(&row.status).unwrap_or(Status::Received),
            received_at: row.received_at,
            hubspot_deal_id: row.hubspot_deal_id,
            next_action: NextAction::parse(&row.next_action).unwrap_or(NextAction::ManualReview),
        }
    }
}

/// One lead of an organisation.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    lead_id: LeadId,
) -> Result<Option<Lead>, StoreError> {
    let Some(received_at) = platform::ids::time_of(lead_id.as_uuid()) else {
        return Ok(None);
    };
    let row = sqlx::query_as!(
        LeadRow,
        "select lead_id, received_at, partner_slug, correlation_id, status, next_action, hubspot_deal_id
         from leads where organization_id = $1 and lead_id = $2 and received_at = $3",
        organization_id.as_uuid(),
        lead_id.as_uuid(),
        received_at
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Lead::from))
}

/// Leads of an organisation, newest first; of one status where one is asked for.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    page: Page,
    limit: usize,
) -> Result<Vec<Lead>, StoreError> {
    let after = page.after.map(LeadId::as_uuid);
    let received_by = after.and_then(platform::ids::time_of);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // Two statements, because each has an index of its own that yields its rows in order.
    let rows = match page.status {
        None => {
            sqlx::query_as!(
                LeadRow,
                "select lead_id, received_at, partner_slug, correlation_id, status, next_action,
                     hubspot_deal_id
                 from leads
                 where organization_id = $1 and ($2::uuid is null or (lead_id < $2 and received_at <= $3))
                 order by lead_id desc limit $4",
                organization_id.as_uuid(),
                after,
                received_by,
                limit
            )
            .fetch_all(connection)
            .await?
        }
        Some(status) => {
            sqlx::query_as!(
                LeadRow,
                "select lead_id, received_at, partner_slug, correlation_id, status, next_action,
                     hubspot_deal_id
                 from leads
                 where organization_id = $1 and status = $5
                   and ($2::uuid is null or (lead_id < $2 and received_at <= $3))
                 order by lead_id desc limit $4",
                organization_id.as_uuid(),
                after,
                received_by,
                limit,
                status.as_str()
            )
            .fetch_all(connection)
            .await?
        }
    };
    Ok(rows.into_iter().map(Lead::from).collect())
}
