//! Table `orchestrations`: which lead waits for what. Every statement of a taker names its lease, so that one
//! who lost it changes nothing.

use crate::domain::crm::{Commission, CrmLead, Offer};
use crate::domain::orchestration::{Arrival, Lease, Outcome, Start, Step, Task, Waiting};
use chrono::{DateTime, Utc};
use contracts::ids::{CorrelationId, EventId, LeadId, OrganizationId};
use contracts::lead::LeadCustomer;
use platform_pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// Enters leads whose first event has arrived, at a step; one that is known, or past its first status, is left
/// alone. Answers with those that are new.
///
/// # Errors
/// When the database is unavailable, which a missing partition counts as.
pub async fn start(
    connection: &mut PgConnection,
    arrivals: &[Arrival],
    at: Start,
    now: DateTime<Utc>,
) -> Result<Vec<Waiting>, StoreError> {
    let organizations: Vec<Uuid> = arrivals.iter().map(|arrival| arrival.organization_id.as_uuid()).collect();
    let leads: Vec<Uuid> = arrivals.iter().map(|arrival| arrival.lead_id.as_uuid()).collect();
    let times: Vec<_> = leads.iter().map(|id| platform::ids::time_of(*id).unwrap_or(now)).collect();
    let events: Vec<Uuid> = arrivals.iter().map(|arrival| arrival.event_id.as_uuid()).collect();
    let traces: Vec<Option<String>> = arrivals.iter().map(|arrival| arrival.traceparent.clone()).collect();
    let started = sqlx::query_as!(
        WaitingRow,
        r#"insert into orchestrations (event_id, organization_id, lead_id, traceparent, step, next_at)
         select distinct on (arrival.event_id) arrival.event_id, arrival.organization_id, arrival.lead_id,
             arrival.traceparent, $7, $6
         from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::text[])
             as arrival (organization_id, lead_id, received_at, event_id, traceparent)
         join leads using (organization_id, lead_id, received_at)
         where leads.status = 'received'
         order by arrival.event_id
         on conflict (event_id) do update set
             organization_id = excluded.organization_id, lead_id = excluded.lead_id,
             traceparent = excluded.traceparent, step = excluded.step, next_at = excluded.next_at
             where orchestrations.step = 'expected'
         returning event_id, organization_id as "organization_id!", lead_id as "lead_id!", traceparent, matched,
             delivered is not null as "settled!""#,
        &organizations,
        &leads,
        &times,
        &events,
        &traces as &[Option<String>],
        now,
        match at {
            Start::Hubspot => Step::Contact.as_str(),
            Start::Deliveries => "deliveries",
        }
    )
    .fetch_all(connection)
    .await
    .map_err(|error| StoreError::from(error).awaiting_partition())?;
    Ok(started.into_iter().map(Waiting::from).collect())
}

/// Takes leads that wait for HubSpot, those that have waited longest first. What another taker holds is
/// passed over until its time is up.
///
/// # Errors
/// When the database is unavailable.
pub async fn claim(
    connection: &mut PgConnection,
    lease: Lease,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Task>, StoreError> {
    let taken = sqlx::query!(
        r#"with due as (
               select event_id from orchestrations
               where step in ('contact', 'deal', 'association') and next_at <= $3
               order by next_at, event_id limit $4 for update skip locked
           )
           update orchestrations set lease = $1, next_at = $2
           from due where orchestrations.event_id = due.event_id
           returning orchestrations.event_id, orchestrations.organization_id as "organization_id!",
               orchestrations.lead_id as "lead_id!", orchestrations.step, orchestrations.attempts,
               orchestrations.hubspot_contact_id, orchestrations.hubspot_deal_id"#,
        lease.token,
        lease.until,
        now,
        i64::try_from(limit).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut *connection)
    .await?;
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let organizations: Vec<Uuid> = taken.iter().map(|row| row.organization_id).collect();
    let leads: Vec<Uuid> = taken.iter().map(|row| row.lead_id).collect();
    let mut known = leads_for_crm(connection, &organizations, &leads).await?;
    let tasks = taken.into_iter().filter_map(|row| {
        let place = known.iter().position(|lead| lead.lead_id.as_uuid() == row.lead_id)?;
        Some(Task {
            event_id: EventId::new(row.event_id),
            step: Step::parse(&row.step)?,
            attempts: row.attempts,
            contact_id: row.hubspot_contact_id,
            deal_id: row.hubspot_deal_id,
            lead: known.swap_remove(place),
        })
    });
    Ok(tasks.collect())
}

