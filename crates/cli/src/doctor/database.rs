//! PostgreSQL: reachable, writable, migrated, with room, and with nothing that waits too long.

use super::Findings;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::Service;
use platform::clock::Clock;
use platform_pg::migrations;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
const OLDEST_VERSION: i32 = 150_000;
const MIGRATE: &str = "Run leadwire migrate; the services may go on meanwhile.";
const NEWER: &str = "The database is newer than this program: use the leadwire of the installed release.";

pub async fn look(url: &SecretString, clock: &Clock, findings: &mut Findings) {
    let connecting = PgConnection::connect(url.expose_secret());
    let mut connection = match tokio::time::timeout(CONNECT, connecting).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            return findings.broken(
                "postgres",
                format!("does not let us in: {error}"),
                "Nothing is accepted without it (503). Check that it runs, the address, the password, pg_hba.conf.",
            );
        }
        Err(_elapsed) => {
            return findings.broken(
                "postgres",
                "does not answer within 5 s",
                "Nothing is accepted without it (503). Check the network and whether it is out of connections.",
            );
        }
    };
    if let Err(error) = look_inside(&mut connection, clock, findings).await {
        findings.broken(
            "postgres",
            format!("a question failed: {error}"),
            "See the server's log for the reason.",
        );
    }
}

async fn look_inside(
    connection: &mut PgConnection,
    clock: &Clock,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    server(connection, findings).await?;
    skew(connection, clock, findings).await?;
    connections(connection, findings).await?;
    transactions(connection, findings).await?;
    replicas(connection, findings).await?;
    for service in Service::ALL {
        if schema(connection, service, findings).await? {
            outbox(connection, service, clock.now(), findings).await?;
        }
    }
    partitions(connection, clock.now(), findings).await?;
    keys(connection, clock.now(), findings).await
}

async fn server(connection: &mut PgConnection, findings: &mut Findings) -> sqlx::Result<()> {
    let (name, version, replica, read_only): (String, i32, bool, bool) = sqlx::query_as(
        "select current_setting('server_version'), current_setting('server_version_num')::int, pg_is_in_recovery(),
             current_setting('default_transaction_read_only')::bool",
    )
    .fetch_one(connection)
    .await?;
    if version < OLDEST_VERSION {
        findings.broken(
            "postgres version",
            name,
            "15 is the oldest version that is supported: upgrade the server.",
        );
    } else {
        findings.good("postgres version", name);
    }
    if replica || read_only {
        findings.broken(
            "postgres writes",
            if replica { "this is a replica" } else { "transactions are read-only by default" },
            "Services need the primary: give its address, or promote this one.",
        );
    } else {
        findings.good("postgres writes", "accepted");
    }
    Ok(())
}

async fn skew(connection: &mut PgConnection, clock: &Clock, findings: &mut Findings) -> sqlx::Result<()> {
    let before = clock.now();
    let theirs: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()").fetch_one(connection).await?;
    super::machine::skew("postgres clock", before, theirs, clock.now(), findings);
    Ok(())
}

async fn connections(connection: &mut PgConnection, findings: &mut Findings) -> sqlx::Result<()> {
    let (used, most): (i32, i32) = sqlx::query_as(
        "select (select count(*) from pg_stat_activity where backend_type = 'client backend')::int,
             current_setting('max_connections')::int",
    )
    .fetch_one(connection)
    .await?;
    let share = f64::from(used) / f64::from(most.max(1));
    findings.judge(
        "postgres connections",
        format!("{used} of {most} in use"),
        share,
        (0.8, 0.95),
        "Replicas that start now may get none. Raise max_connections, lower the pools of the services, or put \
         PgBouncer in session mode in between.",
    );
    Ok(())
}

