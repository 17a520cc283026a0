//! Deliveries as operators and their owners look for them, newest event first.
//!
//! Put together, because there is no one way to them: by the table, by subscriptions, or by the events of a type.
//! Where none leads straight to those that are meant, a page looks through so many and says where it stopped.

use super::deliveries::key;
use super::search::Search;
use crate::domain::delivery::{DeliveryKey, DeliveryState, ShownDelivery};
use crate::domain::event::EventSelection;
use crate::domain::operation::{DeliverySelection, OperatedDelivery, harmless};
use chrono::{DateTime, Utc};
use contracts::event::EventData;
use contracts::ids::{EventId, OrganizationId, SubscriptionId};
use contracts::lex::LexMessage;
use platform_pg::StoreError;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

/// Deliveries that are looked through for one page.
const LOOKED_THROUGH: i64 = 10_000;

/// How many are looked through: few at first, because most of them are often meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Few,
    Many,
}

impl Step {
    /// Events of a type whose deliveries are looked at.
    const fn events(self) -> i64 {
        match self {
            Self::Few => 100,
            Self::Many => 1_000,
        }
    }
}

/// The way to deliveries.
enum Way {
    /// By the table, or its index of what is dead.
    Table,
    Subscriptions(Vec<Uuid>),
    /// By the events of a type, of the organisation whose deliveries they are.
    Events(EventSelection),
}

/// Deliveries from behind one; and the one behind which to look further, where not all were looked through.
///
/// # Errors
/// When the database is unavailable.
pub async fn deliveries(
    connection: &mut PgConnection,
    selection: &DeliverySelection,
    behind: Option<DeliveryKey>,
    limit: i64,
) -> Result<(Vec<OperatedDelivery>, Option<DeliveryKey>), StoreError> {
    let mut selection = selection.clone();
    if selection.reason.is_some() && selection.state.is_none() {
        selection.state = Some(DeliveryState::DeadLetter);
    }
    if selection.organization.is_none() {
        selection.organization = owner(&mut *connection, selection.subscription).await?;
    }
    let way = Way::to(&mut *connection, &selection).await?;
    let mut search = Look { selection, behind, limit };
    let first = search.selection.first;
    let mut step = if matches!(way, Way::Table) { Step::Many } else { Step::Few };
    loop {
        search.selection.first = first;
        let horizon = search.horizon(&mut *connection, &way, step).await?;
        search.selection.first = horizon.unwrap_or(first);
        let found = search.find(&mut *connection, &way, step).await?;
        let is_full = i64::try_from(found.len()).is_ok_and(|found| found >= limit);
        if is_full || step == Step::Many || horizon.is_none() {
            return Ok((found, horizon.map(|event| key(event, Uuid::nil()))));
        }
        step = Step::Many;
    }
}

async fn owner(
    connection: &mut PgConnection,
    subscription: Option<SubscriptionId>,
) -> Result<Option<OrganizationId>, StoreError> {
    let Some(subscription) = subscription else { return Ok(None) };
    let owner = sqlx::query_scalar!(
        "select organization_id from subscriptions where id = $1",
        subscription.as_uuid()
    );
    Ok(owner.fetch_optional(connection).await?.map(OrganizationId::new))
}

impl Way {
    async fn to(connection: &mut PgConnection, selection: &DeliverySelection) -> Result<Self, StoreError> {
        let DeliverySelection { organization, subscription, state, kind, .. } = selection;
        if selection.is_of_one_event() {
            return Ok(Self::Table);
        }
        if let (Some(_), Some(kind)) = (organization, kind)
            // A LEX message is its sender's, its deliveries are the receivers'.
            && kind != LexMessage::TYPE
        {
            return Ok(Self::Events(EventSelection {
                kind: Some(kind.clone()),
                ..EventSelection::default()
            }));
        }
        if *state == Some(DeliveryState::DeadLetter) {
            return Ok(Self::Table);
        }
        if let Some(subscription) = subscription {
            return Ok(Self::Subscriptions(vec![subscription.as_uuid()]));
        }
        if organization.is_none() && *state != Some(DeliveryState::Pending) {
            return Ok(Self::Table);
        }
        // Deleted ones as well: they are kept for longer than their deliveries.
        let ids = sqlx::query_scalar!(
            "select id from subscriptions where $1::uuid is null or organization_id = $1",
            organization.map(OrganizationId::as_uuid)
        );
        Ok(Self::Subscriptions(ids.fetch_all(connection).await?))
    }
}

