//! Events and deliveries with what it takes to find a fault: of one organisation, or for operators of all.

use super::search::Search;
use crate::domain::delivery::DeliveryKey;
use crate::domain::event::{EventSelection, origin};
use crate::domain::operation::{Attempt, DeliverySelection, EventsWanted, Group, Grouping, OperatedEvent};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use sqlx::{FromRow, PgConnection, QueryBuilder};
use uuid::Uuid;

/// The requests of a delivery that are shown: the newest.
const ATTEMPTS: i64 = 100;
/// The groups that are shown: the largest.
const GROUPS: i64 = 100;

/// The newest requests of a delivery, oldest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn attempts(connection: &mut PgConnection, key: DeliveryKey) -> Result<Vec<Attempt>, StoreError> {
    let mut attempts = sqlx::query_as!(
        Attempt,
        "select attempt, replay, started_at, duration_ms, status, error from attempts
         where subscription_id = $1 and event_id = $2 order by id desc limit $3",
        key.subscription.as_uuid(),
        key.event.as_uuid(),
        ATTEMPTS
    )
    .fetch_all(connection)
    .await?;
    attempts.reverse();
    Ok(attempts)
}

/// Deliveries, counted by what they have in common: the largest groups, largest first.
///
/// # Errors
/// When the database is unavailable.
pub async fn groups(
    connection: &mut PgConnection,
    selection: &DeliverySelection,
    by: Grouping,
    now: DateTime<Utc>,
) -> Result<Vec<Group>, StoreError> {
    type Row = (String, i64, DateTime<Utc>, DateTime<Utc>, i64);
    // Put together, because each table that need not be joined saves a look-up for each delivery.
    let key = match by {
        Grouping::Reason => "coalesce(case when delivery.state = 2 then reason end, 'none')",
        Grouping::Error => "coalesce(left(split_part(last_error, ':', 1), 100), 'none')",
        Grouping::Type => "events.kind",
        Grouping::Tenant => "delivery.organization_id::text",
        Grouping::Hour => {
            "to_char(date_trunc('hour', coalesce(ended_at, delivery.created_at), 'UTC') at time zone 'UTC', \
             'YYYY-MM-DD\"T\"HH24:00:00\"Z\"')"
        }
        Grouping::Endpoint => "coalesce(substring(url from '://(?:[^/?#]*@)?([^/?#]+)'), 'none')",
        Grouping::Subscription => "delivery.subscription_id::text",
    };
    let mut query = QueryBuilder::new("select ");
    query.push(key).push(
        " as key, count(*) as count, min(coalesce(ended_at, delivery.created_at)) as oldest,
         max(coalesce(ended_at, delivery.created_at)) as newest,
         count(*) filter (where coalesce(ended_at, delivery.created_at) > ",
    );
    query.push_bind(now - TimeDelta::hours(1)).push(") as last_hour from deliveries as delivery");
    if by == Grouping::Type || selection.kind.is_some() {
        query.push(" join events on events.event_id = delivery.event_id");
    }
    if by == Grouping::Endpoint {
        query.push(" left join subscriptions on subscriptions.id = delivery.subscription_id");
    }
    query.push(" where delivery.event_id >= ").push_bind(selection.first);
    query.push(" and delivery.event_id < ").push_bind(selection.before);
    if let Some(organization) = selection.organization {
        query.push(" and delivery.organization_id = ").push_bind(organization.as_uuid());
    }
    if let Some(subscription) = selection.subscription {
        query.push(" and delivery.subscription_id = ").push_bind(subscription.as_uuid());
    }
    if let Some(state) = selection.state {
        // Said as a constant, so that the indexes of what is dead and of what is pending are used.
        query.push(" and delivery.state = ").push(state.code());
    }
    if let Some(kind) = &selection.kind {
        query.push(" and events.kind = ").push_bind(kind.clone());
    }
    if let Some(reason) = &selection.reason {
        query.push(" and delivery.state = 2 and reason = ").push_bind(reason.clone());
    }
    query.push(" group by 1 order by 2 desc, 1 limit ").push_bind(GROUPS);
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    let group = |(key, count, oldest, newest, last_hour)| Group { key, count, oldest, newest, last_hour };
    Ok(rows.into_iter().map(group).collect())
}

/// An event, with what is noted of it while it is open.
#[derive(FromRow)]
struct EventRow {
    event_id: Uuid,
    organization_id: Uuid,
    kind: String,
    source: String,
    origin: Option<String>,
    subject: Option<String>,
    occurred_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    traceparent: Option<String>,
    request_id: Option<String>,
    track_delivery: bool,
    settled_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    held_version: Option<i64>,
}

/// Events in the order of their ids, from behind one; and the one up to which they were looked through, where that
/// is not all of them.
///
/// # Errors
/// When the database is unavailable.
pub async fn events(
    connection: &mut PgConnection,
    wanted: &EventsWanted,
    behind: Option<EventId>,
    limit: i64,
) -> Result<(Vec<OperatedEvent>, Option<EventId>), StoreError> {
    const COLUMNS: &str = "event_id, organization_id, kind, source, origin, subject, occurred_at, received_at, traceparent, \
         request_id, track_delivery, settled_at, expires_at";
    let (organization, selection) = (wanted.organization, &wanted.selection);
    let search = Search { organization, selection, after: behind, newest_first: false };
    let horizon = search.horizon(&mut *connection).await?;
    let before = horizon.map(next).or(selection.before);
    let selection = EventSelection { before, ..selection.clone() };
    let search = Search { selection: &selection, ..search };
    let mut query = QueryBuilder::new(
        "select events.event_id, organization_id, kind, source, origin, subject, occurred_at, received_at, traceparent,
             request_id, track_delivery, settled_at, coalesce(events.expires_at, message.expires_at) as expires_at,
             message.held_version",
    );
    search.push_from(&mut query, COLUMNS, limit);
    query.push(" left join open_messages as message on message.event_id = events.event_id order by 1 limit ");
    let rows: Vec<EventRow> = query.push_bind(limit).build_query_as().fetch_all(connection).await?;
    let found = rows.into_iter().map(|row| OperatedEvent {
        id: EventId::new(row.event_id),
        organization: OrganizationId::new(row.organization_id),
        kind: row.kind,
        origin: row.origin.unwrap_or_else(|| origin(&row.source, None)),
        subject: row.subject,
        occurred_at: row.occurred_at,
        received_at: row.received_at,
        traceparent: row.traceparent,
        request_id: row.request_id,
        tracked: row.track_delivery,
        settled_at: row.settled_at,
        expires_at: row.expires_at,
        waits: row.held_version.is_some(),
    });
    Ok((found.collect(), horizon.map(EventId::new)))
}

/// One event.
///
/// # Errors
/// When the database is unavailable.
pub async fn event(
    connection: &mut PgConnection,
    organization: Option<OrganizationId>,
    id: EventId,
) -> Result<Option<OperatedEvent>, StoreError> {
    let id = id.as_uuid();
    let only = EventSelection { first: Some(id), before: Some(next(id)), ..EventSelection::default() };
    let wanted = EventsWanted { organization, selection: only };
    let (mut found, _) = events(connection, &wanted, None, 1).await?;
    Ok(found.pop())
}

fn next(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_add(1))
}
