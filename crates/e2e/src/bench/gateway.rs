//! What the gateway costs beside nginx: the same upstream asked directly, through nginx, and through the
//! gateway with authentication and limits on, all in the same minutes on the same two cores.
//!
//! nginx only passes requests on. The gateway also recognises the caller, charges rate limits, claims the
//! token's `jti` in PostgreSQL (service JWTs), signs an identity token, and writes metrics and a log line.

pub(super) mod load;
pub(super) mod stack;

use super::{Report, line, line_of, median};
use load::{Load, Requests, measure};
use stack::Stack;
use std::collections::HashMap;
use std::time::Duration;

pub use stack::serve_upstream;

const ROUNDS: usize = 5;
/// A warm-up before every measurement is not counted.
const WARM_UP: Duration = Duration::from_millis(300);
const ALONE: Duration = Duration::from_secs(2);
const TOGETHER: Duration = Duration::from_secs(2);
const CLIENTS: usize = 32;
/// More than any run of one round uses; a token is good for one request.
const TOKENS: usize = 60_000;

const MOST_ADDED_MILLIS: f64 = 0.4;
const LEAST_SHARE: f64 = 0.5;

/// What is compared, in the order of the report.
const DIRECT: &str = "direct";
const NGINX: &str = "nginx";
const KEY: &str = "gateway, crm key";
const TOKEN: &str = "gateway, service JWT";

/// The figures of one kind of way over all rounds.
#[derive(Default)]
struct Figures {
    p50: Vec<f64>,
    p99: Vec<f64>,
    per_second: Vec<f64>,
    busy_p99: Vec<f64>,
}

/// Measures all ways in turn, several times over.
pub async fn run() -> Report {
    let stack = Stack::start().await;
    let mut figures: HashMap<&str, Figures> = HashMap::new();
    for _ in 0..ROUNDS {
        for (way, address) in
            [(DIRECT, stack.upstream), (NGINX, stack.nginx), (KEY, stack.gateway), (TOKEN, stack.gateway)]
        {
            let requests = match way {
                DIRECT | NGINX => Requests::same("/api/v1/products", "any"),
                KEY => Requests::same("/api/v1/products", &stack.key),
                _ => Requests::each("/api/v1/partners/bench/leads", &stack.tokens(TOKENS)),
            };
            let alone =
                measure(Load { address, clients: 1, warm_up: WARM_UP, time: ALONE, status: 200 }, &requests);
            let busy = measure(
                Load { address, clients: CLIENTS, warm_up: WARM_UP, time: TOGETHER, status: 200 },
                &requests,
            );
            let figures = figures.entry(way).or_default();
            figures.p50.push(alone.percentile(50));
            figures.p99.push(alone.percentile(99));
            figures.per_second.push(busy.per_second());
            figures.busy_p99.push(busy.percentile(99));
        }
    }
    report(&figures)
}

fn report(figures: &HashMap<&str, Figures>) -> Report {
    let of = |way: &str, which: fn(&Figures) -> &Vec<f64>| median(which(&figures[way]));
    let mut lines = Vec::new();
    for way in [DIRECT, NGINX, KEY, TOKEN] {
        lines.push(line_of(format!("{way}: p50, 1 client"), &figures[way].p50, "ms"));
        lines.push(line_of(format!("{way}: p99, 1 client"), &figures[way].p99, "ms"));
        lines.push(line_of(format!("{way}: {CLIENTS} clients"), &figures[way].per_second, "requests/s"));
        lines.push(line_of(format!("{way}: p99, {CLIENTS} clients"), &figures[way].busy_p99, "ms"));
    }
    let added = |way| of(way, |of| &of.p50) - of(DIRECT, |of| &of.p50);
    let share = |way| of(way, |of| &of.per_second) / of(NGINX, |of| &of.per_second);
    for way in [NGINX, KEY, TOKEN] {
        lines.push(line(format!("{way}: added to direct at p50"), added(way), "ms"));
    }
    for way in [KEY, TOKEN] {
        lines.push(line(format!("{way}: share of nginx's requests/s"), share(way), ""));
    }
    Report {
        scenario: "gateway",
        lines,
        aim: "with a key, at most 0.4 ms added at p50 and at least half of nginx's requests/s",
        reached: added(KEY) <= MOST_ADDED_MILLIS && share(KEY) >= LEAST_SHARE,
    }
}
