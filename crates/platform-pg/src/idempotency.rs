//! What was answered before: the rows that make a request have one effect however often it is sent.
//!
//! A key is claimed and its answer stored in the transaction of the effect, so that only committed outcomes
//! are ever replayed and Redis has no say. A concurrent duplicate waits for the first: it replays what that
//! commits, and takes over when that is rolled back. Group-committed writes claim within their own statement
//! (`insert … on conflict do nothing`) and read back with [`find_all`].
//!
//! An answer is a status and bytes; every surface's content type follows from its dialect.

use crate::bounded::{LIMIT, within};
use crate::error::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use platform::clock::Clock;
use platform::lifecycle::{Shutdown, Tasks};
use sqlx::{FromRow, PgConnection, PgPool};
use std::collections::HashMap;
use std::time::Duration;
use uuid::Uuid;

const PURGE_INTERVAL: Duration = Duration::from_mins(1);
/// Rows that one statement of the purge deletes.
const PURGE_BATCH: i64 = 1_000;

/// For how long the first answer is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Partner leads.
    ForEver,
    Limited(TimeDelta),
}

impl Lifetime {
    /// CRM writes.
    pub const DAY: Self = Self::Limited(TimeDelta::days(1));
    /// Ingest batches.
    pub const TEN_MINUTES: Self = Self::Limited(TimeDelta::minutes(10));

    /// When a row that is claimed now expires. For statements that claim by themselves.
    pub fn expires_at(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::ForEver => None,
            Self::Limited(time) => Some(now + time),
        }
    }
}

/// A request that must have one effect.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose key it is: an organisation or a credential.
    pub scope: Uuid,
    pub key: String,
    /// SHA-256 of what must be the same at a repetition. `None` replays whatever is sent.
    pub fingerprint: Option<[u8; 32]>,
    pub lifetime: Lifetime,
}

/// What a claim comes to.
#[derive(Debug)]
pub enum Claimed {
    /// The first, or the first since the earlier one expired. Do the work, then [`Fresh::complete`] it.
    Fresh(Fresh),
    /// It was done before: this is the answer.
    Replay(Stored),
    /// The key was used before for something else.
    Mismatch,
}

/// A key that this transaction holds until it ends.
#[derive(Debug)]
#[must_use = "a claim that is committed without an answer cannot be replayed"]
pub struct Fresh {
    scope: Uuid,
    key: String,
}

/// A stored outcome.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Stored {
    /// Of the request that had the effect; empty where none is compared.
    pub fingerprint: Vec<u8>,
    /// The HTTP status that it was answered with.
    pub status: i16,
    /// The exact bytes of the answer.
    pub response: Vec<u8>,
}

impl Stored {
    /// Whether a request with this fingerprint is a repetition of the one that had the effect.
    pub fn is_of(&self, fingerprint: Option<&[u8; 32]>) -> bool {
        fingerprint.is_none_or(|fingerprint| self.fingerprint == fingerprint)
    }
}

/// Claims a key in the caller's transaction. Waits for another transaction that holds the same key, for as
/// long as the connection's `lock_timeout` allows.
///
/// # Errors
/// When the database is unavailable, or the wait was too long.
pub async fn claim(
    connection: &mut PgConnection,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<Claimed, StoreError> {
    let fresh = sqlx::query(
        "insert into idempotency (scope, key, fingerprint, status, response, expires_at)
         values ($1, $2, $3, 0, '', $4)
         on conflict (scope, key) do update
             set fingerprint = excluded.fingerprint, status = 0, response = '', expires_at = excluded.expires_at
             where idempotency.expires_at <= $5",
    )
    .bind(claim.scope)
    .bind(&claim.key)
    .bind(claim.fingerprint.as_ref().map_or(&[][..], |fingerprint| fingerprint))
    .bind(claim.lifetime.expires_at(now))
    .bind(now)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if fresh == 1 {
        return Ok(Claimed::Fresh(Fresh { scope: claim.scope, key: claim.key.clone() }));
    }
    // The conflict has locked the row: no purge removes it before this reads it.
    let stored: Stored =
        sqlx::query_as("select fingerprint, status, response from idempotency where scope = $1 and key = $2")
            .bind(claim.scope)
            .bind(&claim.key)
            .fetch_one(connection)
            .await?;
    if stored.status == 0 {
        return Err(StoreError::inconsistent(format!("key {} was committed without an answer", claim.key)));
    }
    Ok(if stored.is_of(claim.fingerprint.as_ref()) { Claimed::Replay(stored) } else { Claimed::Mismatch })
}

impl Fresh {
    /// Stores the answer, before the commit.
    ///
    /// # Errors
    /// When the status is not a success (those are not replayed: roll back), or the database is unavailable.
    pub async fn complete(
        self,
        connection: &mut PgConnection,
        status: u16,
        response: &[u8],
    ) -> Result<(), StoreError> {
        let status =
            i16::try_from(status).ok().filter(|status| (200..400).contains(status)).ok_or_else(|| {
                StoreError::inconsistent(format!("status {status} is not one that is replayed"))
            })?;
        sqlx::query("update idempotency set status = $3, response = $4 where scope = $1 and key = $2")
            .bind(self.scope)
            .bind(self.key)
            .bind(status)
            .bind(response)
            .execute(connection)
            .await?;
        Ok(())
    }
}

#[derive(FromRow)]
struct StoredRow {
    scope: Uuid,
    key: String,
    #[sqlx(flatten)]
    stored: Stored,
}

/// The outcomes under keys, for those that are taken.
///
/// # Errors
/// When the database is unavailable.
pub async fn find_all(
    connection: &mut PgConnection,
    keys: &[(Uuid, String)],
) -> Result<HashMap<(Uuid, String), Stored>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (scopes, keys): (Vec<Uuid>, Vec<&str>) =
        keys.iter().map(|(scope, key)| (*scope, key.as_str())).unzip();
    let rows: Vec<StoredRow> = sqlx::query_as(
        "select scope, key, fingerprint, status, response
         from unnest($1::uuid[], $2::text[]) as wanted (scope, key) join idempotency using (scope, key)",
    )
    .bind(scopes)
    .bind(keys)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.scope, row.key), row.stored)).collect())
}

/// Deletes what has expired, in small statements. The answer is how many rows.
///
/// # Errors
/// When the database is unavailable.
pub async fn purge(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let statement = sqlx::query(
            "delete from idempotency where (scope, key) in
                 (select scope, key from idempotency where expires_at <= $1 limit $2 for update skip locked)",
        );
        let deleted =
            within(LIMIT, statement.bind(now).bind(PURGE_BATCH).execute(pool)).await?.rows_affected();
        metrics::counter!("leadwire_idempotency_purged_total").increment(deleted);
        total += deleted;
        if deleted < PURGE_BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

/// Purges every minute until the shutdown. Needed where keys do not live for ever.
pub fn purge_regularly(pool: &PgPool, clock: Clock, tasks: &Tasks, shutdown: &Shutdown) {
    let (pool, shutdown) = (pool.clone(), shutdown.clone());
    tasks.spawn("idempotency purge", async move {
        while shutdown.sleep(PURGE_INTERVAL).await {
            // What is deleted is committed batch by batch: a shutdown may interrupt at any point.
            if let Some(Err(error)) = shutdown.or(purge(&pool, clock.now())).await {
                tracing::warn!(%error, "idempotency: not purged, trying again");
            }
        }
    });
}