async fn leads_for_crm(
    connection: &mut PgConnection,
    organizations: &[Uuid],
    leads: &[Uuid],
) -> Result<Vec<CrmLead>, StoreError> {
    let times: Vec<_> =
        leads.iter().map(|id| platform::ids::time_of(*id).unwrap_or(chrono::DateTime::UNIX_EPOCH)).collect();
    let rows = sqlx::query!(
        r#"select lead_id as "lead_id!", partner_slug, correlation_id, customer as "customer: Json<LeadCustomer>",
               offer as "offer: Json<Offer>", commission as "commission: Json<Commission>"
           from unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
               as wanted (organization_id, lead_id, received_at)
           join leads using (organization_id, lead_id, received_at)"#,
        organizations,
        leads,
        &times
    )
    .fetch_all(connection)
    .await?;
    let leads = rows.into_iter().map(|row| CrmLead {
        lead_id: LeadId::new(row.lead_id),
        partner_slug: row.partner_slug,
        correlation_id: CorrelationId::new(row.correlation_id),
        customer: row.customer.0,
        offer: row.offer.map(|offer| offer.0).unwrap_or_default(),
        commission: row.commission.map(|commission| commission.0).unwrap_or_default(),
    });
    Ok(leads.collect())
}

/// Notes what HubSpot answered and which step comes next, and keeps the lease. Answers with those that are
/// still the taker's.
///
/// # Errors
/// When the database is unavailable.
pub async fn advance(
    connection: &mut PgConnection,
    lease: Lease,
    tasks: &[&Task],
) -> Result<Vec<EventId>, StoreError> {
    let events: Vec<Uuid> = tasks.iter().map(|task| task.event_id.as_uuid()).collect();
    let steps: Vec<String> = tasks.iter().map(|task| task.step.as_str().to_owned()).collect();
    let contacts: Vec<Option<String>> = tasks.iter().map(|task| task.contact_id.clone()).collect();
    let deals: Vec<Option<String>> = tasks.iter().map(|task| task.deal_id.clone()).collect();
    let kept = sqlx::query_scalar!(
        "update orchestrations set step = task.step, next_at = $6,
             hubspot_contact_id = task.contact_id, hubspot_deal_id = task.deal_id
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
             as task (event_id, step, contact_id, deal_id)
         where orchestrations.event_id = task.event_id and lease = $5
           and orchestrations.step in ('contact', 'deal', 'association')
         returning orchestrations.event_id",
        &events,
        &steps,
        &contacts as &[Option<String>],
        &deals as &[Option<String>],
        lease.token,
        lease.until
    )
    .fetch_all(connection)
    .await?;
    Ok(kept.into_iter().map(EventId::new).collect())
}

/// HubSpot is done with these, or is not asked: what remains is their deliveries.
///
/// # Errors
/// When the database is unavailable.
pub async fn await_deliveries(
    connection: &mut PgConnection,
    lease: Lease,
    events: &[EventId],
) -> Result<Vec<Waiting>, StoreError> {
    let rows = sqlx::query_as!(
        WaitingRow,
        r#"update orchestrations set step = 'deliveries', lease = null, last_error = null
           where event_id = any($1) and lease = $2 and step in ('contact', 'deal', 'association')
           returning event_id, organization_id as "organization_id!", lead_id as "lead_id!", traceparent,
               matched, delivered is not null as "settled!""#,
        &uuids(events),
        lease.token
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Waiting::from).collect())
}

/// HubSpot will not have these: nothing more is done about them. Answers with those that were the taker's.
///
/// # Errors
/// When the database is unavailable.
pub async fn give_up(
    connection: &mut PgConnection,
    lease: Lease,
    refused: &[(EventId, String)],
) -> Result<Vec<Waiting>, StoreError> {
    let (events, reasons): (Vec<Uuid>, Vec<String>) =
        refused.iter().map(|(event, reason)| (event.as_uuid(), reason.clone())).unzip();
    let rows = sqlx::query_as!(
        WaitingRow,
        r#"update orchestrations set step = 'done', lease = null, last_error = refused.reason
           from unnest($1::uuid[], $2::text[]) as refused (event_id, reason)
           where orchestrations.event_id = refused.event_id and lease = $3
             and step in ('contact', 'deal', 'association')
           returning orchestrations.event_id, organization_id as "organization_id!", lead_id as "lead_id!",
               traceparent, matched, delivered is not null as "settled!""#,
        &events,
        &reasons,
        lease.token
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Waiting::from).collect())
}

/// A lead whose turn comes again, at a time of its own.
#[derive(Clone, Debug)]
pub struct Postponed {
    pub event_id: EventId,
    pub step: Step,
    /// Used up so far.
    pub attempts: i16,
    pub next_at: DateTime<Utc>,
    pub reason: String,
}

