//! A request has one effect, however often and however concurrently it is sent.

use crate::until_blocked;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::Service;
use futures_util::future::join_all;
use platform::clock::Clock;
use platform_pg::StoreError;
use platform_pg::idempotency::{Claim, Claimed, Lifetime, Stored, claim, find_all, purge};
use sqlx::{Executor, PgPool};
use testkit::TestDatabase;
use uuid::Uuid;

const PRINT: [u8; 32] = [7; 32];
const OTHER_PRINT: [u8; 32] = [8; 32];

fn request(fingerprint: Option<[u8; 32]>, lifetime: Lifetime) -> Claim {
    Claim { scope: Uuid::from_u128(1), key: "key".to_owned(), fingerprint, lifetime }
}

async fn start() -> (TestDatabase, PgPool, Clock) {
    let database = TestDatabase::create(Service::CrmResources).await;
    let pool = database.pool();
    pool.execute("create table effects (by_whom bigint)").await.unwrap();
    (database, pool, testkit::process().clock)
}

/// A use case: one effect and its answer, or the answer of before.
async fn act(
    pool: &PgPool,
    request: &Claim,
    by_whom: i64,
    now: DateTime<Utc>,
) -> Result<Claimed, StoreError> {
    let mut transaction = pool.begin().await?;
    let claimed = claim(&mut transaction, request, now).await?;
    let Claimed::Fresh(fresh) = claimed else { return Ok(claimed) };
    sqlx::query("insert into effects values ($1)").bind(by_whom).execute(&mut *transaction).await?;
    fresh.complete(&mut transaction, 201, format!("done by {by_whom}").as_bytes()).await?;
    transaction.commit().await?;
    Ok(Claimed::Replay(Stored {
        fingerprint: Vec::new(),
        status: 201,
        response: format!("done by {by_whom}").into_bytes(),
    }))
}

fn answer(claimed: Claimed) -> String {
    let Claimed::Replay(stored) = claimed else { unreachable!("{claimed:?}") };
    assert_eq!(stored.status, 201);
    String::from_utf8(stored.response).unwrap()
}

