//! Events and deliveries with what it takes to find a fault: of one organisation, or for operators of all.

use super::deliveries::key;
use crate::domain::delivery::{DeliveryKey, DeliveryState, ShownDelivery};
use crate::domain::event::{EventSelection, origin};
use crate::domain::operation::{
    Attempt, DeliverySelection, EventsWanted, Group, Grouping, OperatedDelivery, OperatedEvent, harmless,
};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use platform_pg::StoreError;
use sqlx::{PgConnection, QueryBuilder};
use uuid::Uuid;

/// The requests of a delivery that are shown: the newest.
const ATTEMPTS: i64 = 100;
/// The groups that are shown: the largest.
const GROUPS: i64 = 100;

/// Deliveries, newest event first, from behind one.
///
/// # Errors
/// When the database is unavailable.
pub async fn deliveries(
    connection: &mut PgConnection,
    selection: &DeliverySelection,
    behind: Option<DeliveryKey>,
    limit: i64,
) -> Result<Vec<OperatedDelivery>, StoreError> {
    let rows = sqlx::query!(
        r#"select delivery.event_id, delivery.subscription_id, delivery.organization_id, events.kind,
             delivery.state, attempts, last_status, last_error, next_at, ended_at, delivery.created_at, replay,
             case when delivery.state = 2 then reason end as reason, events.traceparent, family as "family?",
             url as "url?", subscriptions.state as "subscription_state?"
         from deliveries as delivery
         join events on events.event_id = delivery.event_id
         left join subscriptions on subscriptions.id = delivery.subscription_id
         where delivery.event_id >= $1 and delivery.event_id < $2
           and ($3::uuid is null or delivery.organization_id = $3)
           and ($4::uuid is null or delivery.subscription_id = $4)
           and ($5::smallint is null or delivery.state = $5)
           and ($6::text is null or events.kind = $6)
           and ($7::text is null or (delivery.state = 2 and reason = $7))
           and ($8::uuid is null or (delivery.event_id, delivery.subscription_id) < ($8, $9::uuid))
         order by delivery.event_id desc, delivery.subscription_id desc limit $10"#,
        selection.first,
        selection.before,
        selection.organization.map(OrganizationId::as_uuid),
        selection.subscription.map(SubscriptionId::as_uuid),
        selection.state.map(DeliveryState::code),
        selection.kind,
        selection.reason,
        behind.map(|key| key.event.as_uuid()),
        behind.map(|key| key.subscription.as_uuid()),
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OperatedDelivery {
            shown: ShownDelivery {
                key: key(row.event_id, row.subscription_id),
                event_kind: row.kind,
                // The table's check constraint admits the codes of the domain alone.
                state: DeliveryState::of_code(row.state).unwrap_or(DeliveryState::Pending),
                attempts: row.attempts,
                last_status: row.last_status,
                last_error: row.last_error,
                next_at: row.next_at,
                ended_at: row.ended_at,
                created_at: row.created_at,
            },
            organization: OrganizationId::new(row.organization_id),
            family: row.family,
            subscription_state: row.subscription_state,
            url: row.url.as_deref().map(harmless),
            reason: row.reason,
            traceparent: row.traceparent,
            replays: row.replay,
        })
        .collect())
}

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

/// Events in the order of their ids, from behind one.
///
/// # Errors
/// When the database is unavailable.
pub async fn events(
    connection: &mut PgConnection,
    wanted: &EventsWanted,
    behind: Option<EventId>,
    limit: i64,
) -> Result<Vec<OperatedEvent>, StoreError> {
    let selection = &wanted.selection;
    let rows = sqlx::query!(
        r#"select events.event_id, organization_id, kind, source, origin, occurred_at, received_at, traceparent,
             track_delivery, settled_at, events.expires_at as "own_expires_at?",
             message.expires_at as "message_expires_at?", message.held_version as "held_version?"
         from events left join open_messages as message on message.event_id = events.event_id
         where ($1::uuid is null or events.event_id >= $1) and ($2::uuid is null or events.event_id < $2)
           and ($3::uuid is null or events.event_id > $3)
           and ($4::uuid is null or organization_id = $4) and ($5::text is null or kind = $5)
           and ($6::text is null or origin = $6 or (origin like 'ingest:%' and $6 = 'ingest'))
         order by events.event_id limit $7"#,
        selection.first,
        selection.before,
        behind.map(EventId::as_uuid),
        wanted.organization.map(OrganizationId::as_uuid),
        selection.kind,
        selection.origin,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OperatedEvent {
            id: EventId::new(row.event_id),
            organization: OrganizationId::new(row.organization_id),
            kind: row.kind,
            origin: row.origin.unwrap_or_else(|| origin(&row.source, None)),
            occurred_at: row.occurred_at,
            received_at: row.received_at,
            traceparent: row.traceparent,
            tracked: row.track_delivery,
            settled_at: row.settled_at,
            expires_at: row.own_expires_at.or(row.message_expires_at),
            waits: row.held_version.is_some(),
        })
        .collect())
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
    let behind = Uuid::from_u128(id.as_uuid().as_u128().saturating_add(1));
    let only =
        EventSelection { first: Some(id.as_uuid()), before: Some(behind), ..EventSelection::default() };
    let wanted = EventsWanted { organization, selection: only };
    Ok(events(connection, &wanted, None, 1).await?.pop())
}
