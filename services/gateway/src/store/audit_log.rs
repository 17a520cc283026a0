//! The audit log. Entries are written once and never changed.

use crate::domain::audit::{Entry, EntryFilter};
use crate::domain::client::Paging;
use chrono::{DateTime, Utc};
use contracts::ids::{ClientId, CredentialId, OrganizationId};
use platform_pg::StoreError;
use serde_json::Value;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

/// Stores an entry.
///
/// # Errors
/// When the database is unavailable.
pub async fn insert(connection: &mut PgConnection, entry: &Entry) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_log (organization_id, id, occurred_at, actor, client_id, credential_id, action, target,
             origin, request_id, before, after)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        entry.organization_id.map(OrganizationId::as_uuid),
        entry.id,
        entry.occurred_at,
        entry.actor,
        entry.client_id.map(ClientId::as_uuid),
        entry.credential_id.map(CredentialId::as_uuid),
        entry.action,
        entry.target,
        entry.origin,
        entry.request_id,
        entry.before,
        entry.after
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    occurred_at: DateTime<Utc>,
    organization_id: Option<Uuid>,
    actor: String,
    client_id: Option<Uuid>,
    credential_id: Option<Uuid>,
    action: String,
    target: String,
    origin: Option<String>,
    request_id: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            occurred_at: row.occurred_at,
            organization_id: row.organization_id.map(OrganizationId::new),
            actor: row.actor,
            client_id: row.client_id.map(ClientId::new),
            credential_id: row.credential_id.map(CredentialId::new),
            action: row.action,
            target: row.target,
            origin: row.origin,
            request_id: row.request_id,
            before: row.before,
            after: row.after,
        }
    }
}

/// A page of the entries, newest first, and how many there are. Of all organisations: it is for administrators.
///
/// # Errors
/// When the database is unavailable.
pub async fn list(
    connection: &mut PgConnection,
    filter: &EntryFilter,
    paging: Paging,
) -> Result<(Vec<Entry>, i64), StoreError> {
    let mut rows = QueryBuilder::new(
        "select id, occurred_at, organization_id, actor, client_id, credential_id, action, target, origin,
             request_id, before, after
         from audit_log",
    );
    restrict(&mut rows, filter);
    rows.push(" order by occurred_at desc, seq desc limit ").push_bind(paging.limit);
    rows.push(" offset ").push_bind(paging.offset());
    let rows: Vec<Row> = rows.build_query_as().fetch_all(&mut *connection).await?;

    let mut count = QueryBuilder::new("select count(*) from audit_log");
    restrict(&mut count, filter);
    let total = count.build_query_scalar().fetch_one(connection).await?;
    Ok((rows.into_iter().map(Entry::from).collect(), total))
}

fn restrict(query: &mut QueryBuilder<Postgres>, filter: &EntryFilter) {
    query.push(" where true");
    if let Some(id) = filter.organization_id {
        query.push(" and organization_id = ").push_bind(id.as_uuid());
    }
    if let Some(actor) = &filter.actor {
        query.push(" and (actor = ").push_bind(actor.clone());
        if let Ok(id) = actor.parse::<Uuid>() {
            query.push(" or client_id = ").push_bind(id).push(" or credential_id = ").push_bind(id);
        }
        query.push(")");
    }
    if let Some(action) = &filter.action {
        query.push(" and action = ").push_bind(action.clone());
    }
    if let Some(from) = filter.from {
        query.push(" and occurred_at >= ").push_bind(from);
    }
    if let Some(before) = filter.before {
        query.push(" and occurred_at < ").push_bind(before);
    }
}
