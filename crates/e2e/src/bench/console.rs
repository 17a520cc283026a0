//! The console on a database with a million deliveries, all of the last 24 hours: how long its pages take, asked for by
//! an administrator who is signed in, one after the other.
//!
//! An organisation has half of the events, nineteen others the rest; each event goes to five subscriptions. One in fifty
//! has a dead letter, and the last five hundred have one that waits. Four in a row speak of one lead; three are of a rare type,
//! and five of a rare source.

use super::gateway::stack::{Process, credentials, insert_admin, start_gateway, start_service};
use super::{Report, line};
use contracts::Service;
use platform_broker::topology;
use reqwest::{Client, redirect};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use testkit::TestDatabase;
use testkit::broker::TestBroker;
use uuid::Uuid;

/// Deliveries, unless another number is asked for.
pub const ROWS: u32 = 1_000_000;
/// To so many subscriptions goes an event.
const EACH: u32 = 5;
const ASKED: usize = 20;
/// In milliseconds.
const AIM: f64 = 100.0;
/// How long the hours may take to be counted.
const COUNTED: Duration = Duration::from_mins(2);

/// Ids of a time and a number: the same wherever they are made.
const IDS: &str = "
    create function pg_temp.id(at timestamptz, number bigint) returns uuid language sql immutable as $$
        select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(number::text), 1, 3)
            || '8' || substr(md5('-' || number), 1, 15))::uuid $$;
    create function pg_temp.organization(number bigint) returns uuid language sql immutable as $$
        select case when number = 0 then 'ORGANIZATION' else ('00000000-0000-4000-8000-' || lpad(to_hex(number), 12, '0')) end::uuid $$;
    create function pg_temp.subscription(number bigint, which bigint) returns uuid language sql immutable as $$
        select ('00000000-0000-4000-9000-' || lpad(to_hex(number * 5 + which), 12, '0'))::uuid $$";

/// The tables of the dispatcher, in their order.
const ROWS_OF: [&str; 6] = [
    "insert into subscriptions (id, organization_id, organization_slug, client_id, family, url, events, state, secret,
         secret_key_id, secret_hint, changed, created_at, updated_at)
     select pg_temp.subscription(o, s), pg_temp.organization(o), 'org' || o,
         case when o = 0 then 'CLIENT' else '00000000-0000-4000-a000-000000000001' end::uuid, 'platform',
         'https://example.com/hooks/' || s, array['lead.*'], case when s = 1 then 'paused' else 'active' end, '', '1',
         'whsec_', 0, now(), now()
     from generate_series(0, 19) as o, generate_series(0, 4) as s",
    "create temp table made as
     select number, pg_temp.id(at, number) as id, at, case when number % 2 = 0 then 0 else 1 + number / 2 % 19 end as o
     from (select number, now() - interval '24 hours' * (1 - number / EVENTS.0) as at from generate_series(1, EVENTS) as number) as one",
    "insert into events (event_id, organization_id, source, kind, occurred_at, track_delivery, payload, received_at,
         origin, subject, settled_at)
     select id, pg_temp.organization(o), '/leadwire/lead-intake',
         case when number in (2, 4, 6) then 'lead.archived'
             else (array['lead.created', 'lead.completed', 'lead.failed'])[1 + number % 3] end, at, false,
         convert_to('{\"note\":\"' || repeat(md5(number::text), 10) || '\"}', 'UTF8'), at,
         case when number in (8, 10, 12, 14, 16) then 'crm' else 'intake' end, md5('lead' || number / 4)::uuid, at
     from made",
    "insert into deliveries (event_id, subscription_id, organization_id, state, attempts, next_at, last_status, last_error,
         created_at, ended_at, reason, attempted_at)
     select id, pg_temp.subscription(o, s), pg_temp.organization(o),
         case when dies then 2 when waits then 0 else 1 end, 1, at, case when dies then 500 else 200 end,
         case when dies then 'answered 500: the receiver is out of order' end, at, case when not waits then at end,
         case when dies then 'exhausted' end, at
     from made, generate_series(0, 4) as s,
         lateral (select number % 50 = 0 and s = 0 as dies, number > EVENTS - 500 and s = 1 as waits) as how",
    "insert into attempts (id, event_id, subscription_id, attempt, replay, started_at, duration_ms, status, error)
     select pg_temp.id(at, number * 5 + s), id, pg_temp.subscription(o, s), 1, 0, at, 12,
         case when number % 50 = 0 and s = 0 then 500 else 200 end,
         case when number % 50 = 0 and s = 0 then 'answered 500: the receiver is out of order' end
     from made, generate_series(0, 4) as s where not (number > EVENTS - 500 and s = 1)",
    // What was counted of the hours while they were empty.
    "update hours_counted set until = '2000-01-01'",
];

