//! A company with a million products, through gateway and crm-resources: what a page costs at the beginning, in the
//! middle and at the end of the list, by cursor and by number, and how many reads and changes of single products a
//! second are answered meanwhile.
//!
//! A walk by cursor counts the list once; a page by number counts it every time and passes over what lies before.

use super::gateway::load::{Load, Measured, Requests, get, measure, with_body};
use super::gateway::stack::{Process, credentials, insert_admin, start_gateway, start_service};
use super::{Line, Report, line, line_of, median};
use contracts::Service;
use platform_broker::topology;
use reqwest::Client;
use serde_json::Value;
use sqlx::PgPool;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use testkit::TestDatabase;
use testkit::broker::TestBroker;

/// Products, unless another number is asked for.
pub const ROWS: u32 = 1_000_000;
/// The largest page there is.
const LIMIT: usize = 100;
/// Pages of a walk that its beginning, middle and end are judged by.
const SAMPLE: usize = 100;
/// How often a page by number is asked for.
const ASKED: usize = 5;
const WARM_UP: Duration = Duration::from_millis(500);
const TIME: Duration = Duration::from_secs(4);
const CLIENTS: usize = 16;
/// Products that are read and changed, far apart in the list. One request in four is a change.
const TOUCHED: usize = 1_000;

/// How much dearer the end of a walk may be than its beginning.
const FLAT: f64 = 1.5;

/// Measures a list of so many products.
pub async fn run(rows: u32) -> Report {
    let folder = std::env::temp_dir().join(format!("leadwire-bench-{}", testkit::unique_id().simple()));
    fs::create_dir(&folder).unwrap();
    let (database, control, broker) = tokio::join!(
        TestDatabase::create(Service::CrmResources),
        TestDatabase::create(Service::Gateway),
        TestBroker::start(),
    );
    broker.apply(topology::PLATFORM).await;
    let (_crm, upstream, _) = start_service(&folder, Service::CrmResources, &database, &broker).await;
    let (gateway, address) = start_gateway(&folder, upstream, &control, &broker).await;
    let _gateway = Process(gateway);
    let (key, _) = credentials(address, &insert_admin(&control).await).await;
    let company = Company { http: testkit::http(), url: format!("http://{address}/api/v1/products"), key };
    fill(&database.pool(), &control.pool(), rows).await;

    let walk = company.walk(usize::try_from(rows).unwrap()).await;
    let mut lines = vec![line("products", f64::from(rows), "")];
    let sample = SAMPLE.min(walk.len() / 3).max(1);
    let part = |from: usize| median(&walk[from..from + sample]);
    let (first, middle, last) = (part(1), part(walk.len() / 2 - sample / 2), part(walk.len() - sample));
    lines.push(line("by cursor: the first page, which counts", walk[0], "ms"));
    for (what, millis) in
        [("pages at the beginning", first), ("pages in the middle", middle), ("pages at the end", last)]
    {
        lines.push(line(format!("by cursor: {what}, median"), millis, "ms"));
    }
    let pages = walk.len();
    for (what, page) in [("first", 1), ("middle", pages / 2), ("last", pages)] {
        let mut asked = Vec::new();
        for _ in 0..ASKED {
            let start = Instant::now();
            let items = company.page(&format!("page={page}")).await["data"].as_array().unwrap().len();
            assert!(items > 0, "page {page} is empty");
            asked.push(millis(start));
        }
        lines.push(line_of(format!("by number: the {what} page, median"), &asked, "ms"));
    }
    lines.extend(reads_and_changes(address, &company.key, rows));
    fs::remove_dir_all(&folder).unwrap();
    Report {
        scenario: "crm",
        lines,
        aim: "the end of a walk by cursor costs at most 1.5 times its beginning; no page by number fails",
        reached: last <= FLAT * first && middle <= FLAT * first,
    }
}

/// Inserts products of the benchmark's organisation, some at every moment of ten days.
pub(super) async fn fill(products: &PgPool, control: &PgPool, rows: u32) {
    let organization: uuid::Uuid = sqlx::query_scalar("select id from organizations where slug = 'bench'")
        .fetch_one(control)
        .await
        .unwrap();
    let mut connection = products.acquire().await.unwrap();
    // So many rows at once take longer than any statement of the service may.
    sqlx::query("set statement_timeout = 0").execute(&mut *connection).await.unwrap();
    sqlx::query(
        "insert into products
         select $1, lpad(to_hex(number), 24, '0'), 1, 'product ' || number, 'product-' || number, 'SKU-' || number,
             repeat('d', 200), 'simple', true, '{}', 'category ' || number % 100, 'mxn', number, false, 'self', true, 16,
             now() - number * interval '864 milliseconds', now() - number * interval '864 milliseconds'
         from generate_series(1, $2) as number",
    )
    .bind(organization)
    .bind(i64::from(rows))
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::query("vacuum analyze products").execute(&mut *connection).await.unwrap();
}

struct Company {
    http: Client,
    url: String,
    key: String,
}

impl Company {
    async fn page(&self, query: &str) -> Value {
        let request = self.http.get(format!("{}?limit={LIMIT}&{query}", self.url)).bearer_auth(&self.key);
        let (status, body) = testkit::answer(request).await;
        assert_eq!(status, 200, "{query}: {body}");
        body
    }

    /// Walks through the list from end to end; what each page took, in milliseconds.
    async fn walk(&self, rows: usize) -> Vec<f64> {
        let (mut times, mut cursor, mut met) = (Vec::new(), String::new(), 0);
        loop {
            let start = Instant::now();
            let body = self.page(&format!("cursor={cursor}")).await;
            times.push(millis(start));
            met += body["data"].as_array().unwrap().len();
            match body["meta"]["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(met, rows, "a walk meets every product");
        times
    }
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1_000.0
}

/// Reads of single products with every fourth one a change.
pub(super) fn reads_and_changes(address: SocketAddr, key: &str, rows: u32) -> Vec<Line> {
    let step = (usize::try_from(rows).unwrap() / TOUCHED).max(1);
    let requests = (0..TOUCHED * 4).map(|number| {
        let path = format!("/api/v1/products/{:024x}", 1 + number % TOUCHED * step);
        if number % 4 == 0 {
            with_body("PATCH", &path, key, &format!(r#"{{"data":{{"price_cents":{number}}}}}"#))
        } else {
            get(&path, key)
        }
    });
    let requests = Requests::mixed(requests.collect());
    let load = Load { address, clients: CLIENTS, warm_up: WARM_UP, time: TIME, status: 200 };
    let measured: Measured = measure(load, &requests);
    vec![
        line(
            format!("3 reads to 1 change of single products, {CLIENTS} connections"),
            measured.per_second(),
            "requests/s",
        ),
        line("the same: p50", measured.percentile(50), "ms"),
        line("the same: p99", measured.percentile(99), "ms"),
    ]
}
