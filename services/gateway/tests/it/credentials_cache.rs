//! The memory of credentials: one query for many requests, and no answer that a change has overtaken.

use crate::harness::{Harness, Partner, hears_of_changes, text};
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, Postgres, Transaction};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use testkit::{Running, answer, eventually, eventually_within};

const PRODUCTS: &str = "/api/v1/products";
/// How soon a change takes hold everywhere.
const SOON: Duration = Duration::from_secs(1);

/// A gateway that hears of no change, not even of its own a moment later.
async fn unheard() -> Harness {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Harness::start_with(|settings| {
        settings.broker.url = testkit::redirected(&settings.broker.url, nowhere);
        settings.credentials.cache_ttl = Duration::from_hours(1);
    })
    .await
}

async fn status(replica: &Running, key: &str, path: &str) -> u16 {
    replica.bare(Method::GET, path).bearer_auth(key).send().await.unwrap().status().as_u16()
}

/// Keeps every query of credentials waiting for as long as it lives.
async fn held_up(gateway: &Harness) -> (PgPool, Transaction<'static, Postgres>) {
    let pool = PgPool::connect(&gateway.database.url("postgres")).await.unwrap();
    let mut lock = pool.begin().await.unwrap();
    let statement = "lock table gateway.credential_secrets in access exclusive mode";
    sqlx::query(statement).execute(&mut *lock).await.unwrap();
    (pool, lock)
}

