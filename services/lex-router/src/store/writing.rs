//! Writes down what a group of messages changed.

use crate::domain::record::Record;
use crate::domain::world::{Changes, World};
use contracts::ids::OrganizationId;
use lex::Issue;
use lex::header::MessageType;
use platform_pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// Writes everything but the events. `false` when one of the messages has been accepted meanwhile: nothing of this
/// may be committed then.
pub(super) async fn write(connection: &mut PgConnection, world: &World) -> Result<bool, StoreError> {
    let changes = &world.changes;
    let records: Vec<&Record> = changes.records.values().collect();
    if !names(connection, &records).await? {
        return Ok(false);
    }
    messages(connection, &records).await?;
    let leads: Vec<_> = changes.leads.iter().filter_map(|key| world.leads.get(key)).collect();
    if !leads.is_empty() {
        sqlx::query(
            "insert into leads select * from jsonb_populate_recordset(null::leads, $1)
             on conflict (key) do update set
                 parties = excluded.parties, awaited = excluded.awaited, status = excluded.status,
                 assigned_to = excluded.assigned_to, product_type = excluded.product_type,
                 regions = excluded.regions, closure = excluded.closure, closed_at = excluded.closed_at",
        )
        .bind(Json(leads))
        .execute(&mut *connection)
        .await?;
    }
    let assets: Vec<_> = changes.assets.iter().filter_map(|key| world.assets.get(key)).collect();
    if !assets.is_empty() {
        sqlx::query(
            "insert into assets select * from jsonb_populate_recordset(null::assets, $1)
             on conflict (organization_id, asset_id) do update set
                 status = excluded.status, changed_at = excluded.changed_at",
        )
        .bind(Json(assets))
        .execute(&mut *connection)
        .await?;
    }
    levels(connection, changes).await?;
    acknowledged(connection, changes).await?;
    Ok(true)
}

fn column<T>(records: &[&Record], of: impl Fn(&Record) -> T) -> Vec<T> {
    records.iter().map(|record| of(record)).collect()
}

/// In the order of the names, so that nobody waits for somebody who waits for them.
async fn names(connection: &mut PgConnection, records: &[&Record]) -> Result<bool, StoreError> {
    if records.is_empty() {
        return Ok(true);
    }
    let written = sqlx::query(
        "insert into message_names (organization_id, message_id, id, accepted, processed_at, processing_ms,
             warnings, lead_id, receiver_id, readers, awaited)
         select organization_id, message_id, id, accepted, processed_at, processing_ms, warnings, lead_id,
             receiver_id, readers::uuid[], awaited
         from unnest($1::uuid[], $2::text[], $3::uuid[], $4::boolean[], $5::timestamptz[], $6::integer[],
             $7::text[], $8::text[], $9::text[], $10::text[], $11::boolean[]) as input (organization_id,
             message_id, id, accepted, processed_at, processing_ms, warnings, lead_id, receiver_id, readers, awaited)
         order by organization_id, message_id
         on conflict (organization_id, message_id) do update set
             id = excluded.id, accepted = excluded.accepted, processed_at = excluded.processed_at,
             processing_ms = excluded.processing_ms, warnings = excluded.warnings, lead_id = excluded.lead_id,
             receiver_id = excluded.receiver_id, readers = excluded.readers, awaited = excluded.awaited
         where not message_names.accepted",
    )
    .bind(column(records, |record| record.organization_id.as_uuid()))
    .bind(column(records, |record| record.message_id.clone()))
    .bind(column(records, |record| record.id.as_uuid()))
    .bind(column(records, |record| record.accepted))
    .bind(column(records, |record| record.received_at))
    .bind(column(records, |record| record.processing_ms))
    .bind(column(records, |record| list(&record.warnings)))
    .bind(column(records, |record| record.lead_id.clone()))
    .bind(column(records, |record| record.receiver_id.clone()))
    .bind(column(records, |record| array(&record.readers)))
    .bind(column(records, |record| record.awaited))
    .execute(connection)
    .await?;
    Ok(usize::try_from(written.rows_affected()).unwrap_or(0) == records.len())
}

async fn messages(connection: &mut PgConnection, records: &[&Record]) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into messages (id, received_at, organization_id, message_id, lead_id, status, document, on_expiry,
             ack_status, ack_at, ack_errors, duplicate_status, duplicate_of, message_type, sender_id, receiver_id)
         select * from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::text[], $12::text[], $13::text[],
             $14::text[], $15::text[], $16::text[])",
    )
    .bind(column(records, |record| record.id.as_uuid()))
    .bind(column(records, |record| record.received_at))
    .bind(column(records, |record| record.organization_id.as_uuid()))
    .bind(column(records, |record| record.message_id.clone()))
    .bind(column(records, |record| record.lead_id.clone()))
    .bind(column(records, |record| record.status.as_str()))
    .bind(column(records, |record| record.document.clone()))
    .bind(column(records, |record| record.on_expiry.as_str()))
    .bind(column(records, |record| record.acknowledgment.as_ref().map(|(status, _)| status.as_str())))
    .bind(column(records, |record| record.acknowledgment.as_ref().map(|_| record.received_at)))
    .bind(column(records, |record| record.acknowledgment.as_ref().and_then(|(_, errors)| list(errors))))
    .bind(column(records, |record| record.duplicate.as_ref().map(|duplicate| duplicate.status)))
    .bind(column(records, |record| record.duplicate.as_ref().and_then(|duplicate| duplicate.of.clone())))
    .bind(column(records, |record| record.kind.map(MessageType::as_str)))
    .bind(column(records, |record| record.sender_id.clone()))
    .bind(column(records, |record| record.receiver_id.clone()))
    .execute(connection)
    .await
    .map_err(|error| StoreError::from(error).awaiting_partition())?;
    Ok(())
}

async fn levels(connection: &mut PgConnection, changes: &Changes) -> Result<(), StoreError> {
    for (organization, (level, at)) in &changes.levels {
        sqlx::query!(
            "insert into capabilities (organization_id, level, declared_at) values ($1, $2, $3)
             on conflict (organization_id) do update set level = excluded.level, declared_at = excluded.declared_at",
            organization.as_uuid(),
            level.as_str(),
            at
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What receivers said. A message that its receiver has processed is processed.
async fn acknowledged(connection: &mut PgConnection, changes: &Changes) -> Result<(), StoreError> {
    for said in &changes.acknowledged {
        let received_at = platform::ids::time_of(said.id.as_uuid()).unwrap_or(said.at);
        sqlx::query!(
            "update messages set ack_status = $3, ack_at = $4, ack_errors = $5,
                 status = case when $3 = 'PROCESSED' and status = 'RECEIVED' then 'PROCESSED' else status end
             where id = $1 and received_at = $2 and ack_status is not null",
            said.id.as_uuid(),
            received_at,
            said.status.as_str(),
            said.at,
            list(&said.errors)
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Issues as JSON; none as null.
pub(super) fn list(issues: &[Issue]) -> Option<String> {
    if issues.is_empty() { None } else { serde_json::to_string(issues).ok() }
}

/// As an array literal of PostgreSQL: arrays of arrays cannot be taken apart by rows.
fn array(organizations: &[OrganizationId]) -> String {
    let ids: Vec<String> = organizations.iter().map(|id| Uuid::to_string(&id.as_uuid())).collect();
    format!("{{{}}}", ids.join(","))
}
