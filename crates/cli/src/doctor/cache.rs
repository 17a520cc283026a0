//! Redis: reachable, and set up for what it holds: rate windows, which may be lost but not evicted one by one.

use super::Findings;
use chrono::DateTime;
use platform::clock::Clock;
use redis::{Client, InfoDict, RedisResult};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

pub async fn look(url: &SecretString, clock: &Clock, findings: &mut Findings) {
    let problem = match tokio::time::timeout(PATIENCE, look_inside(url, clock, findings)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => "does not answer within 5 s".to_owned(),
    };
    findings.broken(
        "redis",
        problem,
        "Requests are still served; every process counts rate limits by itself meanwhile. Check that it runs, the \
         address, the password.",
    );
}

async fn look_inside(url: &SecretString, clock: &Clock, findings: &mut Findings) -> RedisResult<()> {
    let client = Client::open(url.expose_secret())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let before = clock.now();
    let (seconds, micros): (i64, u32) = redis::cmd("TIME").query_async(&mut connection).await?;
    if let Some(theirs) = DateTime::from_timestamp(seconds, micros * 1000) {
        super::machine::skew("redis clock", before, theirs, clock.now(), findings);
    }
    let info: InfoDict = redis::cmd("INFO").query_async(&mut connection).await?;
    let version: String = info.get("redis_version").unwrap_or_default();
    findings.good("redis", format!("version {version}"));
    let persistent = info.get::<u8>("aof_enabled") == Some(1);
    if persistent {
        findings.good("redis persistence", "append-only file");
    } else {
        findings.warn(
            "redis persistence",
            "no append-only file",
            "After a restart every rate window begins anew; set appendonly yes if that matters.",
        );
    }
    let policy: String = info.get("maxmemory_policy").unwrap_or_default();
    let limit: u64 = info.get("maxmemory").unwrap_or_default();
    if limit > 0 && policy.starts_with("allkeys") {
        findings.warn(
            "redis memory",
            format!("evicts any key ({policy})"),
            "Under pressure counted requests are forgotten: set maxmemory-policy noeviction or volatile-ttl.",
        );
    } else {
        findings.good("redis memory", policy);
    }
    Ok(())
}
