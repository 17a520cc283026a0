//! One write of an application: in one transaction, once for each idempotency key, within the month's quota.

use crate::state::State;
use crate::store::usage;
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use contracts::identity::{IngestFacts, Principal};
use platform::Fault;
use platform_pg::idempotency::{self, Claim, Claimed, Lifetime};
use platform_pg::outbox::{self, OutboxEntry, PendingEvent};
use platform_pg::{StoreError, within};
use sqlx::PgConnection;
use std::time::Duration;

/// Who writes.
#[derive(Clone, Debug)]
pub struct Application {
    pub principal: Principal,
    pub facts: IngestFacts,
}

impl Application {
    /// The connection that its workers are linked to, and the source of its events: `custom:<app>`.
    pub fn integration(&self) -> String {
        format!("custom:{}", self.facts.app.slug)
    }
}

/// What a caller is answered: bytes, because a repetition gets the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    pub replayed: bool,
}

/// What a write comes to, before it is committed.
#[derive(Debug)]
pub struct Written {
    pub status: u16,
    pub body: Vec<u8>,
    /// How many events it stored.
    pub events: usize,
    pub announced: Vec<PendingEvent>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the request is refused")]
    Refused(Box<Fault>),
    #[error("the month's quota would be passed")]
    Quota { resets_in: Duration },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("an event cannot be written as JSON")]
    Encode(#[from] serde_json::Error),
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Fault> for WriteError {
    fn from(fault: Fault) -> Self {
        Self::Refused(Box::new(fault))
    }
}

/// Writes, or answers what was answered to the same key in the last ten minutes, whatever is sent now. While the
/// first request with a key is being written, others wait for it.
pub async fn once(
    state: &State,
    application: &Application,
    key: Option<String>,
    write: impl AsyncFnOnce(&mut PgConnection, DateTime<Utc>) -> Result<Written, WriteError>,
) -> Result<Answer, WriteError> {
    let now = state.clock.now();
    // On the heap: it is large, and moved about.
    let work = Box::pin(async {
        let mut transaction = state.database.begin().await?;
        let mut fresh = None;
        if let Some(key) = key {
            let claim = Claim {
                scope: application.principal.credential.id.as_uuid(),
                key,
                fingerprint: None,
                lifetime: Lifetime::TEN_MINUTES,
            };
            match idempotency::claim(&mut transaction, &claim, now).await? {
                Claimed::Fresh(claimed) => fresh = Some(claimed),
                Claimed::Replay(stored) => {
                    let status = u16::try_from(stored.status).unwrap_or(200);
                    return Ok((Answer { status, body: stored.response, replayed: true }, Vec::new()));
                }
                // Nothing is compared, so nothing can differ.
                Claimed::Mismatch => return Err(Fault::internal("an unfingerprinted key mismatched").into()),
            }
        }
        let written = write(&mut transaction, now).await?;
        let entries = outbox::insert(&mut transaction, written.announced).await?;
        if let Some(fresh) = fresh {
            fresh.complete(&mut transaction, written.status, &written.body).await?;
        }
        if written.events > 0 {
            charge(&mut transaction, application, now, written.events).await?;
        }
        transaction.commit().await?;
        Ok((Answer { status: written.status, body: written.body, replayed: false }, entries))
    });
    let (answer, entries): (Answer, Vec<OutboxEntry>) = bounded(work).await?;
    state.relay.hand_over(entries);
    Ok(answer)
}

/// A hanging database is told from a slow one.
async fn bounded<T>(work: impl Future<Output = Result<T, WriteError>>) -> Result<T, WriteError> {
    within(platform_pg::bounded::LIMIT, async { Ok::<_, StoreError>(work.await) }).await?
}

/// Refuses early what the quota has no room for; [`once`] decides in the end.
pub async fn check_quota(
    connection: &mut PgConnection,
    application: &Application,
    now: DateTime<Utc>,
    events: usize,
) -> Result<(), WriteError> {
    let (month, resets_in) = month_of(now);
    let used = usage::used(connection, application.principal.organization.id, month).await?;
    if used.saturating_add(count(events)) > application.facts.monthly_event_quota {
        return Err(WriteError::Quota { resets_in });
    }
    Ok(())
}

async fn charge(
    connection: &mut PgConnection,
    application: &Application,
    now: DateTime<Utc>,
    events: usize,
) -> Result<(), WriteError> {
    let (month, resets_in) = month_of(now);
    let organization = application.principal.organization.id;
    let quota = application.facts.monthly_event_quota;
    if usage::charge(connection, organization, month, count(events), quota).await? {
        Ok(())
    } else {
        Err(WriteError::Quota { resets_in })
    }
}

fn count(events: usize) -> i64 {
    i64::try_from(events).unwrap_or(i64::MAX)
}

/// The calendar month, and how long it still lasts.
pub fn month_of(now: DateTime<Utc>) -> (NaiveDate, Duration) {
    let day = now.date_naive();
    let first = day.with_day(1).unwrap_or(day);
    let next = (first + Months::new(1)).and_time(NaiveTime::MIN).and_utc();
    (first, (next - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let (month, left) = month_of(Utc.with_ymd_and_hms(2026, 12, 31, 23, 59, 30).unwrap());
        assert_eq!(month, NaiveDate::from_ymd_opt(2026, 12, 1).unwrap());
        assert_eq!(left, Duration::from_secs(30));
    }
}