/// What is looked for.
struct Look {
    selection: DeliverySelection,
    behind: Option<DeliveryKey>,
    limit: i64,
}

impl Look {
    /// The oldest event whose deliveries are looked at, if that is not the oldest of all.
    async fn horizon(
        &self,
        connection: &mut PgConnection,
        way: &Way,
        step: Step,
    ) -> Result<Option<Uuid>, StoreError> {
        let mut query = QueryBuilder::new("select event_id");
        match way {
            Way::Table => {
                if !self.passes_over_many() {
                    return Ok(None);
                }
                query.push(" from deliveries as delivery where true");
                if self.selection.state == Some(DeliveryState::DeadLetter) {
                    query.push(" and state = 2");
                }
                self.push_range(&mut query);
                query.push(" order by event_id desc offset ").push_bind(LOOKED_THROUGH);
            }
            Way::Subscriptions(ids) => {
                if !self.passes_over_many() {
                    return Ok(None);
                }
                query.push(" from unnest(").push_bind(ids.clone());
                query.push(") as its (id) cross join lateral (select event_id, subscription_id");
                self.push_next(&mut query);
                query.push(" offset ").push_bind(self.each(ids, step)).push(" limit 1) as last");
                query
                    .push(" where subscription_id = its.id and event_id >= ")
                    .push_bind(self.selection.first);
                query.push(" order by event_id desc");
            }
            Way::Events(meant) => {
                let selection = self.of_events(meant);
                let search = self.search(&selection);
                search.push_from(&mut query, "event_id, kind, origin", step.events() + 1);
                search.push_order(&mut query);
                query.push(" offset ").push_bind(step.events());
            }
        }
        query.push(" limit 1");
        Ok(query.build_query_scalar().fetch_optional(connection).await?)
    }

    /// Whether there may be many deliveries on the way that are not meant.
    fn passes_over_many(&self) -> bool {
        let DeliverySelection { organization, state, kind, reason, .. } = &self.selection;
        let is_of_one = self.selection.is_of_one_event();
        match state {
            // Those of one organisation have an index.
            Some(DeliveryState::DeadLetter) => {
                !is_of_one && organization.is_none() && (kind.is_some() || reason.is_some())
            }
            Some(DeliveryState::Pending) | None => !is_of_one && kind.is_some(),
            Some(_) => !is_of_one,
        }
    }

    async fn find(
        &self,
        connection: &mut PgConnection,
        way: &Way,
        step: Step,
    ) -> Result<Vec<OperatedDelivery>, StoreError> {
        const ORDER: &str = " order by event_id desc, subscription_id desc limit ";
        const DELIVERIES: &str = " from deliveries as delivery join events using (event_id) where true";
        let mut query = QueryBuilder::new(
            "select found.*, family, url, subscriptions.state as subscription_state from (",
        );
        match way {
            Way::Table => {
                query.push(COLUMNS).push(DELIVERIES);
                self.push_filters(&mut query);
            }
            Way::Subscriptions(ids) => {
                query.push(COLUMNS).push(" from unnest(").push_bind(ids.clone());
                query.push(") as its (id) cross join lateral (select *");
                if self.selection.state == Some(DeliveryState::Pending) {
                    query.push(" from deliveries where subscription_id = its.id and state = 0");
                    query.push(" and event_id < ").push_bind(self.before()).push(" order by event_id desc");
                } else {
                    self.push_next(&mut query);
                }
                query.push(" limit ").push_bind(self.each(ids, step) + 1);
                query.push(") as delivery join events using (event_id) where subscription_id = its.id");
                self.push_filters(&mut query);
            }
            Way::Events(meant) => {
                let selection = self.of_events(meant);
                query.push(COLUMNS);
                self.search(&selection).push_from(
                    &mut query,
                    "event_id, kind, origin, traceparent",
                    step.events() + 1,
                );
                // Looked up one by one, whatever else may be thought cheaper.
                query.push(" cross join lateral (select * from deliveries where event_id = events.event_id offset 0)");
                query.push(" as delivery where true");
                self.push_filters(&mut query);
            }
        }
        query.push(ORDER).push_bind(self.limit);
        query.push(") as found left join subscriptions on id = subscription_id");
        query.push(ORDER).push_bind(self.limit);
        let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
        Ok(rows.into_iter().map(OperatedDelivery::from).collect())
    }

