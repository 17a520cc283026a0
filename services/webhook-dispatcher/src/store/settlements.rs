//! What attempts led to: the delivery rows, the attempt log and the health of the subscriptions.

use crate::domain::delivery::{DeliveryKey, DeliveryState};
use crate::domain::event::Event;
use crate::domain::subscription::Subscription;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, SubscriptionId};
use contracts::webhook::DeadLetterReason;
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// The outcome of one attempt, decided.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub key: DeliveryKey,
    pub event: Arc<Event>,
    /// As it was when the attempt was made.
    pub subscription: Arc<Subscription>,
    pub attempt_id: Uuid,
    /// Attempts before this one, and the replay it belongs to: the guard against a late rival.
    pub attempts_before: i16,
    pub replay: i16,
    pub state: DeliveryState,
    /// When it is due again, if it is.
    pub next_at: Option<DateTime<Utc>>,
    pub status: Option<i16>,
    pub error: Option<String>,
    /// The subscription is to be disabled as well.
    pub disable: bool,
    /// It was given up because all tries were used up.
    pub exhausted: bool,
    /// Whether a request was made; if not, its time was over.
    pub attempted: bool,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub duration_ms: i32,
    /// Of the attempt's span, if that is recorded: the next attempt links to it.
    pub traceparent: Option<String>,
}

impl Settlement {
    /// Why the delivery was given up, if it was.
    pub fn reason(&self) -> Option<DeadLetterReason> {
        (self.state == DeliveryState::DeadLetter).then_some(match self {
            Self { attempted: false, .. } => DeadLetterReason::Expired,
            Self { exhausted: true, .. } => DeadLetterReason::Exhausted,
            Self { .. } => DeadLetterReason::Rejected,
        })
    }
}

/// Writes outcomes to deliveries that are still where the attempt found them, and logs those attempts. Says
/// which those were.
///
/// # Errors
/// When the database refuses, for want of a partition for example, or is unavailable.
pub async fn settle(
    connection: &mut PgConnection,
    batch: &[Settlement],
) -> Result<HashSet<DeliveryKey>, StoreError> {
    fn column<T>(batch: &[Settlement], of: impl Fn(&Settlement) -> T) -> Vec<T> {
        batch.iter().map(of).collect()
    }
    let written: Vec<(Uuid, Uuid)> = sqlx::query_as(
        // What was pending is said as a column: as a constant it would invite to look it up in the index of all that
        // is due, instead of by its key.
        "with outcome as materialized (
             select *, 0::smallint as pending from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::smallint[],
                 $6::smallint[], $7::timestamptz[], $8::smallint[], $9::text[], $10::timestamptz[],
                 $11::timestamptz[], $12::integer[], $13::boolean[], $14::text[], $15::text[])
             as outcome (event_id, subscription_id, attempt_id, attempts, replay, state, next_at, status, error,
                 started_at, ended_at, duration_ms, attempted, traceparent, reason)
         ), settled as (
             update deliveries set
                 state = outcome.state,
                 attempts = outcome.attempts + outcome.attempted::integer,
                 attempted_at = case when outcome.attempted then outcome.started_at else attempted_at end,
                 next_at = coalesce(outcome.next_at, deliveries.next_at),
                 last_status = case when outcome.attempted then outcome.status else last_status end,
                 last_error = outcome.error,
                 traceparent = outcome.traceparent,
                 reason = outcome.reason,
                 ended_at = case when outcome.state = 0 then null else outcome.ended_at end
             from outcome
             where deliveries.event_id = outcome.event_id
               and deliveries.subscription_id = outcome.subscription_id
               and deliveries.state = outcome.pending
               and deliveries.attempts = outcome.attempts
               and deliveries.replay = outcome.replay
             returning outcome.*
         ), logged as (
             insert into attempts (id, event_id, subscription_id, attempt, replay, started_at, duration_ms, status,
                 error)
             select attempt_id, event_id, subscription_id, attempts + 1, replay, started_at, duration_ms, status,
                 error
             from settled where attempted
         )
         select event_id, subscription_id from settled",
    )
    .bind(column(batch, |one| one.key.event.as_uuid()))
    .bind(column(batch, |one| one.key.subscription.as_uuid()))
    .bind(column(batch, |one| one.attempt_id))
    .bind(column(batch, |one| one.attempts_before))
    .bind(column(batch, |one| one.replay))
    .bind(column(batch, |one| one.state.code()))
    .bind(column(batch, |one| one.next_at))
    .bind(column(batch, |one| one.status))
    .bind(column(batch, |one| one.error.clone()))
    .bind(column(batch, |one| one.started_at))
    .bind(column(batch, |one| one.ended_at))
    .bind(column(batch, |one| one.duration_ms))
    .bind(column(batch, |one| one.attempted))
    .bind(column(batch, |one| one.traceparent.clone()))
    .bind(column(batch, |one| one.reason().map(DeadLetterReason::name)))
    .fetch_all(connection)
    .await?;
    Ok(written
        .into_iter()
        .map(|(event, subscription)| DeliveryKey {
            event: EventId::new(event),
            subscription: SubscriptionId::new(subscription),
        })
        .collect())
}

/// What a batch says about one subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Health {
    last_success_at: Option<DateTime<Utc>>,
    last_failure_at: Option<DateTime<Utc>>,
    /// Since the last success in the batch, or in all of it.
    failures: i32,
    exhausted: i32,
    ended: i64,
    delivered: i64,
}

/// How a subscription stands after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub subscription: SubscriptionId,
    /// Deliveries in a row that were given up.
    pub consecutive_exhausted: i32,
    pub last_success_at: Option<DateTime<Utc>>,
}

