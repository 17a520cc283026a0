//! Taking a person out of leads and of events that are not published yet. Ids, statuses, amounts and answers
//! remain; answers have nothing of the person.

use super::orchestrations::WaitingRow;
use crate::domain::orchestration::Waiting;
use crate::usecases::erase_person::Person;
use contracts::event::CloudEvent;
use contracts::ids::{LeadId, OrganizationId};
use contracts::lead::{LeadCreated, LeadCustomer};
use platform_pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// Leads that are looked at in one statement.
const PAGE: i64 = 2_000;

/// A part of an organisation's leads, looked through.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    pub hits: Vec<LeadId>,
    /// Where to go on; `None` at the end.
    pub next: Option<LeadId>,
}

/// Looks through the leads after one for those of a person.
///
/// # Errors
/// When the database is unavailable.
pub async fn find(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    person: &Person,
    after: LeadId,
) -> Result<Looked, StoreError> {
    let rows = sqlx::query!(
        r#"select lead_id,
               coalesce(lower(customer ->> 'email') = $3, false)
                   or coalesce(customer ->> 'phone_e164' = $4, false) as "hit!"
           from leads where organization_id = $1 and lead_id > $2 order by lead_id limit $5"#,
        organization_id.as_uuid(),
        after.as_uuid(),
        person.email,
        person.phone,
        PAGE
    )
    .fetch_all(connection)
    .await?;
    let full = rows.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let next = rows.last().filter(|_| full).map(|row| LeadId::new(row.lead_id));
    let hits = rows.into_iter().filter(|row| row.hit).map(|row| LeadId::new(row.lead_id)).collect();
    Ok(Looked { hits, next })
}

/// Takes leads away from HubSpot that it does not have yet: there is nobody left to tell it about.
///
/// # Errors
/// When the database is unavailable.
pub async fn keep_from_hubspot(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    leads: &[LeadId],
) -> Result<Vec<Waiting>, StoreError> {
    let rows = sqlx::query_as!(
        WaitingRow,
        r#"update orchestrations set step = 'deliveries', lease = null, last_error = null
           where organization_id = $1 and lead_id = any($2) and step in ('contact', 'deal', 'association')
           returning event_id, organization_id as "organization_id!", lead_id as "lead_id!", traceparent,
               matched, delivered is not null as "settled!""#,
        organization_id.as_uuid(),
        &uuids(leads)
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Waiting::from).collect())
}

/// Strips leads of the person and of everything that the partner wrote freely. Answers how many.
///
/// # Errors
/// When the database is unavailable.
pub async fn strip_leads(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    leads: &[LeadId],
) -> Result<u64, StoreError> {
    let times: Vec<_> = leads.iter().filter_map(|lead| platform::ids::time_of(lead.as_uuid())).collect();
    let stripped = sqlx::query!(
        "update leads set
             customer = $4,
             partner_metadata = null,
             offer = case when offer is null then null else jsonb_strip_nulls(jsonb_build_object(
                 'type', offer -> 'type', 'monthly_amount_cents', offer -> 'monthly_amount_cents',
                 'term_months', offer -> 'term_months')) end,
             commission = case when commission is null then null else jsonb_strip_nulls(jsonb_build_object(
                 'flat_cents', commission -> 'flat_cents', 'rev_share_bps', commission -> 'rev_share_bps')) end
         where organization_id = $1 and lead_id = any($2) and received_at = any($3)",
        organization_id.as_uuid(),
        &uuids(leads),
        &times,
        Json(nobody()) as _
    )
    .execute(connection)
    .await?;
    Ok(stripped.rows_affected())
}

/// Strips the events of leads that are not published yet. Answers how many. One that is being published at
/// this moment is the business of those who receive it.
///
/// # Errors
/// When the database is unavailable.
pub async fn strip_events(
    connection: &mut PgConnection,
    organization_id: OrganizationId,
    leads: &[LeadId],
) -> Result<u64, StoreError> {
    let rows = sqlx::query!(
        "select seq, payload from outbox
         where headers ->> 'tenant-id' = $1 and headers ->> 'aggregate-id' = any($2) and kind = 'lead.created'
         order by seq for update",
        organization_id.to_string(),
        &leads.iter().map(LeadId::to_string).collect::<Vec<_>>()
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut stripped = 0;
    for row in rows {
        let Ok(mut event) = serde_json::from_slice::<CloudEvent<LeadCreated>>(&row.payload) else { continue };
        event.data.customer = nobody();
        let Ok(payload) = serde_json::to_vec(&event) else { continue };
        let updated = sqlx::query!("update outbox set payload = $2 where seq = $1", row.seq, payload);
        stripped += updated.execute(&mut *connection).await?.rows_affected();
    }
    Ok(stripped)
}

/// What is left of a person.
fn nobody() -> LeadCustomer {
    LeadCustomer {
        first_name: String::new(),
        last_name: String::new(),
        email: None,
        phone: String::new(),
        phone_e164: None,
        address: None,
    }
}

fn uuids(leads: &[LeadId]) -> Vec<Uuid> {
    leads.iter().map(|lead| lead.as_uuid()).collect()
}
