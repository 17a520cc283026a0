//! What is let go when it is old: whole weeks of events and deliveries, and what is left of deleted things.

use super::announce::Announcements;
use crate::state::State;
use crate::store::{RETAINED, deliveries, events, gone, messages, recoveries, settlements};
use chrono::{DateTime, Days, Utc};
use contracts::ids::SubscriptionId;
use contracts::webhook::DeadLetterReason;
use platform::clock::Clock;
use platform::ids::{IdSource, floor};
use platform::lifecycle::{Shutdown, Tasks};
use platform_pg::StoreError;
use platform_pg::retention::{self, Expired, Settle, Settled};
use sqlx::PgConnection;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// How often what is left of deleted things is looked through.
const INTERVAL: Duration = Duration::from_hours(1);
/// Longer than deliveries are kept, so that nothing refers to what is forgotten.
const FORGOTTEN_AFTER: Days = Days::new(60);

/// Runs both until the shutdown begins.
pub fn start(state: &State, tasks: &Tasks, shutdown: &Shutdown) {
    let settle = EndOpen { clock: state.clock.clone(), ids: state.ids.clone() };
    retention::start(&state.database, RETAINED, settle, state.clock.clone(), tasks, shutdown);
    let (state, shutdown) = (state.clone(), shutdown.clone());
    tasks.spawn("forgetting", async move {
        while shutdown.sleep(INTERVAL).await {
            if let Err(error) = forget(&state).await {
                tracing::warn!(%error, "deleted subscriptions are not forgotten yet, trying again");
            }
        }
    });
}

async fn forget(state: &State) -> Result<(), StoreError> {
    let before = state.clock.now() - FORGOTTEN_AFTER;
    let mut connection = state.database.acquire().await?;
    recoveries::forget(&mut connection, before).await?;
    let forgotten = gone::forget(&mut connection, before).await?;
    if forgotten > 0 {
        tracing::info!(forgotten, "deleted subscriptions forgotten");
    }
    Ok(())
}

/// Gives deliveries up whose events are let go, and says so.
#[derive(Clone, Debug)]
pub struct EndOpen {
    pub clock: Clock,
    pub ids: IdSource,
}

impl Settle for EndOpen {
    async fn settle(&self, connection: &mut PgConnection, expired: &Expired) -> Result<Settled, StoreError> {
        let bounds = (floor(expired.time.start), floor(expired.time.end));
        match expired.table {
            deliveries::TABLE => self.end_open(connection, bounds).await,
            // Their deliveries go first.
            events::TABLE => {
                let settled = self.end_waiting(connection, bounds).await?;
                let left_open = deliveries::any_open(connection, bounds).await?;
                Ok(Settled { settled, left_open: left_open || settled >= messages::BATCH.unsigned_abs() })
            }
            _ => Ok(Settled::default()),
        }
    }
}

impl EndOpen {
    /// Messages that waited for a subscription to the end.
    async fn end_waiting(
        &self,
        connection: &mut PgConnection,
        bounds: (Uuid, Uuid),
    ) -> Result<u64, StoreError> {
        let ended = messages::lapse_between(connection, bounds).await?;
        if ended.is_empty() {
            return Ok(0);
        }
        let mut announcements = Announcements::with(self.clock.clone(), self.ids.clone());
        let count = ended.len() as u64;
        announcements.ended(connection, ended).await?;
        announcements.write(connection).await?;
        Ok(count)
    }

    async fn end_open(
        &self,
        connection: &mut PgConnection,
        bounds: (Uuid, Uuid),
    ) -> Result<Settled, StoreError> {
        let now: DateTime<Utc> = self.clock.now();
        let ended = deliveries::expire(connection, bounds, now).await?;
        if ended.is_empty() {
            return Ok(Settled::default());
        }
        let mut ids: Vec<Uuid> = ended.iter().map(|one| one.key.event.as_uuid()).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = events::find(connection, &ids).await?;
        let mut announcements = Announcements::with(self.clock.clone(), self.ids.clone());
        let mut counts: BTreeMap<SubscriptionId, i64> = BTreeMap::new();
        for one in &ended {
            *counts.entry(one.key.subscription).or_default() += 1;
            if let Some(event) = found.iter().find(|event| event.id == one.key.event) {
                let status = one.last_status.and_then(|status| u16::try_from(status).ok());
                let reason = DeadLetterReason::Expired;
                announcements.given_up(event, one.organization, one.key, one.attempts, status, reason);
            }
        }
        announcements.ended(connection, ended.iter().map(|one| one.key.event)).await?;
        settlements::count_ended(connection, &counts).await?;
        announcements.write(connection).await?;
        let settled = ended.len() as u64;
        Ok(Settled { settled, left_open: settled >= deliveries::BATCH.unsigned_abs() })
    }
}
