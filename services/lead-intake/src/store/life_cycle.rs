//! Changes of status, in table `leads`. A change that the life cycle does not have from where the lead is does
//! not happen, whoever asks and however late.

use super::leads::LeadRow;
use crate::domain::lead::{Lead, NextAction, Status};
use crate::domain::life_cycle::Change;
use contracts::ids::{LeadId, OrganizationId};
use platform_pg::StoreError;
use sqlx::PgConnection;
use uuid::Uuid;

/// A lead that is to change.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub organization_id: OrganizationId,
    pub lead_id: LeadId,
    /// To be kept with it, where the change brings one.
    pub hubspot_deal_id: Option<String>,
}

/// A lead that did, as it is after the last change.
#[derive(Clone, Debug)]
pub struct Changed {
    pub organization_id: OrganizationId,
    pub lead: Lead,
    /// How often it has changed, its acceptance included.
    pub version: i64,
}

impl Changed {
    /// As it was after one of its changes, which so many others came later than.
    pub fn after(&self, change: Change, later: usize) -> Self {
        let mut after = self.clone();
        after.lead.status = change.to();
        after.version -= i64::try_from(later).unwrap_or(0);
        after
    }
}

/// Takes the leads that may make the first of these changes through all of them, and answers with those.
///
/// # Errors
/// When the database is unavailable.
pub async fn change(
    connection: &mut PgConnection,
    changes: &[Change],
    candidates: &[Candidate],
) -> Result<Vec<Changed>, StoreError> {
    let (Some(first), Some(last), false) = (changes.first(), changes.last(), candidates.is_empty()) else {
        return Ok(Vec::new());
    };
    let organizations: Vec<Uuid> = candidates.iter().map(|lead| lead.organization_id.as_uuid()).collect();
    let ids: Vec<Uuid> = candidates.iter().map(|lead| lead.lead_id.as_uuid()).collect();
    let times: Vec<_> =
        ids.iter().map(|id| platform::ids::time_of(*id).unwrap_or(chrono::DateTime::UNIX_EPOCH)).collect();
    let deals: Vec<Option<String>> = candidates.iter().map(|lead| lead.hubspot_deal_id.clone()).collect();
    let from: Vec<String> = first.from().iter().map(|status| status.as_str().to_owned()).collect();
    let next_action = (last.to() == Status::Failed).then_some(NextAction::ManualReview.as_str());
    let rows = sqlx::query!(
        r#"update leads set
               status = $5,
               version = version + $8,
               hubspot_deal_id = coalesce(candidate.deal, hubspot_deal_id),
               next_action = coalesce($6, next_action)
           from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[])
               as candidate (organization_id, lead_id, received_at, deal)
           where leads.organization_id = candidate.organization_id
             and leads.lead_id = candidate.lead_id
             and leads.received_at = candidate.received_at
             and leads.status = any($7::text[])
           returning leads.organization_id, leads.lead_id, leads.received_at, leads.partner_slug,
               leads.correlation_id, leads.status, leads.next_action, leads.hubspot_deal_id, leads.version"#,
        &organizations,
        &ids,
        &times,
        &deals as &[Option<String>],
        last.to().as_str(),
        next_action,
        &from,
        i64::try_from(changes.len()).unwrap_or(i64::MAX)
    )
    .fetch_all(connection)
    .await?;
    let changed = rows.into_iter().map(|row| Changed {
        organization_id: OrganizationId::new(row.organization_id),
        version: row.version,
        lead: Lead::from(LeadRow {
            lead_id: row.lead_id,
            received_at: row.received_at,
            partner_slug: row.partner_slug,
            correlation_id: row.correlation_id,
            status: row.status,
            next_action: row.next_action,
            hubspot_deal_id: row.hubspot_deal_id,
        }),
    });
    Ok(changed.collect())
}
