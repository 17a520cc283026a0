//! The copy of the organisations that take part.

use crate::domain::sender::Party;
use chrono::{DateTime, Utc};
use contracts::control::OrganizationFacts;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::PgConnection;

/// The organisation that bears a name. Of two, for the moment in which a name changes hands, the one that was
/// heard of last.
///
/// # Errors
/// When the database is unavailable.
pub async fn find_by_name(connection: &mut PgConnection, name: &str) -> Result<Option<Party>, StoreError> {
    let row = sqlx::query!(
        "select organization_id, lex_ids from organizations where lex_ids @> array[$1::text]
         order by changed_at desc, organization_id limit 1",
        name
    )
    .fetch_optional(connection)
    .await?;
    Ok(row
        .map(|row| Party { organization_id: OrganizationId::new(row.organization_id), lex_ids: row.lex_ids }))
}

/// Its names.
///
/// # Errors
/// When the database is unavailable.
pub async fn names(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        "select lex_ids from organizations where organization_id = $1",
        organization_id.as_uuid()
    );
    Ok(names.fetch_optional(connection).await?.unwrap_or_default())
}

/// Keeps what was heard of an organisation, unless something later was.
///
/// # Errors
/// When the database is unavailable.
pub async fn keep(
    connection: &mut PgConnection,
    organization: &OrganizationFacts,
    changed_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let names: Vec<String> =
        organization.lex_organization_id.iter().chain(&organization.lex_aliases).cloned().collect();
    sqlx::query!(
        "insert into organizations (organization_id, lex_ids, changed_at) values ($1, $2, $3)
         on conflict (organization_id) do update set lex_ids = excluded.lex_ids, changed_at = excluded.changed_at
         where organizations.changed_at <= excluded.changed_at",
        organization.id.as_uuid(),
        &names,
        changed_at
    )
    .execute(connection)
    .await?;
    Ok(())
}
