//! Each event has its effect once per consumer, whoever gets it how often.

use crate::until_blocked;
use chrono::TimeDelta;
use contracts::Service;
use futures_util::future::join_all;
use platform::clock::Clock;
use platform::ids::IdSource;
use platform_pg::inbox::{Arrived, TABLE, fresh};
use platform_pg::partitions::provision;
use sqlx::{Executor, PgPool};
use std::collections::HashSet;
use testkit::TestDatabase;
use uuid::Uuid;

const CONSUMER: i16 = 1;
const OTHER_CONSUMER: i16 = 2;

async fn start() -> (TestDatabase, PgPool, Clock) {
    let database = TestDatabase::create(Service::LeadIntake).await;
    let (pool, clock) = (database.pool(), testkit::process().clock);
    provision(&pool, &[TABLE], clock.now()).await.unwrap();
    pool.execute("create table effects (event_id uuid)").await.unwrap();
    (database, pool, clock)
}

fn events(clock: &Clock, count: usize) -> Vec<Uuid> {
    (0..count).map(|_| IdSource::random().at(clock.now())).collect()
}

fn set(events: &[Uuid]) -> HashSet<Uuid> {
    events.iter().copied().collect()
}

#[tokio::test]
async fn an_event_is_fresh_once_for_each_consumer() {
    let (_database, pool, clock) = start().await;
    let all = events(&clock, 10);
    let mut connection = pool.acquire().await.unwrap();
    // The batch repeats some of its own.
    let batch: Vec<_> = all[..6].iter().chain(&all[..3]).copied().collect();
    let first = fresh(&mut connection, CONSUMER, &batch, clock.now()).await.unwrap();
    assert_eq!(first, Arrived { fresh: set(&all[..6]), out_of_range: Vec::new() });
    let second = fresh(&mut connection, CONSUMER, &all, clock.now()).await.unwrap();
    assert_eq!(second.fresh, set(&all[6..]));
    let other = fresh(&mut connection, OTHER_CONSUMER, &all, clock.now()).await.unwrap();
    assert_eq!(other.fresh, set(&all));
}

#[tokio::test]
async fn a_second_consumer_waits_and_gets_what_the_first_does_not_commit() {
    let (_database, pool, clock) = start().await;
    for commit in [true, false] {
        let shared = events(&clock, 20);
        let mut first = pool.begin().await.unwrap();
        fresh(&mut first, CONSUMER, &shared[..15], clock.now()).await.unwrap();
        let mut second = pool.begin().await.unwrap();
        let (arrived, ()) = tokio::join!(fresh(&mut second, CONSUMER, &shared, clock.now()), async {
            until_blocked(&pool, 1).await;
            if commit { first.commit().await.unwrap() } else { first.rollback().await.unwrap() }
        });
        assert_eq!(arrived.unwrap().fresh, set(if commit { &shared[15..] } else { &shared }));
        second.commit().await.unwrap();
    }
}

#[tokio::test]
async fn many_consumers_of_the_same_events_in_any_order_have_each_effect_once() {
    let (_database, pool, clock) = start().await;
    let all = events(&clock, 400);
    join_all((0..8).map(async |n| {
        let mut mine = all.clone();
        mine.rotate_left(n * 50);
        if n % 2 == 0 {
            mine.reverse();
        }
        for batch in mine.chunks(100) {
            let mut transaction = pool.begin().await.unwrap();
            let arrived = fresh(&mut transaction, CONSUMER, batch, clock.now()).await.unwrap();
            let effects: Vec<_> = arrived.fresh.into_iter().collect();
            sqlx::query("insert into effects select unnest($1::uuid[])")
                .bind(effects)
                .execute(&mut *transaction)
                .await
                .unwrap();
            if n == 3 {
                // Dies before its commit.
                transaction.rollback().await.unwrap();
            } else {
                transaction.commit().await.unwrap();
            }
        }
    }))
    .await;
    let effects: Vec<Uuid> =
        sqlx::query_scalar("select event_id from effects").fetch_all(&pool).await.unwrap();
    assert_eq!((effects.len(), set(&effects)), (400, set(&all)));
}

#[tokio::test]
async fn what_is_outside_the_kept_weeks_is_reported_and_the_rest_goes_on() {
    let (_database, pool, clock) = start().await;
    let at = |days| IdSource::random().at(clock.now() + TimeDelta::days(days));
    let strange = vec![Uuid::from_u128(5), at(-43), at(22)];
    let good = vec![at(-34), at(0), at(13)];
    let batch = [strange.clone(), good.clone()].concat();
    let arrived = fresh(&mut pool.acquire().await.unwrap(), CONSUMER, &batch, clock.now()).await.unwrap();
    assert_eq!(arrived, Arrived { fresh: set(&good), out_of_range: strange });
}

#[tokio::test]
async fn a_partition_that_is_not_there_yet_is_waited_for() {
    let (_database, pool, clock) = start().await;
    clock.advance(TimeDelta::days(60));
    let batch = events(&clock, 3);
    let mut connection = pool.acquire().await.unwrap();
    let error = fresh(&mut connection, CONSUMER, &batch, clock.now()).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    provision(&pool, &[TABLE], clock.now()).await.unwrap();
    assert_eq!(fresh(&mut connection, CONSUMER, &batch, clock.now()).await.unwrap().fresh.len(), 3);
}
