//! Leases of shards, on the database's clock, and the replicas that divide them.

use crate::domain::shard::Shards;
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// Says that a replica lives, forgets those whose time has run out, and counts the living.
///
/// # Errors
/// When the database is unavailable.
pub async fn register(
    connection: &mut PgConnection,
    replica: Uuid,
    ttl: Duration,
) -> Result<u32, StoreError> {
    sqlx::query!(
        "insert into replicas (id, expires_at) values ($1, now() + make_interval(secs => $2))
         on conflict (id) do update set expires_at = excluded.expires_at",
        replica,
        ttl.as_secs_f64()
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from replicas where id in (
             select id from replicas where expires_at <= now() order by id for update skip locked
         )"
    )
    .execute(&mut *connection)
    .await?;
    let living = sqlx::query_scalar!(r#"select count(*) as "count!" from replicas where expires_at > now()"#)
        .fetch_one(connection)
        .await?;
    Ok(u32::try_from(living).unwrap_or(u32::MAX))
}

/// Gives shards back.
///
/// # Errors
/// When the database is unavailable.
pub async fn release(connection: &mut PgConnection, replica: Uuid, shards: Shards) -> Result<(), StoreError> {
    sqlx::query!(
        "update shard_leases set owner = null, expires_at = '-infinity' where owner = $1 and shard = any($2)",
        replica,
        &numbers(shards)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Renews what a replica holds, and says what that is. A lease that has run out is lost.
///
/// # Errors
/// When the database is unavailable.
pub async fn renew(
    connection: &mut PgConnection,
    replica: Uuid,
    ttl: Duration,
) -> Result<Shards, StoreError> {
    let held = sqlx::query_scalar!(
        "update shard_leases set expires_at = now() + make_interval(secs => $2)
         where owner = $1 and expires_at > now() returning shard",
        replica,
        ttl.as_secs_f64()
    )
    .fetch_all(connection)
    .await?;
    Ok(shards(held))
}

/// Takes up to `count` shards that nobody holds, and says which.
///
/// # Errors
/// When the database is unavailable.
pub async fn acquire(
    connection: &mut PgConnection,
    replica: Uuid,
    ttl: Duration,
    count: u32,
) -> Result<Shards, StoreError> {
    let acquired = sqlx::query_scalar!(
        "update shard_leases set owner = $1, expires_at = now() + make_interval(secs => $2)
         where shard in (
             select shard from shard_leases where owner is null or expires_at <= now()
             order by shard limit $3 for update skip locked
         ) returning shard",
        replica,
        ttl.as_secs_f64(),
        i64::from(count)
    )
    .fetch_all(connection)
    .await?;
    Ok(shards(acquired))
}

/// How long until the first lease of another replica runs out, if one does.
///
/// # Errors
/// When the database is unavailable.
pub async fn next_expiry(
    connection: &mut PgConnection,
    replica: Uuid,
) -> Result<Option<Duration>, StoreError> {
    let seconds = sqlx::query_scalar!(
        r#"select extract(epoch from min(expires_at) - now())::float8 as "seconds?"
         from shard_leases where owner <> $1"#,
        replica
    )
    .fetch_one(connection)
    .await?;
    Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

/// Forgets a replica that stops.
///
/// # Errors
/// When the database is unavailable.
pub async fn leave(connection: &mut PgConnection, replica: Uuid) -> Result<(), StoreError> {
    sqlx::query!("delete from replicas where id = $1", replica).execute(connection).await?;
    Ok(())
}

fn numbers(shards: Shards) -> Vec<i16> {
    shards.iter().map(i16::from).collect()
}

fn shards(numbers: Vec<i16>) -> Shards {
    numbers.into_iter().filter_map(|number| u8::try_from(number).ok()).collect()
}
