//! Table `leads`.

use super::{StatusColumn, Table};
use crate::domain::change::{Milestone, Versioned};
use contracts::crm::Lead;
use contracts::crm_events::Updated;
use contracts::ids::OrganizationId;
use platform_pg::StoreError;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use std::collections::BTreeMap;

/// A row of the table.
#[derive(Debug, FromRow)]
pub struct LeadRow {
    name: String,
    email: Option<String>,
    phone: Option<String>,
    company_name: Option<String>,
    job_title: Option<String>,
    source: Option<String>,
    preferred_contact_method: Option<String>,
    status: String,
    notes: Option<String>,
    metadata: Json<BTreeMap<String, String>>,
    customer_id: Option<String>,
}

impl From<LeadRow> for Lead {
    fn from(row: LeadRow) -> Self {
        // What is in the column was written from an id.
        let customer_id = row.customer_id.and_then(|id| id.parse().ok());
        Self {
            name: row.name,
            email: row.email,
            phone: row.phone,
            company_name: row.company_name,
            job_title: row.job_title,
            source: row.source,
            preferred_contact_method: row.preferred_contact_method,
            status: row.status,
            notes: row.notes,
            metadata: row.metadata.0,
            converted: customer_id.is_some(),
            customer_id,
        }
    }
}

impl Table for Lead {
    const NAME: &'static str = "leads";
    const COLUMNS: &'static str = "name, email, phone, company_name, job_title, source, \
         preferred_contact_method, status, notes, metadata, customer_id";
    const SEARCHED: &'static [&'static str] = &["name", "email", "phone", "company_name", "job_title"];
    const STATUS: StatusColumn = StatusColumn::Word("status");
    type Row = LeadRow;

    async fn insert(
        connection: &mut PgConnection,
        organization: OrganizationId,
        new: &Versioned<Self>,
    ) -> Result<(), StoreError> {
        let (record, lead) = (&new.record, &new.record.fields);
        sqlx::query!(
            "insert into leads (organization_id, id, version, name, email, phone, company_name, job_title, source,
                 preferred_contact_method, status, notes, metadata, customer_id, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
            organization.as_uuid(),
            record.id.to_string(),
            new.version,
            lead.name,
            lead.email,
            lead.phone,
            lead.company_name,
            lead.job_title,
            lead.source,
            lead.preferred_contact_method,
            lead.status,
            lead.notes,
            serde_json::json!(lead.metadata),
            lead.customer_id.map(|id| id.to_string()),
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
        let lead = &changed.record.fields;
        sqlx::query!(
            "update leads set version = $3, name = $4, email = $5, phone = $6, company_name = $7, job_title = $8,
                 source = $9, preferred_contact_method = $10, status = $11, notes = $12, metadata = $13,
                 customer_id = $14, updated_at = $15
             where organization_id = $1 and id = $2",
            organization.as_uuid(),
            changed.record.id.to_string(),
            changed.version,
            lead.name,
            lead.email,
            lead.phone,
            lead.company_name,
            lead.job_title,
            lead.source,
            lead.preferred_contact_method,
            lead.status,
            lead.notes,
            serde_json::json!(lead.metadata),
            lead.customer_id.map(|id| id.to_string()),
            changed.record.updated_at
        )
        .execute(connection)
        .await?;
        Ok(())
    }
    fn milestone(change: &Updated<Self>) -> Option<Milestone> {
        Milestone::of(change)
    }
}
