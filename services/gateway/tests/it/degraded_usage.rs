//! Usage is counted whatever the database does: no request waits for it, none is lost or counted twice.

use crate::harness::{Harness, text};
use reqwest::Method;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use testkit::proxy::Proxy;
use testkit::{answer, eventually_within};

/// A gateway whose database lies behind a proxy, with a client and the requests of a key that it knows.
struct Behind {
    proxy: Proxy,
    gateway: Harness,
    client: Value,
    key: Value,
}

impl Behind {
    async fn start() -> Self {
        let database = testkit::address_of(&testkit::required("LEADWIRE_TEST_DATABASE_URL")).await;
        let proxy = Proxy::start(database).await;
        let through = proxy.address();
        let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let gateway = Harness::start_with(|settings| {
            settings.database.url = testkit::redirected(&settings.database.url, through);
            settings.usage.write_every = Duration::from_millis(10);
            settings.usage.write_timeout = Duration::from_millis(100);
            // What is known of the key stays known: nothing tells of changes, and time does not pass.
            settings.credentials.cache_ttl = Duration::from_hours(1);
            settings.broker.url = testkit::redirected(&settings.broker.url, nowhere);
        })
        .await;
        let client = gateway.client("acme").await;
        let key = gateway.key(&client, json!({"surface": "crm", "rateLimitOverride": 100_000})).await;
        let behind = Self { proxy, gateway, client, key };
        behind.ask().await;
        behind
    }

    /// A request to a service that needs the gateway's database no more, once the key is known.
    async fn ask(&self) {
        let started = Instant::now();
        let request = self.gateway.with(text(&self.key["key"]), Method::GET, "/api/v1/products");
        assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }

    async fn has_counted(&self, total: u64) {
        let path = format!("/api/v1/api-clients/{}/usage", text(&self.client["id"]));
        eventually_within(Duration::from_secs(20), "everything is counted", async || {
            let (status, usage) = answer(self.gateway.admin(Method::GET, &path)).await;
            if status != 200 {
                return None;
            }
            let counted = usage["totalRequests"].as_u64().unwrap();
            assert!(counted <= total, "too much: {usage}");
            (counted == total).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn requests_go_on_while_the_database_hangs_and_are_counted_afterwards() {
    let behind = Behind::start().await;
    behind.proxy.freeze();
    // Longer than a write is waited for, so that some are given up whose statements arrive afterwards.
    let (hangs, mut total) = (Instant::now(), 1);
    while total < 100 || hangs.elapsed() < Duration::from_millis(500) {
        behind.ask().await;
        total += 1;
    }
    behind.proxy.pass();
    behind.has_counted(total).await;
}

#[tokio::test]
async fn a_database_that_comes_and_goes_loses_no_count_and_doubles_none() {
    let behind = Behind::start().await;
    let mut total = 1;
    for round in 0..30 {
        for _ in 0..5 {
            behind.ask().await;
            total += 1;
        }
        // Wherever the writing is just now: before, in or after the commit.
        if round % 2 == 0 { behind.proxy.cut() } else { behind.proxy.pass() }
    }
    behind.proxy.pass();
    behind.has_counted(total).await;
}
