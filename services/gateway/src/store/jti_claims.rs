//! Single-use tokens: the one authority on which `jti` was used before.

use chrono::{DateTime, Utc};
use contracts::ids::CredentialId;
use platform::clock::Clock;
use platform_pg::{GroupWrite, StoreError};
use sqlx::PgPool;
use std::collections::HashSet;
use uuid::Uuid;

/// Rows that one statement of the purge deletes.
const PURGE_BATCH: i64 = 5_000;

/// A token that is about to be used.
#[derive(Clone, Debug)]
pub struct JtiClaim {
    pub credential_id: CredentialId,
    /// SHA-256 of the `jti`.
    pub jti: [u8; 32],
    /// From when the token is refused anyway.
    pub expires_at: DateTime<Utc>,
}

/// Claims tokens in groups. The outcome is true for the first use.
#[derive(Clone, Debug)]
pub struct ClaimJtis {
    database: PgPool,
    clock: Clock,
}

impl ClaimJtis {
    pub const fn new(database: PgPool, clock: Clock) -> Self {
        Self { database, clock }
    }
}

impl GroupWrite for ClaimJtis {
    type Item = JtiClaim;
    type Outcome = bool;
    type Key = (CredentialId, [u8; 32]);

    fn key(item: &JtiClaim) -> Self::Key {
        (item.credential_id, item.jti)
    }

    async fn write(&self, items: &[JtiClaim]) -> Result<Vec<bool>, StoreError> {
        let credentials: Vec<Uuid> = items.iter().map(|item| item.credential_id.as_uuid()).collect();
        let jtis: Vec<Vec<u8>> = items.iter().map(|item| item.jti.to_vec()).collect();
        let expiries: Vec<DateTime<Utc>> = items.iter().map(|item| item.expires_at).collect();
        // Ordered, so that two batches of the same tokens wait for each other instead of deadlocking.
        let claimed = sqlx::query!(
            "insert into jti_claims (credential_id, jti, expires_at)
             select * from unnest($1::uuid[], $2::bytea[], $3::timestamptz[]) order by 1, 2
             on conflict (credential_id, jti) do update set expires_at = excluded.expires_at
                 where jti_claims.expires_at <= $4
             returning credential_id, jti",
            &credentials,
            &jtis,
            &expiries,
            self.clock.now()
        )
        .fetch_all(&self.database)
        .await?;
        let claimed: HashSet<_> = claimed.into_iter().map(|row| (row.credential_id, row.jti)).collect();
        Ok(credentials.into_iter().zip(jtis).map(|key| claimed.contains(&key)).collect())
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
    use testkit::TestDatabase;

    #[tokio::test]
    async fn a_purge_forgets_what_has_expired_and_nothing_else() {
        let database = TestDatabase::create(Service::Gateway).await;
        let clock = testkit::process().clock;
        let claims = ClaimJtis::new(database.pool(), clock.clone());
        let claim = |jti: u8, lives: i64| JtiClaim {
            credential_id: CredentialId::new(Uuid::from_u128(1)),
            jti: [jti; 32],
            expires_at: clock.now() + TimeDelta::seconds(lives),
        };
        let items = [claim(1, 60), claim(2, 120), claim(3, 60)];
        assert_eq!(claims.write(&items).await.unwrap(), [true, true, true]);
        assert_eq!(claims.write(&[claim(4, 60), claim(2, 60)]).await.unwrap(), [true, false]);
        clock.advance(TimeDelta::seconds(60));
        assert_eq!(purge(&database.pool(), clock.now()).await.unwrap(), 3);
        assert_eq!(claims.write(&[claim(1, 60), claim(2, 60)]).await.unwrap(), [true, false]);
    }
}
