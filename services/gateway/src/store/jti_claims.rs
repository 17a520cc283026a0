//! Single-use tokens: the one authority on which `jti` was used before.

use chrono::{DateTime, Utc};
use contracts::ids::CredentialId;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, ready};
use platform::clock::Clock;
use platform::lifecycle::Tasks;
use platform_pg::bounded::LIMIT;
use platform_pg::{GroupWrite, Kept, StoreError, within};
use sqlx::PgPool;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Rows that one statement of the purge deletes.
const PURGE_BATCH: i64 = 5_000;

/// Of so many claims the commit is waited for at once: their requests wait for a processor rather than for the disk, and
/// a statement less is worth more to them.
const CROWD: usize = 4;

/// A token that is about to be used.
#[derive(Clone, Debug)]
pub struct JtiClaim {
    pub credential_id: CredentialId,
    /// SHA-256 of the `jti`.
    pub jti: [u8; 32],
    /// From when the token is refused anyway.
    pub expires_at: DateTime<Utc>,
}

/// What is known of a claim: at once whether it holds, and later that it is durable.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Whether this is the first use of the token.
    pub is_first: bool,
    pub claim: Claim,
}

/// A claim on its way to the disk, with others. The request is not answered before it is there.
#[derive(Clone, Debug)]
pub struct Claim(Shared<BoxFuture<'static, Result<(), StoreError>>>);

impl Claim {
    /// Waits until no crash can take it back.
    ///
    /// # Errors
    /// When the database is unavailable. Nobody knows then whether the token can be used again.
    pub async fn durable(self) -> Result<(), StoreError> {
        self.0.await
    }
}

/// Claims tokens in groups.
#[derive(Clone, Debug)]
pub struct ClaimJtis {
    connection: Kept,
    clock: Clock,
    tasks: Tasks,
    /// Of one flush at a time: each holds a connection, and when the disk stalls they must not hold all of them.
    flush: Arc<Semaphore>,
}

impl ClaimJtis {
    pub fn new(database: PgPool, clock: Clock, tasks: Tasks) -> Self {
        Self { connection: Kept::new(database), clock, tasks, flush: Arc::new(Semaphore::new(1)) }
    }
}

impl GroupWrite for ClaimJtis {
    type Item = JtiClaim;
    type Outcome = Claimed;
    type Key = (CredentialId, [u8; 32]);

    fn key(item: &JtiClaim) -> Self::Key {
        (item.credential_id, item.jti)
    }

    async fn write(&self, items: &[JtiClaim]) -> Result<Vec<Claimed>, StoreError> {
        let mut connection = self.connection.take().await?;
        let credentials: Vec<Uuid> = items.iter().map(|item| item.credential_id.as_uuid()).collect();
        let jtis: Vec<Vec<u8>> = items.iter().map(|item| item.jti.to_vec()).collect();
        let expiries: Vec<DateTime<Utc>> = items.iter().map(|item| item.expires_at).collect();
        let alone = if items.len() < CROWD { self.flush.clone().try_acquire_owned().ok() } else { None };
        // Ordered, so that two batches of the same tokens wait for each other instead of deadlocking.
        let claimed = sqlx::query!(
            "with later as materialized (select set_config('synchronous_commit', 'off', true) where $5)
             insert into jti_claims (credential_id, jti, expires_at)
             select token.* from unnest($1::uuid[], $2::bytea[], $3::timestamptz[]) as token left join later on true
             order by 1, 2
             on conflict (credential_id, jti) do update set expires_at = excluded.expires_at
                 where jti_claims.expires_at <= $4
             returning credential_id, jti",
            &credentials,
            &jtis,
            &expiries,
            self.clock.now(),
            alone.is_some()
        )
        .fetch_all(&mut *connection)
        .await?;
        let claim = if let Some(permit) = alone {
            let kept = self.connection.clone();
            let flushed = within(LIMIT, async move {
                platform_pg::flush(&mut connection).await?;
                kept.keep(connection);
                drop(permit);
                Ok::<_, StoreError>(())
            });
            let claim = Claim(flushed.boxed().shared());
            self.tasks.spawn("jti flush", claim.clone().durable().map(drop));
            claim
        } else {
            self.connection.keep(connection);
            Claim(ready(Ok(())).boxed().shared())
        };
        let claimed: HashSet<_> = claimed.into_iter().map(|row| (row.credential_id, row.jti)).collect();
        let keys = credentials.into_iter().zip(jtis);
        Ok(keys.map(|key| Claimed { is_first: claimed.contains(&key), claim: claim.clone() }).collect())
    }
}

/// Deletes tokens that have expired, for all credentials, in small statements. The answer is how many.
///
/// # Errors
/// When the database is unavailable.
pub async fn purge(database: &PgPool, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut total = 0;
    loop {
        let deleted = sqlx::query!(
            "delete from jti_claims where (credential_id, jti) in
                 (select credential_id, jti from jti_claims where expires_at <= $1 limit $2 for update skip locked)",
            now,
            PURGE_BATCH
        )
        .execute(database)
        .await?
        .rows_affected();
        total += deleted;
        if deleted < PURGE_BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use contracts::Service;
    use platform::lifecycle::Process;
    use testkit::TestDatabase;

    async fn first_uses(claims: &ClaimJtis, items: &[JtiClaim]) -> Vec<bool> {
        let claimed = claims.write(items).await.unwrap();
        claimed.into_iter().map(|claimed| claimed.is_first).collect()
    }

    #[tokio::test]
    async fn a_claim_is_durable_when_it_says_so() {
        let database = TestDatabase::create(Service::Gateway).await;
        let Process { clock, tasks, .. } = testkit::process();
        let pool = database.pool();
        let lsn = async |of: &'static str| -> i64 {
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select ({of}() - '0/0')::bigint")))
                .fetch_one(&pool)
                .await
                .unwrap()
        };
        let claims = ClaimJtis::new(pool.clone(), clock.clone(), tasks);
        for (count, is_flushing) in [(1, false), (CROWD, false), (1, true)] {
            let _other = is_flushing.then(|| claims.flush.clone().try_acquire_owned().unwrap());
            let credential_id = CredentialId::new(testkit::unique_id());
            let item = |index| JtiClaim {
                credential_id,
                jti: [index; 32],
                expires_at: clock.now() + TimeDelta::seconds(60),
            };
            let items: Vec<_> = (0..u8::try_from(count).unwrap()).map(item).collect();
            let before = lsn("pg_current_wal_insert_lsn").await;
            let claimed = claims.write(&items).await.unwrap().remove(0);
            assert!(claimed.is_first);
            claimed.claim.durable().await.unwrap();
            // The claim's records are more than a hundred bytes of log.
            assert!(lsn("pg_current_wal_flush_lsn").await > before + 100);
        }
    }

    #[tokio::test]
    async fn a_purge_forgets_what_has_expired_and_nothing_else() {
        let database = TestDatabase::create(Service::Gateway).await;
        let Process { clock, tasks, .. } = testkit::process();
        let claims = ClaimJtis::new(database.pool(), clock.clone(), tasks);
        let claim = |jti: u8, lives: i64| JtiClaim {
            credential_id: CredentialId::new(Uuid::from_u128(1)),
            jti: [jti; 32],
            expires_at: clock.now() + TimeDelta::seconds(lives),
        };
        let items = [claim(1, 60), claim(2, 120), claim(3, 60)];
        assert_eq!(first_uses(&claims, &items).await, [true, true, true]);
        assert_eq!(first_uses(&claims, &[claim(4, 60), claim(2, 60)]).await, [true, false]);
        clock.advance(TimeDelta::seconds(60));
        assert_eq!(purge(&database.pool(), clock.now()).await.unwrap(), 3);
        assert_eq!(first_uses(&claims, &[claim(1, 60), claim(2, 60)]).await, [true, false]);
    }
}