async fn waiting_queries(pool: &PgPool) -> i64 {
    let query = "select count(*) from pg_locks l join pg_class c on c.oid = l.relation
                 where c.relname = 'credential_secrets' and not l.granted
                   and l.database = (select oid from pg_database where datname = current_database())";
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn many_requests_at_once_with_one_key_ask_the_database_once() {
    let gateway = unheard().await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({"surface": "crm"})).await;
    let (pool, lock) = held_up(&gateway).await;
    let requests = join_all((0..20).map(|_| status(&gateway.service, text(&key["key"]), PRODUCTS)));
    let release = async {
        eventually("a query waits", async || (waiting_queries(&pool).await > 0).then_some(())).await;
        // Whoever else wants to ask has come by now.
        for _ in 0..20 {
            assert_eq!(waiting_queries(&pool).await, 1);
        }
        lock.commit().await.unwrap();
    };
    let (statuses, ()) = tokio::join!(requests, release);
    assert_eq!(statuses, [200; 20]);
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_one_cost_the_same() {
    let gateway = unheard().await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({})).await;
    let key = text(&key["key"]);
    let wrong = format!("{}{}", &key[..key.len() - 1], if key.ends_with('A') { 'B' } else { 'A' });
    let unknown = platform::api_keys::new_platform_key().unwrap().key;
    let path = "/api/v1/rate-limits";
    let ask = async |key: &str| answer(gateway.with(key, Method::GET, path)).await;
    // The first time either costs one query.
    let mut answers = Vec::new();
    for key in [&wrong, &unknown] {
        let (pool, lock) = held_up(&gateway).await;
        let release = async {
            eventually("one query waits", async || (waiting_queries(&pool).await == 1).then_some(())).await;
            lock.commit().await.unwrap();
        };
        answers.push(tokio::join!(ask(key), release).0);
    }
    // And when it is asked again at once, none.
    let (pool, _lock) = held_up(&gateway).await;
    for key in [&wrong, &unknown] {
        answers.push(ask(key).await);
    }
    assert_eq!(waiting_queries(&pool).await, 0);
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

/// A gateway of two replicas, with one credential of each kind that both of them know.
struct Pair {
    gateway: Harness,
    other: Running,
    client: Value,
    keys: Vec<(Value, &'static str)>,
    partner: Partner,
    oauth: Value,
    access_token: String,
}

impl Pair {
    async fn start() -> Self {
        let gateway = Harness::start().await;
        hears_of_changes(&gateway.service).await;
        let other = gateway.replica(|_| ()).await;
        Self::with(gateway, other).await
    }

    async fn with(gateway: Harness, other: Running) -> Self {
        let client = gateway.client("acme").await;
        let app = json!({"slug": "web", "name": "Web"});
        let keys = vec![
            (gateway.key(&client, json!({})).await, "/api/v1/rate-limits"),
            (gateway.key(&client, json!({"surface": "crm"})).await, PRODUCTS),
            (gateway.key(&client, json!({"surface": "ingest", "app": app})).await, "/api/v1/ingest/ping"),
        ];
        let partner = gateway.credential(&client, "acme", json!({})).await;
        let oauth = gateway.oauth(&client, json!({})).await;
        let access_token = gateway.access_token(&oauth).await;
        let pair = Self { gateway, other, client, keys, partner, oauth, access_token };
        for replica in [&pair.gateway.service, &pair.other] {
            assert_eq!(pair.statuses(replica).await, [200; 5]);
        }
        pair
    }

    /// What a replica answers to each credential.
    async fn statuses(&self, replica: &Running) -> Vec<u16> {
        let mut statuses = Vec::new();
        for (key, path) in &self.keys {
            statuses.push(status(replica, text(&key["key"]), path).await);
        }
        let token = self.partner.token(self.gateway.now());
        statuses.push(status(replica, &token, &self.partner.leads()).await);
        statuses.push(status(replica, &self.access_token, "/v1/messages/1").await);
        statuses
    }

    /// The replica that made a change knows at once, the other one soon.
    async fn become_everywhere(&self, expected: [u16; 5]) {
        let changed = Instant::now();
        assert_eq!(self.statuses(&self.gateway.service).await, expected);
        let late = SOON.saturating_sub(changed.elapsed());
        eventually_within(late, "the other replica knows", async || {
            (self.statuses(&self.other).await == expected).then_some(())
        })
        .await;
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/api-clients/{}{rest}", text(&self.client["id"]))
    }

    async fn delete(&self, rest: &str) {
        let response = self.gateway.admin(Method::DELETE, &self.path(rest)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 204);
    }
}

#[tokio::test]
async fn a_revoked_credential_is_refused_by_every_replica_within_a_second() {
    let pair = Pair::start().await;
    let mut expected = [200; 5];
    for (index, (key, _)) in pair.keys.iter().enumerate() {
        pair.delete(&format!("/api-keys/{}", text(&key["id"]))).await;
        expected[index] = 401;
        pair.become_everywhere(expected).await;
    }
    pair.delete(&format!("/service-credentials/{}", text(&pair.partner.credential["id"]))).await;
    expected[3] = 401;
    pair.become_everywhere(expected).await;
    pair.delete(&format!("/oauth-credentials/{}", text(&pair.oauth["id"]))).await;
    pair.become_everywhere([401; 5]).await;
}

#[tokio::test]
async fn a_suspended_and_a_deleted_client_are_refused_by_every_replica_within_a_second() {
    let pair = Pair::start().await;
    let set = async |status: &str| {
        let request = pair.gateway.admin(Method::PUT, &pair.path("")).json(&json!({"status": status}));
        assert_eq!(answer(request).await.0, 200);
    };
    set("SUSPENDED").await;
    pair.become_everywhere([403, 403, 402, 403, 403]).await;
    set("ACTIVE").await;
    pair.become_everywhere([200; 5]).await;
    pair.delete("").await;
    pair.become_everywhere([401; 5]).await;
}

#[tokio::test]
async fn what_a_rotation_ends_is_refused_by_every_replica_within_a_second() {
    let pair = Pair::start().await;
    let path = pair.path(&format!("/service-credentials/{}/rotate", text(&pair.partner.credential["id"])));
    let request = pair.gateway.admin(Method::POST, &path).json(&json!({"overlapSeconds": 0}));
    assert_eq!(answer(request).await.0, 200);
    pair.become_everywhere([200, 200, 200, 401, 200]).await;
}

#[tokio::test]
async fn a_replica_that_the_broker_does_not_reach_goes_by_its_memory_no_longer_than_its_time_to_live() {
    let gateway = Harness::start().await;
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let alone = gateway
        .replica(|settings| {
            settings.broker.url = testkit::redirected(&settings.broker.url, nowhere);
        })
        .await;
    let pair = Pair::with(gateway, alone).await;
    pair.delete("").await;
    assert_eq!(pair.statuses(&pair.gateway.service).await, [401; 5]);
    assert_eq!(pair.statuses(&pair.other).await, [200; 5]);
    pair.gateway.let_caches_grow_old();
    assert_eq!(pair.statuses(&pair.other).await, [401; 5]);
}

#[tokio::test]
async fn a_credential_that_is_remembered_ends_by_the_clock() {
    let gateway = unheard().await;
    let client = gateway.client("acme").await;
    let soon = gateway.service.process.clock.now() + TimeDelta::seconds(2);
    let key = gateway.key(&client, json!({"surface": "crm", "expiresAt": soon})).await;
    let ask = async || status(&gateway.service, text(&key["key"]), PRODUCTS).await;
    assert_eq!(ask().await, 200);
    let (_pool, _lock) = held_up(&gateway).await;
    gateway.service.process.clock.advance(TimeDelta::seconds(1));
    assert_eq!(ask().await, 200);
    gateway.service.process.clock.advance(TimeDelta::seconds(1));
    assert_eq!(ask().await, 401);
}
