//! Table `customers`.

use super::reading::{self, For};
use super::{StatusColumn, Table};
use crate::domain::change::Versioned;
use chrono::NaiveDate;
use contracts::crm::{Customer, ObjectId};
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::{FromRow, PgConnection};

/// A row of the table.
#[derive(Debug, FromRow)]
pub struct CustomerRow {
    name: String,
    short_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    birthdate: Option<NaiveDate>,
    source: Option<String>,
    notes: Option<String>,
    is_active: bool,
}

impl From<CustomerRow> for Customer {
    fn from(row: CustomerRow) -> Self {
        let CustomerRow { name, short_name, email, phone, birthdate, source, notes, is_active } = row;
        Self { name, short_name, email, phone, birthdate, source, notes, is_active }
    }
}

impl Table for Customer {
    const NAME: &'static str = "customers";
    const COLUMNS: &'static str = "name, short_name, email, phone, birthdate, source, notes, is_active";
    const SEARCHED: &'static [&'static str] = &["name", "short_name", "email", "phone"];
    const STATUS: StatusColumn = StatusColumn::Flag("is_active");
    type Row = CustomerRow;

    async fn insert(
        connection: &mut PgConnection,
        organization: OrganizationId,
        new: &Versioned<Self>,
    ) -> Result<(), StoreError> {
        let (record, customer) = (&new.record, &new.record.fields);
        sqlx::query!(
            "insert into customers (organization_id, id, version, name, short_name, email, phone, birthdate, source,
                 notes, is_active, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            organization.as_uuid(),
            record.id.to_string(),
            new.version,
            customer.name,
            customer.short_name,
            customer.email,
            customer.phone,
            customer.birthdate,
            customer.source,
            customer.notes,
            customer.is_active,
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
        let customer = &changed.record.fields;
        sqlx::query!(
            "update customers set version = $3, name = $4, short_name = $5, email = $6, phone = $7, birthdate = $8,
                 source = $9, notes = $10, is_active = $11, updated_at = $12
             where organization_id = $1 and id = $2",
            organization.as_uuid(),
            changed.record.id.to_string(),
            changed.version,
            customer.name,
            customer.short_name,
            customer.email,
            customer.phone,
            customer.birthdate,
            customer.source,
            customer.notes,
            customer.is_active,
            changed.record.updated_at
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// The oldest customer with an e-mail address, in any case. Until the transaction ends nobody else looks for the
/// same address in this way: who finds none may make one.
///
/// # Errors
/// When the database is unavailable.
pub async fn find_by_email(
    connection: &mut PgConnection,
    organization: OrganizationId,
    email: &str,
) -> Result<Option<Versioned<Customer>>, StoreError> {
    let lock = format!("customer {organization} {}", email.to_lowercase());
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 0))", lock)
        .execute(&mut *connection)
        .await?;
    let id = sqlx::query_scalar!(
        "select id from customers where organization_id = $1 and lower(email) = lower($2)
         order by created_at, id limit 1",
        organization.as_uuid(),
        email
    )
    .fetch_optional(&mut *connection)
    .await?;
    match id.and_then(|id| id.parse::<ObjectId>().ok()) {
        Some(id) => reading::find(connection, organization, id, For::Reading).await,
        None => Ok(None),
    }
}