/// Measures the pages of a database with so many deliveries.
pub async fn run(rows: u32) -> Report {
    let folder = std::env::temp_dir().join(format!("leadwire-bench-{}", testkit::unique_id().simple()));
    fs::create_dir(&folder).unwrap();
    let (database, control, broker) = tokio::join!(
        TestDatabase::create(Service::WebhookDispatcher),
        TestDatabase::create(Service::Gateway),
        TestBroker::start(),
    );
    broker.apply(topology::PLATFORM).await;
    let (dispatcher, upstream, _) =
        start_service(&folder, Service::WebhookDispatcher, &database, &broker).await;
    let (first, address) = start_gateway(&folder, upstream, &control, &broker).await;
    let first = Process(first);
    let admin = insert_admin(&control).await;
    credentials(address, &admin).await;
    let owner: (Uuid, Uuid) = sqlx::query_as(
        "select c.organization_id, c.id from api_clients c join organizations o on o.id = organization_id where slug = 'bench'",
    )
    .fetch_one(&control.pool())
    .await
    .unwrap();
    fill(&database.pool(), owner, rows).await;
    // The next ones begin by counting the hours.
    drop((dispatcher, first));
    let (_dispatcher, upstream, _) =
        start_service(&folder, Service::WebhookDispatcher, &database, &broker).await;
    let (gateway, address) = start_gateway(&folder, upstream, &control, &broker).await;
    let _gateway = Process(gateway);
    let counting = Instant::now();
    testkit::eventually_within(COUNTED, "the hours are counted", async || {
        let up_to_date = "select until > now() - interval '5 minutes' from hours_counted";
        sqlx::query_scalar::<_, bool>(up_to_date).fetch_one(&database.pool()).await.unwrap().then_some(())
    })
    .await;
    let mut lines = vec![
        line("deliveries", f64::from(rows), ""),
        line("all hours counted, from the start of the dispatcher", counting.elapsed().as_secs_f64(), "s"),
    ];
    let mut worst: f64 = 0.0;
    let visitor = Visitor::sign_in(address, &admin).await;
    for (what, page) in pages(&database.pool(), owner).await {
        let (median, slowest) = visitor.measure(&page).await;
        worst = worst.max(median);
        lines.push(line(format!("{what}: median"), median, "ms"));
        lines.push(line(format!("{what}: slowest of {ASKED}"), slowest, "ms"));
    }
    fs::remove_dir_all(&folder).unwrap();
    Report { scenario: "console", lines, aim: "every page in 100 ms (median)", reached: worst < AIM }
}

async fn fill(pool: &PgPool, (organization, client): (Uuid, Uuid), rows: u32) {
    let mut connection = pool.acquire().await.unwrap();
    // So many rows at once take longer than any statement of the service may.
    execute(&mut connection, "set statement_timeout = 0").await;
    let values = |statement: &str| {
        let events = (rows / EACH).to_string();
        let statement = statement.replace("ORGANIZATION", &organization.to_string());
        statement.replace("CLIENT", &client.to_string()).replace("EVENTS", &events)
    };
    for statement in IDS.split_inclusive("$$;") {
        execute(&mut connection, &values(statement)).await;
    }
    for statement in ROWS_OF {
        execute(&mut connection, &values(statement)).await;
    }
    for table in ["subscriptions", "events", "deliveries", "attempts"] {
        execute(&mut connection, &format!("vacuum analyze {table}")).await;
    }
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(connection).await.unwrap();
}

