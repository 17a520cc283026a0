//! `[database]` and the connection pool of a service.

use crate::bounded::within;
use contracts::Service;
use futures_util::future::BoxFuture;
use platform::lifecycle::{Shutdown, Tasks};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{PgConnection, Postgres, Transaction};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// A connection that has come back so lately is not asked again before it is used.
const FRESH: Duration = Duration::from_secs(1);
/// How long a connection may take to show that it is worth keeping.
const RELEASE_LIMIT: Duration = Duration::from_secs(2);
/// Of a readiness check, the wait for a connection included.
const PING_LIMIT: Duration = Duration::from_secs(3);
/// Between two looks at the pool.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// `[database]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    pub url: SecretString,
    #[serde(default = "max_connections")]
    pub max_connections: u32,
    /// How long a request waits for a connection before it is told 503.
    #[serde(with = "humantime_serde", default = "acquire_timeout")]
    pub acquire_timeout: Duration,
    #[serde(with = "humantime_serde", default = "statement_timeout")]
    pub statement_timeout: Duration,
}

fn max_connections() -> u32 {
    12
}

fn acquire_timeout() -> Duration {
    Duration::from_secs(2)
}

fn statement_timeout() -> Duration {
    Duration::from_secs(10)
}

/// A pool that connects when it is first used: a database that is down at start is no error.
///
/// Every connection sees the service's schema alone, cannot hold a transaction idle for long, and gives a
/// statement up after its time. One that hangs, or whose server has become read-only, is not used again.
///
/// # Errors
/// When the URL is malformed.
pub fn connect(settings: &DatabaseSettings, service: Service) -> Result<PgPool, sqlx::Error> {
    let millis = settings.statement_timeout.as_millis().to_string();
    let options =
        PgConnectOptions::from_str(settings.url.expose_secret())?.application_name(service.name()).options([
            ("search_path", service.schema()),
            ("statement_timeout", &millis),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "10s"),
            // Every statement of a service has an index for what it looks for. A plan that was made and kept while a
            // table was empty, as each partition is at first, would read all of it for ever.
            ("enable_seqscan", "off"),
            // What compiling a statement saves is for those that read millions of rows.
            ("jit", "off"),
        ]);
    Ok(PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move { Ok(known.idle_for < FRESH || is_worth_keeping(connection).await?) })
        })
        .after_release(|connection, _| Box::pin(is_worth_keeping(connection)))
        .connect_lazy_with(options))
}

/// Begins a transaction whose statements are planned once for a connection, whatever they are given. For what runs all
/// the time and finds its rows by their keys: with a table in many partitions, planning costs more than running. Not
/// for statements whose way depends on what they are asked for.
///
/// # Errors
/// When the database is unavailable.
pub async fn begin_planned(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    pool.begin_with("begin; set local plan_cache_mode = force_generic_plan").await
}

/// Begins a transaction whose statements all see one moment. For a page and the number of what it is a page of: read
/// one after the other, they contradict each other when something is added between them.
///
/// # Errors
/// When the database is unavailable.
pub async fn begin_reading(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    pool.begin_with("begin isolation level repeatable read, read only").await
}

/// Asked when a connection comes back, beside the request's path, and before it is used after a pause. After a
/// failover the address of the primary may lead to what is now a standby: closing its connections heals as soon as
/// the address does. The limit is needed because sqlx itself waits for ever for the rest of what a caller gave up,
/// and the place in the pool with it.
async fn is_worth_keeping(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let question = sqlx::query_scalar::<_, String>("show transaction_read_only").fetch_one(connection);
    match tokio::time::timeout(RELEASE_LIMIT, question).await {
        Ok(answer) => Ok(answer? == "off"),
        Err(_elapsed) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Whether the database answers, within seconds.
///
/// # Errors
/// What it said instead.
pub async fn ping(pool: &PgPool) -> Result<(), String> {
    within(PING_LIMIT, sqlx::query("select 1").execute(pool))
        .await
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// Shows as metrics how many connections there are and, by asking for one every second, how long one takes to be
/// had, until the shutdown begins.
pub fn watch(pool: &PgPool, tasks: &Tasks, shutdown: &Shutdown) {
    let (pool, shutdown) = (pool.clone(), shutdown.clone());
    tasks.spawn("pool figures", async move {
        let most = pool.options().get_max_connections();
        metrics::gauge!("leadwire_pool_connections_max").set(most);
        while shutdown.sleep(WATCH_INTERVAL).await {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            metrics::gauge!("leadwire_pool_connections", "state" => "idle").set(idle);
            metrics::gauge!("leadwire_pool_connections", "state" => "in_use")
                .set(pool.size().saturating_sub(idle));
            let asked = Instant::now();
            match shutdown.or(pool.acquire()).await {
                Some(Ok(_connection)) => {
                    metrics::histogram!("leadwire_pool_wait_seconds").record(asked.elapsed());
                }
                Some(Err(_)) => metrics::counter!("leadwire_pool_timeouts_total").increment(1),
                None => {}
            }
        }
    });
}

/// A readiness check: the database answers.
pub fn check(pool: &PgPool) -> impl Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + use<> {
    let pool = pool.clone();
    move || {
        let pool = pool.clone();
        Box::pin(async move { ping(&pool).await })
    }
}