    /// The newest deliveries of a subscription, from a place in the index and in its order: so many are read and no
    /// more, also of one that has few. What is behind its end is left out afterwards.
    fn push_next(&self, query: &mut QueryBuilder<Postgres>) {
        query.push(" from deliveries where (subscription_id, event_id) < (its.id, ").push_bind(self.before());
        query.push(") order by subscription_id desc, event_id desc");
    }

    /// So many of each subscription are looked through.
    fn each(&self, ids: &[Uuid], step: Step) -> i64 {
        let count = i64::try_from(ids.len()).unwrap_or(i64::MAX).max(1);
        match step {
            Step::Many if self.passes_over_many() => (LOOKED_THROUGH / count).max(self.limit),
            Step::Few | Step::Many => self.limit,
        }
    }

    fn push_filters(&self, query: &mut QueryBuilder<Postgres>) {
        let DeliverySelection { organization, subscription, state, kind, reason, .. } = &self.selection;
        if let Some(organization) = organization {
            query.push(" and delivery.organization_id = ").push_bind(organization.as_uuid());
        }
        if let Some(subscription) = subscription {
            query.push(" and subscription_id = ").push_bind(subscription.as_uuid());
        }
        if let Some(state) = state {
            // Said as a constant, so that the indexes of what is dead and of what is pending are used.
            query.push(" and state = ").push(state.code());
        }
        if let Some(kind) = kind {
            query.push(" and kind = ").push_bind(kind.clone());
        }
        if let Some(reason) = reason {
            query.push(" and state = 2 and reason = ").push_bind(reason.clone());
        }
        self.push_range(query);
        if let Some(behind) = self.behind {
            query.push(" and (delivery.event_id, subscription_id) < (").push_bind(behind.event.as_uuid());
            query.push(", ").push_bind(behind.subscription.as_uuid()).push(")");
        }
    }

    fn push_range(&self, query: &mut QueryBuilder<Postgres>) {
        query.push(" and delivery.event_id >= ").push_bind(self.selection.first);
        query.push(" and delivery.event_id < ").push_bind(self.selection.before);
        if let Some(behind) = self.behind {
            query.push(" and delivery.event_id <= ").push_bind(behind.event.as_uuid());
        }
    }

    /// The events whose deliveries are meant.
    fn of_events(&self, meant: &EventSelection) -> EventSelection {
        let (first, before) = (Some(self.selection.first), Some(self.before()));
        EventSelection { first, before, ..meant.clone() }
    }

    /// All events that are meant are before this one.
    fn before(&self) -> Uuid {
        let behind = self.behind.map(|behind| after(behind.event));
        behind.map_or(self.selection.before, |behind| behind.min(self.selection.before))
    }

    fn search<'s>(&self, selection: &'s EventSelection) -> Search<'s> {
        Search { organization: self.selection.organization, selection, after: None, newest_first: true }
    }
}

fn after(event: EventId) -> Uuid {
    Uuid::from_u128(event.as_uuid().as_u128().saturating_add(1))
}

const COLUMNS: &str =
    "select delivery.event_id, subscription_id, delivery.organization_id, kind, state, attempts, last_status,
    last_error, next_at, ended_at, delivery.created_at, replay, reason, events.traceparent";

#[derive(FromRow)]
struct Row {
    event_id: Uuid,
    subscription_id: Uuid,
    organization_id: Uuid,
    kind: String,
    state: i16,
    attempts: i16,
    last_status: Option<i16>,
    last_error: Option<String>,
    next_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    replay: i16,
    reason: Option<String>,
    traceparent: Option<String>,
    family: Option<String>,
    url: Option<String>,
    subscription_state: Option<String>,
}

impl From<Row> for OperatedDelivery {
    fn from(row: Row) -> Self {
        Self {
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
            reason: row.reason.filter(|_| row.state == DeliveryState::DeadLetter.code()),
            traceparent: row.traceparent,
            replays: row.replay,
        }
    }
}
