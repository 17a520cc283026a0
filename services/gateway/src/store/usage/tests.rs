//! Batches that are written twice, side by side and late, and the two tables beside each other.

use super::*;
use crate::domain::usage::Consumer;
use crate::domain::usage_report::{Asked, UsageReport};
use crate::store::PARTITIONED;
use chrono::TimeDelta;
use contracts::Service;
use contracts::ids::CredentialId;
use contracts::routes::{Match, Route, find};
use platform_pg::partitions::provision;
use testkit::TestDatabase;

const WRITER: Uuid = Uuid::from_u128(9);

fn now() -> DateTime<Utc> {
    "2026-11-22T03:30:00Z".parse().unwrap()
}

fn consumer(organization: u128) -> Consumer {
    Consumer {
        organization_id: OrganizationId::new(Uuid::from_u128(organization)),
        client_id: ClientId::new(Uuid::from_u128(2)),
        credential_id: CredentialId::new(Uuid::from_u128(3)),
    }
}

fn route(path: &str) -> &'static Route {
    let Match::Found(route) = find("GET", path) else { panic!("no route") };
    route
}

fn row(path: &str, status: u16, at: DateTime<Utc>, requests: u64) -> (Counted, Tally) {
    let tally = Tally { requests, latency_micros: requests * 1_500, last_at: at };
    (Counted::at(consumer(1), route(path), status, at), tally)
}

async fn database() -> (TestDatabase, PgPool) {
    let database = TestDatabase::create(Service::Gateway).await;
    let pool = database.pool();
    provision(&pool, PARTITIONED, now()).await.unwrap();
    (database, pool)
}

async fn report(pool: &PgPool, organization: u128, from: &str, to: &str, grouping: Grouping) -> UsageReport {
    let time = |text: &str| Some(text.parse().unwrap());
    let asked = Asked { from: time(from), to: time(to), grouping: Some(grouping) };
    let stretch = Stretch::new(asked, now(), 35).unwrap();
    let Consumer { organization_id, client_id, .. } = consumer(organization);
    let mut connection = pool.acquire().await.unwrap();
    UsageReport::new(&stretch, read(&mut connection, organization_id, client_id, &stretch).await.unwrap())
}