/// What is looked at.
async fn pages(pool: &PgPool, (organization, client): (Uuid, Uuid)) -> Vec<(&'static str, String)> {
    let (event, subscription): (Uuid, Uuid) =
        sqlx::query_as("select event_id, subscription_id from deliveries where state = 2 and organization_id = $1 order by event_id desc limit 1")
            .bind(organization)
            .fetch_one(pool)
            .await
            .unwrap();
    let of = format!("organization={organization}");
    let lead: String = sqlx::query_scalar("select subject from events where event_id = $1")
        .bind(event)
        .fetch_one(pool)
        .await
        .unwrap();
    let deliveries = "/api/v1/admin/deliveries";
    vec![
        ("overview of all", String::new()),
        ("overview of one organisation", format!("?{of}")),
        ("events", format!("/events?{of}")),
        ("events of a type", format!("/events?{of}&type=lead.failed")),
        ("events of a type that is not there", format!("/events?{of}&type=nothing.at.all")),
        ("events of a rare type", format!("/events?{of}&type=lead.archived")),
        ("events of a rare source", format!("/events?{of}&source=crm")),
        ("events of a lead", format!("/events?{of}&subject={lead}")),
        ("an event", format!("/events/{event}")),
        ("a delivery", format!("/deliveries/msg_{}_{}", event.simple(), subscription.simple())),
        ("dead letters of all", "/dead-letters".to_owned()),
        ("dead letters of one organisation", format!("/dead-letters?{of}&by=error")),
        ("dead letters of a subscription", format!("/dead-letters?{of}&subscription={subscription}")),
        ("a webhook", format!("/webhooks/{client}/{subscription}")),
        ("API: summary of all", "/api/v1/admin/deliveries/summary".to_owned()),
        (
            "API: summary of a subscription",
            format!("/api/v1/admin/deliveries/summary?subscription={subscription}"),
        ),
        ("API: deliveries of a rare type", format!("{deliveries}?{of}&type=lead.archived")),
        ("API: deliveries of a type that most have", format!("{deliveries}?{of}&type=lead.created")),
        ("API: deliveries of a rare type, of all organisations", format!("{deliveries}?type=lead.archived")),
        ("API: deliveries of an organisation", format!("{deliveries}?{of}")),
        (
            "API: deliveries of an organisation that has none",
            format!("{deliveries}?organization={}", testkit::unique_id()),
        ),
        ("API: deliveries of a status that none has", format!("{deliveries}?{of}&status=cancelled")),
        ("API: deliveries that wait", format!("{deliveries}?status=pending")),
        ("API: services", "/api/v1/admin/services".to_owned()),
        ("API: dead letters by reason", "/api/v1/admin/deliveries/stats".to_owned()),
        ("API: dead letters by type", "/api/v1/admin/deliveries/stats?by=type".to_owned()),
        ("API: a webhook", format!("/api/v1/api-clients/{client}/webhooks/{subscription}")),
        (
            "API: deliveries of a webhook",
            format!("/api/v1/api-clients/{client}/webhooks/{subscription}/deliveries?limit=50"),
        ),
    ]
}

struct Visitor {
    http: Client,
    address: SocketAddr,
    cookie: String,
    key: String,
}

impl Visitor {
    async fn sign_in(address: SocketAddr, key: &str) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        let request = http.post(format!("http://{address}/console/sign-in")).body(format!("key={key}"));
        let response =
            request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { http, address, cookie, key: key.to_owned() }
    }

    /// The median and the slowest, in milliseconds, after two that are not counted.
    async fn measure(&self, page: &str) -> (f64, f64) {
        let mut times = Vec::new();
        for number in 0..ASKED + 2 {
            let start = Instant::now();
            let request = if page.starts_with("/api/") {
                self.http.get(format!("http://{}{page}", self.address)).bearer_auth(&self.key)
            } else {
                let url = format!("http://{}/console{page}", self.address);
                self.http.get(url).header("cookie", &self.cookie)
            };
            let response = request.send().await.unwrap();
            let status = response.status();
            let text = response.text().await.unwrap();
            assert_eq!(status, 200, "{page}: {text}");
            if number >= 2 {
                times.push(start.elapsed().as_secs_f64() * 1_000.0);
            }
        }
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[times.len() - 1])
    }
}