async fn transactions(connection: &mut PgConnection, findings: &mut Findings) -> sqlx::Result<()> {
    let seconds: Option<f64> = sqlx::query_scalar(
        "select extract(epoch from max(clock_timestamp() - xact_start))::float8 from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid()",
    )
    .fetch_one(connection)
    .await?;
    let seconds = seconds.unwrap_or_default();
    findings.judge(
        "postgres transactions",
        format!("the oldest is open for {seconds:.0} s"),
        seconds,
        (600.0, 7200.0),
        "An old transaction keeps dead rows alive, and every outbox slows down. Find it in pg_stat_activity by \
         xact_start; end it with pg_terminate_backend.",
    );
    Ok(())
}

async fn replicas(connection: &mut PgConnection, findings: &mut Findings) -> sqlx::Result<()> {
    let lags: Vec<(String, Option<f64>)> = sqlx::query_as(
        "select application_name, extract(epoch from replay_lag)::float8 from pg_stat_replication order by 1",
    )
    .fetch_all(connection)
    .await?;
    for (name, lag) in lags {
        let lag = lag.unwrap_or_default();
        findings.judge(
            &format!("postgres replica {name}"),
            format!("{lag:.1} s behind"),
            lag,
            (10.0, 300.0),
            "A failover now would lose what the replica has not got, or wait for it. Look at its disk and network.",
        );
    }
    Ok(())
}

/// True when the schema is there to be looked into.
async fn schema(
    connection: &mut PgConnection,
    service: Service,
    findings: &mut Findings,
) -> sqlx::Result<bool> {
    let what = format!("schema {}", service.schema());
    let (role, migrated): (bool, bool) = sqlx::query_as(
        "select exists (select from pg_roles where rolname = $1), to_regclass($2) is not null",
    )
    .bind(service.role())
    .bind(format!("{}._sqlx_migrations", service.schema()))
    .fetch_one(&mut *connection)
    .await?;
    if !role || !migrated {
        findings.broken(&what, if role { "has no tables" } else { "its role is missing" }, MIGRATE);
        return Ok(false);
    }
    let applied = format!("select version from {}._sqlx_migrations where success", service.schema());
    let applied: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(applied)).fetch_all(connection).await?;
    let known = migrations::versions(service);
    let open = known.iter().filter(|version| !applied.contains(version)).count();
    let unknown = applied.iter().filter(|version| !known.contains(version)).count();
    if open > 0 {
        findings.broken(&what, format!("{open} migration(s) are not applied"), MIGRATE);
    } else if unknown > 0 {
        findings.warn(&what, format!("{unknown} migration(s) are unknown to this program"), NEWER);
    } else {
        findings.good(&what, format!("{} migrations, all applied", applied.len()));
    }
    Ok(true)
}

async fn outbox(
    connection: &mut PgConnection,
    service: Service,
    now: DateTime<Utc>,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let rows = format!("select count(*), min(created_at) from {}.outbox", service.schema());
    let (count, oldest): (i64, Option<DateTime<Utc>>) =
        sqlx::query_as(AssertSqlSafe(rows)).fetch_one(connection).await?;
    let age = oldest.map_or(TimeDelta::zero(), |oldest| now - oldest);
    let seconds = super::machine::seconds(age);
    findings.judge(
        &format!("outbox of {service}"),
        format!("{count} event(s) wait, the oldest for {seconds:.0} s"),
        seconds,
        (60.0, 600.0),
        "Accepted events are not published. They are safe, but late: check RabbitMQ (alarms, connections) and the \
         service's log for \"publish\".",
    );
    Ok(())
}