/// Brings the health of the subscriptions of a batch up to date, and says how they stand.
///
/// # Errors
/// When the database is unavailable.
pub async fn record_health(
    connection: &mut PgConnection,
    batch: &[&Settlement],
) -> Result<Vec<Standing>, StoreError> {
    let health = health_of(batch);
    let rows: Vec<(Uuid, i32, Option<DateTime<Utc>>)> = sqlx::query_as(
        "insert into subscription_health as health (subscription_id, last_success_at, last_failure_at,
             consecutive_failures, consecutive_exhausted, ended, delivered)
         select * from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::integer[], $5::integer[],
             $6::bigint[], $7::bigint[])
         on conflict (subscription_id) do update set
             last_success_at = greatest(health.last_success_at, excluded.last_success_at),
             last_failure_at = greatest(health.last_failure_at, excluded.last_failure_at),
             consecutive_failures = excluded.consecutive_failures
                 + case when excluded.last_success_at is null then health.consecutive_failures else 0 end,
             consecutive_exhausted = excluded.consecutive_exhausted
                 + case when excluded.last_success_at is null then health.consecutive_exhausted else 0 end,
             ended = health.ended + excluded.ended,
             delivered = health.delivered + excluded.delivered
         returning subscription_id, consecutive_exhausted, last_success_at",
    )
    .bind(health.keys().map(|id| id.as_uuid()).collect::<Vec<_>>())
    .bind(health.values().map(|one| one.last_success_at).collect::<Vec<_>>())
    .bind(health.values().map(|one| one.last_failure_at).collect::<Vec<_>>())
    .bind(health.values().map(|one| one.failures).collect::<Vec<_>>())
    .bind(health.values().map(|one| one.exhausted).collect::<Vec<_>>())
    .bind(health.values().map(|one| one.ended).collect::<Vec<_>>())
    .bind(health.values().map(|one| one.delivered).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, consecutive_exhausted, last_success_at)| Standing {
            subscription: SubscriptionId::new(id),
            consecutive_exhausted,
            last_success_at,
        })
        .collect())
}

/// Notes deliveries that ended without an attempt, or (as a negative number) that were brought back.
///
/// # Errors
/// When the database is unavailable.
pub async fn count_ended(
    connection: &mut PgConnection,
    counts: &BTreeMap<SubscriptionId, i64>,
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = counts.keys().map(|id| id.as_uuid()).collect();
    let counts: Vec<i64> = counts.values().copied().collect();
    sqlx::query!(
        "insert into subscription_health as health (subscription_id, ended)
         select * from unnest($1::uuid[], $2::bigint[])
         on conflict (subscription_id) do update set ended = health.ended + excluded.ended",
        &ids,
        &counts
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a subscription that is enabled again a fresh start.
///
/// # Errors
/// When the database is unavailable.
pub async fn forget_failures(
    connection: &mut PgConnection,
    subscription: SubscriptionId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update subscription_health set consecutive_failures = 0, consecutive_exhausted = 0
         where subscription_id = $1",
        subscription.as_uuid()
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ordered by subscription, so that two batches lock the same rows in the same order.
fn health_of(batch: &[&Settlement]) -> BTreeMap<SubscriptionId, Health> {
    let mut all: BTreeMap<SubscriptionId, Health> = BTreeMap::new();
    for one in batch {
        let health = all.entry(one.key.subscription).or_default();
        health.ended += i64::from(one.state != DeliveryState::Pending);
        match one.state {
            // What was too late says nothing about the receiver.
            _ if !one.attempted => {}
            DeliveryState::Delivered => {
                health.delivered += 1;
                health.last_success_at = health.last_success_at.max(Some(one.ended_at));
                (health.failures, health.exhausted) = (0, 0);
            }
            DeliveryState::Pending | DeliveryState::DeadLetter => {
                health.last_failure_at = health.last_failure_at.max(Some(one.ended_at));
                health.failures += 1;
                health.exhausted += i32::from(one.exhausted);
            }
            DeliveryState::SkippedDisabled | DeliveryState::Cancelled => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::tests::event;
    use crate::domain::subscription::tests::subscription;
    use chrono::TimeDelta;

    fn outcome(number: u128, second: i64, state: DeliveryState) -> Settlement {
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        Settlement {
            key: DeliveryKey {
                event: EventId::new(Uuid::from_u128(9)),
                subscription: SubscriptionId::new(Uuid::from_u128(number)),
            },
            event: Arc::new(event(1, "/leadwire/lead-intake", "lead.created")),
            subscription: Arc::new(subscription(&["*"])),
            attempt_id: Uuid::from_u128(1),
            attempts_before: 0,
            replay: 0,
            state,
            next_at: None,
            status: None,
            error: None,
            disable: false,
            exhausted: state == DeliveryState::DeadLetter,
            attempted: true,
            started_at: at,
            ended_at: at,
            duration_ms: 0,
            traceparent: None,
        }
    }

    #[test]
    fn a_success_forgets_the_failures_before_it() {
        let at = |second| Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(second));
        let batch = [
            outcome(1, 1, DeliveryState::Pending),
            outcome(1, 2, DeliveryState::Delivered),
            outcome(1, 3, DeliveryState::DeadLetter),
            outcome(2, 4, DeliveryState::Pending),
        ];
        let health = health_of(&batch.iter().collect::<Vec<_>>());
        let of = |id| health[&SubscriptionId::new(Uuid::from_u128(id))];
        assert_eq!(
            of(1),
            Health {
                last_success_at: at(2),
                last_failure_at: at(3),
                failures: 1,
                exhausted: 1,
                ended: 2,
                delivered: 1
            }
        );
        assert_eq!(
            of(2),
            Health {
                last_success_at: None,
                last_failure_at: at(4),
                failures: 1,
                exhausted: 0,
                ended: 0,
                delivered: 0
            }
        );
    }
}
