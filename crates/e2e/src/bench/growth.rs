//! Whether a full database is as fast as an empty one: the load of `end-to-end` with one endpoint, beside about ten
//! thousand stored leads and beside a million, with their events, deliveries, attempts and answers.
//!
//! The stored ones are copies of leads that really went all the way, each of a time of its own before them.

use super::delivery::stack::Stack;
use super::end_to_end::{Figures, round};
use super::{Line, Report, line, line_of, median};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use std::time::Instant;

/// Leads, unless another number is asked for.
pub const ROWS: u32 = 1_000_000;
/// That are copied.
const FEW: u32 = 10_000;
const ROUNDS: usize = 3;
/// Of the throughput beside few leads.
const LEAST: f64 = 0.85;

/// Between a lead and its copies. Ids have their milliseconds, and all lie in the partitions of this month and week
/// (but in the first minutes of one).
const APART_MS: u32 = 25;

/// What makes a copy of a row another one.
#[derive(Clone, Copy)]
enum Other {
    /// A version 7 UUID: earlier, the same for the same original and copy wherever it stands.
    Id,
    Time,
    Uuid,
    Text,
}
use Other::{Id, Text, Time, Uuid};

type Table = (&'static str, &'static [(&'static str, Other)]);

const OF_LEADS: [Table; 4] = [
    ("leads", &[("lead_id", Id), ("received_at", Time), ("correlation_id", Uuid)]),
    ("orchestrations", &[("event_id", Id), ("lead_id", Id), ("next_at", Time)]),
    ("idempotency", &[("key", Text)]),
    ("inbox", &[("event_id", Id)]),
];
const OF_DELIVERIES: [Table; 4] = [
    ("events", &[("event_id", Id), ("occurred_at", Time), ("received_at", Time), ("settled_at", Time)]),
    (
        "deliveries",
        &[
            ("event_id", Id),
            ("next_at", Time),
            ("created_at", Time),
            ("ended_at", Time),
            ("attempted_at", Time),
        ],
    ),
    ("attempts", &[("id", Id), ("event_id", Id), ("started_at", Time)]),
    ("inbox", &[("event_id", Id)]),
];

/// Measures beside few leads and beside so many.
pub async fn run(rows: u32) -> Report {
    let stack = Box::pin(Stack::start()).await;
    let partner = stack.sign_up("bench").await;
    stack.subscribe(&partner, &stack.receiver, 0..1).await;
    let mut few = Figures::default();
    // Not counted: it makes the few.
    while count(&stack.leads()).await < f64::from(FEW) {
        round(&stack, &partner, 1, &mut Figures::default()).await;
    }
    let mut lines = vec![line("few: stored leads at the beginning", count(&stack.leads()).await, "")];
    for _ in 0..ROUNDS {
        round(&stack, &partner, 1, &mut few).await;
    }
    let start = Instant::now();
    let copies = (f64::from(rows) / count(&stack.leads()).await).ceil();
    fill(&stack.leads(), &OF_LEADS, copies).await;
    fill(&stack.deliveries(), &OF_DELIVERIES, copies).await;
    let filling = start.elapsed().as_secs_f64();
    lines.push(line("many: stored leads at the beginning", count(&stack.leads()).await, ""));
    lines.push(line("many: stored in", filling, "s"));
    let mut many = Figures::default();
    for _ in 0..ROUNDS {
        round(&stack, &partner, 1, &mut many).await;
    }
    let (before, after) = (median(&few.delivered), median(&many.delivered));
    lines.extend(shown("few", &few));
    lines.extend(shown("many", &many));
    lines.push(line("throughput beside many, of that beside few", after / before, ""));
    Report {
        scenario: "growth",
        lines,
        aim: "beside a million leads at least 85 % of the throughput beside ten thousand",
        reached: after >= LEAST * before,
    }
}

fn shown(beside: &str, figures: &Figures) -> Vec<Line> {
    let spent: Vec<_> = figures.spent.iter().map(|spent| spent["all"]).collect();
    vec![
        line_of(format!("{beside}: delivered"), &figures.delivered, "leads/s"),
        line_of(format!("{beside}: from sending to receipt, p99"), &figures.p99, "ms"),
        line_of(format!("{beside}: spent, all"), &spent, "CPU-s/1,000 leads"),
    ]
}

async fn count(leads: &PgPool) -> f64 {
    sqlx::query_scalar("select count(*)::float8 from leads").fetch_one(leads).await.unwrap()
}

/// Copies all rows so many times, and leaves the tables as their upkeep would in time.
async fn fill(pool: &PgPool, tables: &[Table], copies: f64) {
    let mut connection = pool.acquire().await.unwrap();
    // Millions of rows take longer than anything that a service asks for.
    run_sql(&mut connection, "set statement_timeout = 0".to_owned()).await;
    run_sql(&mut connection, earlier()).await;
    for (table, others) in tables {
        let columns: Vec<String> = sqlx::query_scalar(
            "select attname::text from pg_attribute
             where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum",
        )
        .bind(table)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        let copied: Vec<String> = columns.iter().map(|column| copy(column, others)).collect();
        let (columns, copied) = (columns.join(", "), copied.join(", "));
        // The earliest copy of everything first: then ids come in their order, as they do in life, and an index
        // grows at its end.
        let rows = format!(
            "generate_series({copies}::int, 1, -1) as copy,
             lateral (select * from {table} where copy is not null) as original"
        );
        run_sql(&mut connection, format!("insert into {table} ({columns}) select {copied} from {rows}"))
            .await;
        run_sql(&mut connection, format!("vacuum analyze {table}")).await;
    }
}

async fn run_sql(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

/// A function that gives an id's copies theirs.
fn earlier() -> String {
    format!(
        "create function pg_temp.earlier(id uuid, copy int) returns uuid language sql immutable strict return (
           lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - copy * {APART_MS}), 12, '0')
           || '7' || left(md5(id::text || copy), 3) || '8' || right(md5(id::text || copy), 15))::uuid"
    )
}

/// What stands in a column of a copy.
fn copy(column: &str, others: &[(&str, Other)]) -> String {
    match others.iter().find(|(name, _)| *name == column) {
        None => column.to_owned(),
        Some((_, Id)) => format!("pg_temp.earlier({column}, copy)"),
        Some((_, Time)) => format!("{column} - copy * interval '{APART_MS} milliseconds'"),
        Some((_, Uuid)) => format!("md5({column}::text || copy)::uuid"),
        Some((_, Text)) => format!("{column} || '/' || copy"),
    }
}