/// Puts leads back that HubSpot may answer differently another time.
///
/// # Errors
/// When the database is unavailable.
pub async fn postpone(
    connection: &mut PgConnection,
    lease: Lease,
    postponed: &[Postponed],
) -> Result<(), StoreError> {
    let events: Vec<Uuid> = postponed.iter().map(|lead| lead.event_id.as_uuid()).collect();
    let steps: Vec<String> = postponed.iter().map(|lead| lead.step.as_str().to_owned()).collect();
    let attempts: Vec<i16> = postponed.iter().map(|lead| lead.attempts).collect();
    let times: Vec<DateTime<Utc>> = postponed.iter().map(|lead| lead.next_at).collect();
    let reasons: Vec<String> = postponed.iter().map(|lead| lead.reason.clone()).collect();
    sqlx::query!(
        "update orchestrations set step = lead.step, attempts = lead.attempts, next_at = lead.next_at,
             last_error = lead.reason, lease = null
         from unnest($1::uuid[], $2::text[], $3::smallint[], $4::timestamptz[], $5::text[])
             as lead (event_id, step, attempts, next_at, reason)
         where orchestrations.event_id = lead.event_id and lease = $6",
        &events,
        &steps,
        &attempts,
        &times,
        &reasons,
        lease.token
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts everything back that the taker still holds, as it was, for a time when HubSpot may be there.
///
/// # Errors
/// When the database is unavailable.
pub async fn release(
    connection: &mut PgConnection,
    lease: Lease,
    events: &[EventId],
    next_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update orchestrations set lease = null, next_at = $3
         where event_id = any($1) and lease = $2 and step in ('contact', 'deal', 'association')",
        &uuids(events),
        lease.token,
        next_at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes what the dispatcher said, also of leads that are not known yet. Answers with those that wait for
/// nothing else, also with those that are done by it: their rows say so at once, one update and not two.
///
/// # Errors
/// When the database is unavailable, which a missing partition counts as.
pub async fn note_outcomes(
    connection: &mut PgConnection,
    outcomes: &[(EventId, Outcome)],
    now: DateTime<Utc>,
) -> Result<Vec<Waiting>, StoreError> {
    let events: Vec<Uuid> = outcomes.iter().map(|(event, _)| event.as_uuid()).collect();
    let matched: Vec<Option<i32>> = outcomes.iter().map(|(_, outcome)| outcome.matched).collect();
    let ends = |of: fn(&crate::domain::orchestration::Settled) -> i32| -> Vec<Option<i32>> {
        outcomes.iter().map(|(_, outcome)| outcome.settled.as_ref().map(of)).collect()
    };
    let rows = sqlx::query!(
        r#"insert into orchestrations
               (event_id, step, next_at, matched, delivered, dead_letter, cancelled, expired)
           select event_id, 'expected', $7, matched, delivered, dead_letter, cancelled, expired
           from unnest($1::uuid[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[])
               as outcome (event_id, matched, delivered, dead_letter, cancelled, expired)
           order by event_id
           on conflict (event_id) do update set
               matched = coalesce(orchestrations.matched, excluded.matched),
               delivered = coalesce(orchestrations.delivered, excluded.delivered),
               dead_letter = coalesce(orchestrations.dead_letter, excluded.dead_letter),
               cancelled = coalesce(orchestrations.cancelled, excluded.cancelled),
               expired = coalesce(orchestrations.expired, excluded.expired),
               step = case
                   when orchestrations.step = 'deliveries'
                       and (coalesce(orchestrations.matched, excluded.matched) = 0
                           or coalesce(orchestrations.matched, excluded.matched) is not null
                               and coalesce(orchestrations.delivered, excluded.delivered) is not null)
                   then 'done' else orchestrations.step end
           returning event_id, organization_id, lead_id, traceparent, step, matched,
               delivered is not null as "settled!""#,
        &events,
        &matched as &[Option<i32>],
        &ends(|settled| settled.delivered) as &[Option<i32>],
        &ends(|settled| settled.dead_letter) as &[Option<i32>],
        &ends(|settled| settled.cancelled) as &[Option<i32>],
        &ends(|settled| settled.expired) as &[Option<i32>],
        now
    )
    .fetch_all(connection)
    .await
    .map_err(|error| StoreError::from(error).awaiting_partition())?;
    let waiting =
        rows.into_iter().filter(|row| row.step == "deliveries" || row.step == "done").filter_map(|row| {
            let waiting = Waiting::from(WaitingRow {
                event_id: row.event_id,
                organization_id: row.organization_id?,
                lead_id: row.lead_id?,
                traceparent: row.traceparent,
                matched: row.matched,
                settled: row.settled,
            });
            Some(Waiting { is_done: row.step == "done", ..waiting })
        });
    Ok(waiting.collect())
}

/// Nothing more is to be done about these.
///
/// # Errors
/// When the database is unavailable.
pub async fn finish(connection: &mut PgConnection, events: &[EventId]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update orchestrations set step = 'done' from unnest($1::uuid[]) as ended (event_id)
         where orchestrations.event_id = ended.event_id and step = 'deliveries'",
        &uuids(events)
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) struct WaitingRow {
    pub(super) event_id: Uuid,
    pub(super) organization_id: Uuid,
    pub(super) lead_id: Uuid,
    pub(super) traceparent: Option<String>,
    pub(super) matched: Option<i32>,
    pub(super) settled: bool,
}

impl From<WaitingRow> for Waiting {
    fn from(row: WaitingRow) -> Self {
        Self {
            event_id: EventId::new(row.event_id),
            organization_id: OrganizationId::new(row.organization_id),
            lead_id: LeadId::new(row.lead_id),
            traceparent: row.traceparent,
            matched: row.matched.is_some(),
            settled: row.settled || row.matched == Some(0),
            is_done: false,
        }
    }
}

fn uuids(events: &[EventId]) -> Vec<Uuid> {
    events.iter().map(|event| event.as_uuid()).collect()
}