async fn effects(pool: &PgPool) -> Vec<i64> {
    sqlx::query_scalar("select by_whom from effects order by 1").fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn the_first_answer_is_replayed_and_another_body_is_told_apart_where_bodies_count() {
    let (_database, pool, clock) = start().await;
    let first = request(Some(PRINT), Lifetime::ForEver);
    assert_eq!(answer(act(&pool, &first, 1, clock.now()).await.unwrap()), "done by 1");
    assert_eq!(answer(act(&pool, &first, 2, clock.now()).await.unwrap()), "done by 1");
    let other = request(Some(OTHER_PRINT), Lifetime::ForEver);
    assert!(matches!(act(&pool, &other, 3, clock.now()).await.unwrap(), Claimed::Mismatch));
    let whatever = request(None, Lifetime::ForEver);
    assert_eq!(answer(act(&pool, &whatever, 4, clock.now()).await.unwrap()), "done by 1");
    let elsewhere = Claim { scope: Uuid::from_u128(2), ..first };
    assert_eq!(answer(act(&pool, &elsewhere, 5, clock.now()).await.unwrap()), "done by 5");
    assert_eq!(effects(&pool).await, [1, 5]);
}

#[tokio::test]
async fn a_key_is_free_again_when_its_time_is_over_and_not_a_microsecond_before() {
    for (lifetime, time) in [
        (Lifetime::TEN_MINUTES, Some(TimeDelta::minutes(10))),
        (Lifetime::DAY, Some(TimeDelta::hours(24))),
        (Lifetime::ForEver, None),
    ] {
        let (_database, pool, clock) = start().await;
        act(&pool, &request(None, lifetime), 1, clock.now()).await.unwrap();
        clock.advance(time.unwrap_or(TimeDelta::days(10_000)) - TimeDelta::microseconds(1));
        assert_eq!(answer(act(&pool, &request(None, lifetime), 2, clock.now()).await.unwrap()), "done by 1");
        clock.advance(TimeDelta::microseconds(1));
        let after = act(&pool, &request(Some(OTHER_PRINT), lifetime), 3, clock.now()).await.unwrap();
        if time.is_some() {
            assert_eq!(answer(after), "done by 3", "{lifetime:?}");
        } else {
            assert!(matches!(after, Claimed::Mismatch));
        }
    }
}

#[tokio::test]
async fn of_many_at_once_one_has_the_effect_and_all_get_its_answer() {
    let (_database, pool, clock) = start().await;
    let request = request(Some(PRINT), Lifetime::DAY);
    let answers =
        join_all((0..40).map(async |n| answer(act(&pool, &request, n, clock.now()).await.unwrap()))).await;
    let effects = effects(&pool).await;
    assert_eq!(effects.len(), 1);
    assert!(answers.iter().all(|answer| *answer == format!("done by {}", effects[0])));
}

#[tokio::test]
async fn a_duplicate_waits_for_the_first_and_takes_over_when_that_is_rolled_back() {
    let (_database, pool, clock) = start().await;
    for (commit, expected) in [(true, "done by 1"), (false, "done by 2")] {
        let request = Claim { key: format!("{commit}"), ..request(Some(PRINT), Lifetime::DAY) };
        let mut first = pool.begin().await.unwrap();
        let Claimed::Fresh(fresh) = claim(&mut first, &request, clock.now()).await.unwrap() else {
            unreachable!("nobody was before")
        };
        fresh.complete(&mut first, 201, b"done by 1").await.unwrap();
        let (second, ()) = tokio::join!(act(&pool, &request, 2, clock.now()), async {
            until_blocked(&pool, 1).await;
            if commit { first.commit().await.unwrap() } else { first.rollback().await.unwrap() }
        });
        assert_eq!(answer(second.unwrap()), expected);
    }
}

#[tokio::test]
async fn expired_keys_are_taken_over_by_one_of_many_too() {
    let (_database, pool, clock) = start().await;
    let request = request(Some(PRINT), Lifetime::TEN_MINUTES);
    act(&pool, &request, 1, clock.now()).await.unwrap();
    clock.advance(TimeDelta::minutes(11));
    let (answers, purged) = tokio::join!(
        join_all((2..30).map(async |n| answer(act(&pool, &request, n, clock.now()).await.unwrap()))),
        purge(&pool, clock.now())
    );
    assert!(purged.unwrap() <= 1);
    let effects = effects(&pool).await;
    assert_eq!(effects.len(), 2);
    assert!(answers.iter().all(|answer| *answer == format!("done by {}", effects[1])));
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_unavailable() {
    let (_database, pool, clock) = start().await;
    let request = request(None, Lifetime::DAY);
    let mut first = pool.begin().await.unwrap();
    let Claimed::Fresh(_held) = claim(&mut first, &request, clock.now()).await.unwrap() else {
        unreachable!("nobody was before")
    };
    let mut second = pool.begin().await.unwrap();
    second.execute("set local lock_timeout = '50ms'").await.unwrap();
    assert!(claim(&mut second, &request, clock.now()).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn refusals_are_never_stored_and_a_claim_without_an_answer_is_no_replay() {
    let (_database, pool, clock) = start().await;
    let request = request(None, Lifetime::DAY);
    for status in [0, 199, 400, 422, 503] {
        let mut transaction = pool.begin().await.unwrap();
        let Claimed::Fresh(fresh) = claim(&mut transaction, &request, clock.now()).await.unwrap() else {
            unreachable!("nothing was committed")
        };
        assert!(fresh.complete(&mut transaction, status, b"no").await.is_err());
    }
    let mut transaction = pool.begin().await.unwrap();
    let Claimed::Fresh(_forgotten) = claim(&mut transaction, &request, clock.now()).await.unwrap() else {
        unreachable!("nothing was committed")
    };
    transaction.commit().await.unwrap();
    assert!(matches!(act(&pool, &request, 1, clock.now()).await, Err(StoreError::Refused(_))));
}

#[tokio::test]
async fn the_purge_takes_what_has_expired_and_nothing_else() {
    let (_database, pool, clock) = start().await;
    sqlx::query(
        "insert into idempotency (scope, key, fingerprint, status, response, expires_at)
         select gen_random_uuid(), n::text, '', 200, '',
             case n % 3 when 0 then null when 1 then $1 else $1 + interval '1 microsecond' end
         from generate_series(1, 6000) as n",
    )
    .bind(clock.now())
    .execute(&pool)
    .await
    .unwrap();
    let (one, two) = tokio::join!(purge(&pool, clock.now()), purge(&pool, clock.now()));
    assert_eq!(one.unwrap() + two.unwrap(), 2_000);
    let left: i64 = sqlx::query_scalar("select count(*) from idempotency").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 4_000);
}

#[tokio::test]
async fn many_outcomes_are_read_at_once() {
    let (_database, pool, clock) = start().await;
    let keys: Vec<_> = (0..10).map(|n| (Uuid::from_u128(1), n.to_string())).collect();
    for (n, (scope, key)) in (0..).zip(&keys).step_by(2) {
        let claim = Claim { scope: *scope, key: key.clone(), ..request(Some(PRINT), Lifetime::ForEver) };
        act(&pool, &claim, n, clock.now()).await.unwrap();
    }
    let found = find_all(&mut pool.acquire().await.unwrap(), &keys).await.unwrap();
    assert_eq!(found.len(), 5);
    let stored = &found[&keys[4]];
    assert_eq!(stored.response, b"done by 4");
    assert!(stored.is_of(Some(&PRINT)) && stored.is_of(None) && !stored.is_of(Some(&OTHER_PRINT)));
}
