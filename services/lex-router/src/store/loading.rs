//! Reads what a group of messages touches.

use crate::domain::lead::{Asset, Lead};
use crate::domain::record::Answer;
use crate::domain::submission::Submission;
use crate::domain::world::{Sent, World};
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrganizationId};
use lex::Level;
use lex::header::MessageType;
use platform_pg::StoreError;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// Fills a world with what there is. To be called with the locks held: what is read stays so.
pub(super) async fn load(
    connection: &mut PgConnection,
    submissions: &[Submission],
    world: &mut World,
) -> Result<(), StoreError> {
    answers(connection, submissions, world).await?;
    levels(connection, submissions, world).await?;
    leads(connection, submissions, world).await?;
    assets(connection, submissions, world).await?;
    sent(connection, submissions, world).await?;
    names(connection, world).await
}

#[derive(FromRow)]
struct AnswerRow {
    organization_id: Uuid,
    message_id: String,
    processed_at: DateTime<Utc>,
    processing_ms: i32,
    warnings: Option<String>,
    lead_id: Option<String>,
    receiver_id: Option<String>,
}

impl From<AnswerRow> for Answer {
    fn from(row: AnswerRow) -> Self {
        let warnings = row.warnings.and_then(|warnings| serde_json::from_str(&warnings).ok());
        Self {
            message_id: row.message_id,
            processed_at: row.processed_at,
            processing_ms: row.processing_ms,
            warnings: warnings.unwrap_or_default(),
            lead_id: row.lead_id,
            receiver_id: row.receiver_id,
        }
    }
}

async fn answers(
    connection: &mut PgConnection,
    submissions: &[Submission],
    world: &mut World,
) -> Result<(), StoreError> {
    let organizations: Vec<Uuid> =
        submissions.iter().map(|submission| submission.organization_id().as_uuid()).collect();
    let messages: Vec<&str> = submissions.iter().map(|submission| submission.message_id.as_str()).collect();
    let rows: Vec<AnswerRow> = sqlx::query_as(
        "select organization_id, message_id, processed_at, processing_ms, warnings, lead_id, receiver_id
         from unnest($1::uuid[], $2::text[]) as input (organization, message)
         join message_names on organization_id = organization and message_id = message
         where accepted",
    )
    .bind(organizations)
    .bind(messages)
    .fetch_all(connection)
    .await?;
    world.answers.extend(rows.into_iter().map(|row| {
        let name = (OrganizationId::new(row.organization_id), row.message_id.clone());
        (name, row.into())
    }));
    Ok(())
}

async fn levels(
    connection: &mut PgConnection,
    submissions: &[Submission],
    world: &mut World,
) -> Result<(), StoreError> {
    let mut unset: Vec<Uuid> = submissions
        .iter()
        .filter(|submission| submission.sender.level.is_none())
        .map(|submission| submission.organization_id().as_uuid())
        .collect();
    unset.sort_unstable();
    unset.dedup();
    if unset.is_empty() {
        return Ok(());
    }
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("select organization_id, level from capabilities where organization_id = any($1)")
            .bind(unset)
            .fetch_all(connection)
            .await?;
    let levels = rows
        .into_iter()
        .filter_map(|(organization, level)| Some((OrganizationId::new(organization), Level::parse(&level)?)));
    world.levels.extend(levels);
    Ok(())
}

#[derive(FromRow)]
struct LeadRow {
    lead: Json<Lead>,
}

/// The leads of the ids that are spoken of, and those that fingerprints are compared with.
async fn leads(
    connection: &mut PgConnection,
    submissions: &[Submission],
    world: &mut World,
) -> Result<(), StoreError> {
    let ids: Vec<String> = submissions.iter().filter_map(Submission::lead_id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let (mut scopes, mut fingerprints, mut since) = (Vec::new(), Vec::new(), Vec::new());
    for submission in submissions {
        if let Some(fingerprint) = submission.fingerprint() {
            scopes.push(submission.dedup_scope());
            fingerprints.push(fingerprint.value);
            since.push(submission.received_at - fingerprint.window);
        }
    }
    let rows: Vec<LeadRow> = sqlx::query_as(
        "select to_jsonb(leads) as lead from leads where lead_id = any($1)
         union
         select to_jsonb(leads) from unnest($2::text[], $3::text[], $4::timestamptz[]) as input (scope, print, since)
         join leads on dedup_scope = scope and fingerprint = print and opened_at >= since
         where duplicate_of is null and fingerprint is not null",
    )
    .bind(ids)
    .bind(scopes)
    .bind(fingerprints)
    .bind(since)
    .fetch_all(connection)
    .await?;
    world.leads.extend(rows.into_iter().map(|row| (row.lead.key, row.lead.0)));
    Ok(())
}

async fn assets(
    connection: &mut PgConnection,
    submissions: &[Submission],
    world: &mut World,
) -> Result<(), StoreError> {
    let named = submissions
        .iter()
        .filter_map(|submission| Some((submission.organization_id().as_uuid(), submission.asset_id()?)));
    let (organizations, ids): (Vec<Uuid>, Vec<String>) = named.unzip();
    if ids.is_empty() {
        return Ok(());
    }
    let rows: Vec<(Json<Asset>,)> = sqlx::query_as(
        "select to_jsonb(assets) from unnest($1::uuid[], $2::text[]) as input (organization, asset)
         join assets on organization_id = organization and asset_id = asset",
    )
    .bind(organizations)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    world
        .assets
        .extend(rows.into_iter().map(|(asset,)| ((asset.organization_id, asset.asset_id.clone()), asset.0)));
    Ok(())
}

#[derive(FromRow)]
struct SentRow {
    id: Uuid,
    message_id: String,
    readers: Vec<Uuid>,
    awaited: Option<String>,
}

/// The messages that acknowledgments name. Whoever sent them: the engine asks who received them.
async fn sent(
    connection: &mut PgConnection,
    submissions: &[Submission],
    world: &mut World,
) -> Result<(), StoreError> {
    let named: Vec<&str> = submissions
        .iter()
        .filter(|submission| submission.kind == Some(MessageType::Acknowledgment))
        .filter_map(Submission::acknowledges)
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    let rows: Vec<SentRow> = sqlx::query_as(
        "select id, message_id, readers, case when awaited then receiver_id end as awaited
         from message_names where message_id = any($1) and accepted order by id",
    )
    .bind(named)
    .fetch_all(connection)
    .await?;
    world.sent.extend(rows.into_iter().map(|row| Sent {
        id: EventId::new(row.id),
        message_id: row.message_id,
        readers: row.readers.into_iter().map(OrganizationId::new).collect(),
        awaited: row.awaited,
    }));
    Ok(())
}

/// What those who take part in the leads are called.
async fn names(connection: &mut PgConnection, world: &mut World) -> Result<(), StoreError> {
    let open = world.leads.values().filter(|lead| lead.open);
    let mut parties: Vec<Uuid> =
        open.flat_map(|lead| lead.parties.iter()).map(|party| party.as_uuid()).collect();
    parties.sort_unstable();
    parties.dedup();
    if parties.is_empty() {
        return Ok(());
    }
    let rows: Vec<(Uuid, Vec<String>)> =
        sqlx::query_as("select organization_id, lex_ids from organizations where organization_id = any($1)")
            .bind(parties)
            .fetch_all(connection)
            .await?;
    world
        .names
        .extend(rows.into_iter().map(|(organization, names)| (OrganizationId::new(organization), names)));
    Ok(())
}
