//! Taking a person out of messages and of events that are not published yet. Ids and statuses remain.

use contracts::event::CloudEvent;
use contracts::ids::OrganizationId;
use contracts::lex::LexMessage;
use lex::Message;
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// Messages that are looked at in one statement.
const PAGE: i64 = 500;

/// A message of an organisation, to be looked through.
#[derive(Clone, Debug)]
pub struct Looked {
    pub id: Uuid,
    pub lead_id: Option<String>,
    pub document: String,
}

/// The messages that an organisation sent after one, in order; of a set of leads only, where one is given.
///
/// # Errors
/// When the database is unavailable.
pub async fn page(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    after: Uuid,
    leads: Option<&[String]>,
) -> Result<Vec<Looked>, StoreError> {
    let rows = sqlx::query_as!(
        Looked,
        r#"select id, lead_id, document as "document!" from messages
           where organization_id = $1 and id > $2 and document is not null
             and ($3::text[] is null or lead_id = any($3))
           order by id limit $4"#,
        organization_id.as_uuid(),
        after,
        leads,
        PAGE
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Puts a document in place of another.
///
/// # Errors
/// When the database is unavailable.
pub async fn replace(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    id: Uuid,
    document: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update messages set document = $4 where organization_id = $1 and id = $2 and received_at = $3",
        organization_id.as_uuid(),
        id,
        platform::ids::time_of(id),
        document
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes out of leads what they are compared by, and the names of those who look after them.
///
/// # Errors
/// When the database is unavailable.
pub async fn strip_leads(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    leads: &[String],
) -> Result<u64, StoreError> {
    let stripped = sqlx::query!(
        "update leads set fingerprint = null, assigned_to = null, regions = '{}'
         where opened_by = $1 and lead_id = any($2)
           and (fingerprint is not null or assigned_to is not null or regions <> '{}')",
        organization_id.as_uuid(),
        leads
    );
    Ok(stripped.execute(connection).await?.rows_affected())
}

/// Strips events of messages that are not published yet. Answers how many. One that is being published at this
/// moment is the business of those who receive it.
///
/// # Errors
/// When the database is unavailable.
pub async fn strip_events(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    strip: impl Fn(&Message) -> Option<Message>,
    leads: &HashSet<String>,
) -> Result<u64, StoreError> {
    let rows = sqlx::query!(
        "select seq, payload from outbox
         where headers ->> 'tenant-id' = $1 and kind = 'lex.message.routed' order by seq for update",
        organization_id.to_string()
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut stripped = 0;
    for row in rows {
        let Ok(mut event) = serde_json::from_slice::<CloudEvent<LexMessage>>(&row.payload) else { continue };
        if !leads.contains(&event.partitionkey) {
            continue;
        }
        let bare =
            Message::from_json(event.data.message.get().as_bytes()).ok().and_then(|message| strip(&message));
        let Some(bare) = bare.as_ref().and_then(crate::domain::announcement::raw) else { continue };
        event.data.message = bare;
        event.data.notice = None;
        let Ok(payload) = serde_json::to_vec(&event) else { continue };
        let updated = sqlx::query!("update outbox set payload = $2 where seq = $1", row.seq, payload);
        stripped += updated.execute(&mut *connection).await?.rows_affected();
    }
    Ok(stripped)
}