async fn total(pool: &PgPool) -> u64 {
    report(pool, 1, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", Grouping::Day).await.total.requests
}

#[tokio::test]
async fn a_batch_whose_outcome_was_unknown_is_counted_once() {
    let (_database, pool) = database().await;
    let rows = [row("/api/v1/rate-limits", 200, now(), 3)];
    for sequence in [1, 1, 2, 2, 1] {
        write(&pool, WRITER, sequence, &rows, now()).await.unwrap();
    }
    assert_eq!(total(&pool).await, 6);
    write(&pool, Uuid::from_u128(10), 1, &rows, now()).await.unwrap();
    assert_eq!(total(&pool).await, 9, "another process has numbers of its own");
}

#[tokio::test]
async fn a_second_try_waits_for_the_first_that_is_still_about_to_commit() {
    let (_database, pool) = database().await;
    let rows = [row("/api/v1/rate-limits", 200, now(), 3)];
    for (sequence, commits) in [(1, true), (2, false)] {
        let mut first = pool.begin().await.unwrap();
        assert!(is_new(&mut first, WRITER, sequence, now()).await.unwrap());
        add(&mut first, &rows).await.unwrap();
        let second = write(&pool, WRITER, sequence, &rows, now());
        let end = async {
            testkit::eventually("the second waits", async || {
                let waiting = sqlx::query_scalar::<_, i64>(
                    "select count(*) from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock'",
                );
                (waiting.fetch_one(&pool).await.unwrap() > 0).then_some(())
            })
            .await;
            if commits { first.commit().await.unwrap() } else { first.rollback().await.unwrap() }
        };
        let (written, ()) = tokio::join!(second, end);
        written.unwrap();
        assert_eq!(total(&pool).await, 3 * sequence.unsigned_abs(), "first commits: {commits}");
    }
}

#[tokio::test]
async fn replicas_that_count_the_same_things_side_by_side_lose_nothing() {
    let (_database, pool) = database().await;
    let paths = ["/api/v1/rate-limits", "/api/v1/webhook-events", "/api/v1/products", "/v1/messages/x"];
    let rows: Vec<_> =
        paths.iter().flat_map(|path| [200, 404].map(|status| row(path, status, now(), 1))).collect();
    let reversed: Vec<_> = rows.iter().rev().copied().collect();
    let writer = async |id: u128, rows: &[(Counted, Tally)]| {
        for sequence in 1..=20 {
            write(&pool, Uuid::from_u128(id), sequence, rows, now()).await.unwrap();
        }
    };
    tokio::join!(writer(1, &rows), writer(2, &reversed), writer(3, &rows));
    assert_eq!(total(&pool).await, 3 * 20 * 8);
}

#[tokio::test]
async fn days_and_hours_say_the_same_and_nobody_sees_anothers() {
    let (_database, pool) = database().await;
    let hour = |hours: i64| now() - TimeDelta::hours(hours);
    let rows = [
        row("/api/v1/products", 200, hour(0), 1),
        row("/api/v1/products", 429, hour(3), 2),
        row("/api/v1/products", 200, hour(4), 4),
        row("/api/v1/customers", 200, hour(27), 8),
        row("/api/v1/customers", 500, hour(28), 16),
    ];
    write(&pool, WRITER, 1, &rows, now()).await.unwrap();
    let day = ["2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z"];
    let by_day = report(&pool, 1, day[0], day[1], Grouping::Day).await;
    let by_hour = report(&pool, 1, day[0], day[1], Grouping::Hour).await;
    let counts =
        |report: &UsageReport| -> Vec<_> { report.by_time.iter().map(|(_, count)| *count).collect() };
    assert_eq!(counts(&by_day), [16, 12, 3]);
    assert_eq!(counts(&by_hour).len(), 2 * 24 + 4);
    assert_eq!(counts(&by_hour).into_iter().filter(|count| *count > 0).collect::<Vec<_>>(), [16, 8, 4, 2, 1]);
    for report in [&by_day, &by_hour] {
        assert_eq!((report.total.requests, report.successful), (31, 13));
        assert_eq!(report.total.average_millis(), 2);
        assert_eq!(report.top_errors, [(500, 16), (429, 2)]);
        let templates: Vec<_> =
            report.by_template.iter().map(|(template, sum)| (template.as_str(), sum.requests)).collect();
        assert_eq!(templates, [("/api/v1/customers", 24), ("/api/v1/products", 7)]);
    }
    // From the middle of a day to the middle of another, with a whole one between them.
    let cut = report(&pool, 1, "2026-11-20T23:45:00Z", "2026-11-22T00:30:00Z", Grouping::Day).await;
    assert_eq!(counts(&cut), [16, 12, 2]);
    let cut = report(&pool, 1, "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", Grouping::Day).await;
    assert_eq!(counts(&cut), [12]);
    assert_eq!(report(&pool, 7, day[0], day[1], Grouping::Day).await.total.requests, 0);
}

#[tokio::test]
async fn figures_by_the_hour_go_before_those_by_the_day() {
    let (_database, pool) = database().await;
    write(&pool, WRITER, 1, &[row("/api/v1/products", 200, now(), 5)], now()).await.unwrap();
    let later = now() + TimeDelta::days(50);
    provision(&pool, PARTITIONED, later).await.unwrap();
    expire(&pool, 35, 400, later).await.unwrap();
    let partitions: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
         join pg_class p on p.oid = i.inhparent where p.relname in ('usage_hourly', 'usage_daily') order by 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let has = |name: &str| partitions.iter().any(|partition| partition == name);
    assert!(has("usage_daily_p20261101") && has("usage_daily_p20261001"), "{partitions:?}");
    assert!(!has("usage_hourly_p20261001") && has("usage_hourly_p20261201"), "{partitions:?}");
    let asked = Asked { from: Some(now() - TimeDelta::hours(1)), to: Some(now()), grouping: None };
    let stretch = Stretch::new(asked, later, 35).unwrap();
    let Consumer { organization_id, client_id, .. } = consumer(1);
    let figures =
        read(&mut pool.acquire().await.unwrap(), organization_id, client_id, &stretch).await.unwrap();
    assert_eq!(UsageReport::new(&stretch, figures).total.requests, 5, "the whole day");
    let writers: i64 =
        sqlx::query_scalar("select count(*) from usage_writers").fetch_one(&pool).await.unwrap();
    assert_eq!(writers, 0);
}