/// Every table that is cut by time has partitions for what comes.
async fn partitions(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let bounds: Vec<(String, String)> = sqlx::query_as(
        "select parent.relnamespace::regnamespace || '.' || parent.relname, pg_get_expr(child.relpartbound, child.oid)
         from pg_inherits
         join pg_class parent on parent.oid = inhparent
         join pg_class child on child.oid = inhrelid
         join pg_partitioned_table cut on cut.partrelid = parent.oid and cut.partstrat = 'r'
         where parent.relkind = 'p' and parent.relnamespace::regnamespace::text = any($1)",
    )
    .bind(Service::ALL.map(|service| service.schema().to_owned()).to_vec())
    .fetch_all(connection)
    .await?;
    let mut until: std::collections::BTreeMap<String, DateTime<Utc>> = std::collections::BTreeMap::new();
    for (table, bound) in bounds {
        let Some(end) = upper_bound(&bound) else { continue };
        let known = until.entry(table).or_insert(end);
        *known = end.max(*known);
    }
    let mut short = 0;
    for (table, end) in &until {
        let left = *end - now;
        if left < TimeDelta::days(2) {
            short += 1;
            let found = format!("partitions until {}", end.format("%Y-%m-%d"));
            findings.judge(
                &format!("table {table}"),
                found,
                -super::machine::seconds(left),
                (-172_800.0, 0.0),
                "Its service makes partitions by itself: is it running, and what does its log say of partitions?",
            );
        }
    }
    if short == 0 {
        findings.good("partitions", format!("{} table(s) have theirs for the days to come", until.len()));
    }
    Ok(())
}

/// The end of `FOR VALUES FROM ('…') TO ('…')`, of a moment or an id.
fn upper_bound(bound: &str) -> Option<DateTime<Utc>> {
    let end = bound.split("TO ('").nth(1)?.split('\'').next()?;
    if let Ok(id) = uuid::Uuid::try_parse(end) {
        // The first 48 bits are milliseconds; a bound is the smallest id of its moment, which has no version.
        return DateTime::from_timestamp_millis(i64::try_from(id.as_u128() >> 80).ok()?);
    }
    let written = end.replacen(' ', "T", 1);
    let full = if written.ends_with("+00") { format!("{written}:00") } else { written };
    Some(DateTime::parse_from_rfc3339(&full).ok()?.to_utc())
}

async fn keys(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let there: bool = sqlx::query_scalar(
        "select to_regclass('gateway.credentials') is not null and to_regclass('webhook_dispatcher.subscriptions') is not null",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !there {
        return Ok(());
    }
    let sealed: Vec<String> = sqlx::query_scalar(
        "select distinct 'gateway ' || sealed_key_id from gateway.credential_secrets where sealed_key_id is not null
         union select distinct 'webhook-dispatcher ' || secret_key_id from webhook_dispatcher.subscriptions
         where state <> 'deleted' order by 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    let several = |service: &str| sealed.iter().filter(|key| key.starts_with(service)).count() > 1;
    if several("gateway ") || several("webhook-dispatcher ") {
        findings.warn(
            "sealing keys",
            format!("several are in use: {}", sealed.join(", ")),
            "A change of keys is not finished: run leadwire secrets rotate, then take the old key out.",
        );
    } else {
        findings.good(
            "sealing keys",
            if sealed.is_empty() { "nothing is sealed yet".to_owned() } else { sealed.join(", ") },
        );
    }
    let oldest: Option<DateTime<Utc>> = sqlx::query_scalar(
        "select min(created_at) from gateway.credentials
         where 'platform:admin' = any(scopes) and revoked_at is null and (expires_at is null or expires_at > $1)",
    )
    .bind(now)
    .fetch_one(connection)
    .await?;
    match oldest {
        None => findings.warn("admin keys", "there is none", "Run leadwire bootstrap to make the first one."),
        Some(oldest) => findings.judge(
            "admin keys",
            format!("the oldest that works is {} days old", (now - oldest).num_days()),
            super::machine::seconds(now - oldest) / 86_400.0,
            (365.0, f64::INFINITY),
            "Make a new one (leadwire bootstrap), put it where the old one is used, and revoke the old one.",
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_partition_is_read_whatever_it_is_cut_by() {
        let wanted: DateTime<Utc> = "2026-12-01T00:00:00Z".parse().unwrap();
        let moment = "FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')";
        assert_eq!(upper_bound(moment), Some(wanted));
        let id = platform::ids::floor(wanted);
        assert_eq!(upper_bound(&format!("FOR VALUES FROM ('x') TO ('{id}')")), Some(wanted));
        assert_eq!(upper_bound("DEFAULT"), None);
    }
}
