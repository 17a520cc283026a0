//! Table `automations`.

use super::{StatusColumn, Table};
use crate::domain::change::Versioned;
use contracts::crm::{Automation, ObjectId};
use contracts::ids::OrganizationId;
use platform::Violation;
use platform_pg::StoreError;
use serde_json::Value;
use sqlx::{FromRow, PgConnection};

/// A row of the table.
#[derive(Debug, FromRow)]
pub struct AutomationRow {
    name: String,
    description: Option<String>,
    active: bool,
    trigger_type: String,
    steps_count: i64,
}

impl From<AutomationRow> for Automation {
    fn from(row: AutomationRow) -> Self {
        let AutomationRow { name, description, active, trigger_type, steps_count } = row;
        Self { name, description, active, trigger_type, steps_count }
    }
}

/// The automation of a name with its steps, locked.
///
/// # Errors
/// When the database is unavailable.
pub async fn find_by_name(
    connection: &mut PgConnection,
    organization: OrganizationId,
    name: &str,
) -> Result<Option<(ObjectId, Value)>, StoreError> {
    let row = sqlx::query!(
        "select id, steps from automations where organization_id = $1 and name = $2 for update",
        organization.as_uuid(),
        name
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| Some((row.id.parse().ok()?, row.steps))))
}

/// The id of the automation of a name.
///
/// # Errors
/// When the database is unavailable.
pub async fn id_of_name(
    connection: &mut PgConnection,
    organization: OrganizationId,
    name: &str,
) -> Result<Option<ObjectId>, StoreError> {
    let id = sqlx::query_scalar!(
        "select id from automations where organization_id = $1 and name = $2",
        organization.as_uuid(),
        name
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.and_then(|id| id.parse().ok()))
}

/// The steps of an automation.
///
/// # Errors
/// When the database is unavailable.
pub async fn steps(
    connection: &mut PgConnection,
    organization: OrganizationId,
    id: ObjectId,
) -> Result<Option<Value>, StoreError> {
    let steps = sqlx::query_scalar!(
        "select steps from automations where organization_id = $1 and id = $2",
        organization.as_uuid(),
        id.to_string()
    )
    .fetch_optional(connection)
    .await?;
    Ok(steps)
}

/// Writes what only its author may change.
///
/// # Errors
/// When the database is unavailable.
pub async fn author(
    connection: &mut PgConnection,
    organization: OrganizationId,
    id: ObjectId,
    trigger_type: &str,
    steps: &Value,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update automations set trigger_type = $3, steps = $4 where organization_id = $1 and id = $2",
        organization.as_uuid(),
        id.to_string(),
        trigger_type,
        steps
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Table for Automation {
    const NAME: &'static str = "automations";
    const COLUMNS: &'static str =
        "name, description, active, trigger_type, jsonb_array_length(steps)::bigint as steps_count";
    const SEARCHED: &'static [&'static str] = &["name", "description"];
    const STATUS: StatusColumn = StatusColumn::Flag("active");
    type Row = AutomationRow;

    /// Its steps are written where it is authored; here it begins with none.
    async fn insert(
        connection: &mut PgConnection,
        organization: OrganizationId,
        new: &Versioned<Self>,
    ) -> Result<(), StoreError> {
        let (record, automation) = (&new.record, &new.record.fields);
        sqlx::query!(
            "insert into automations (organization_id, id, version, name, description, active, trigger_type, steps,
                 created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, '[]', $8, $9)",
            organization.as_uuid(),
            record.id.to_string(),
            new.version,
            automation.name,
            automation.description,
            automation.active,
            automation.trigger_type,
            record.created_at,
            record.updated_at
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn save(
        connection: &mut PgConnection,
        organization: OrganizationId,
        changed: &Versioned<Self>,
    ) -> Result<(), StoreError> {
        let automation = &changed.record.fields;
        sqlx::query!(
            "update automations set version = $3, name = $4, description = $5, active = $6, updated_at = $7
             where organization_id = $1 and id = $2",
            organization.as_uuid(),
            changed.record.id.to_string(),
            changed.version,
            automation.name,
            automation.description,
            automation.active,
            changed.record.updated_at
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// The name is what the file of an automation is matched by.
    async fn settle(
        connection: &mut PgConnection,
        organization: OrganizationId,
        id: ObjectId,
        automation: &mut Self,
        _before: Option<&Self>,
    ) -> Result<Vec<Violation>, StoreError> {
        let taken = sqlx::query_scalar!(
            r#"select exists (select from automations where organization_id = $1 and name = $3 and id <> $2) as "taken!""#,
            organization.as_uuid(),
            id.to_string(),
            automation.name
        )
        .fetch_one(connection)
        .await?;
        Ok(taken.then(|| Violation::new("name", "has already been taken")).into_iter().collect())
    }
}
