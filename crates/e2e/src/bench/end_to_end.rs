//! How many leads a second are accepted and delivered, for as long as one likes: a closed loop from end to end, in
//! which a bounded number of leads is on its way, so that nothing piles up. To one endpoint and to five.
//!
//! What a lead costs counts from the first one sent to the last one completed, with all that is told in between.

use super::delivery::book::Book;
use super::delivery::costs::{self, Spent};
use super::delivery::load::{CONNECTIONS, Leads};
use super::delivery::stack::Stack;
use super::delivery::{ROUNDS, time};
use super::{Line, Report, line, line_of, median, per_second, underneath};
use crate::partner::Partner;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Not counted.
const WARM_UP: Duration = Duration::from_secs(2);
const SECONDS: u64 = 8;
/// Leads on their way at once.
const PLACES: usize = 512;
/// More than get through in a second, made beforehand.
const MOST_PER_SECOND: usize = 7_000;
const PATIENCE: Duration = Duration::from_mins(1);

const LEAST_LEADS: f64 = 3_500.0;
const MOST_SECONDS_PER_THOUSAND: f64 = 0.42;
const LEAST_DELIVERIES: f64 = 9_000.0;

/// What one round has found, by what is measured.
#[derive(Default)]
pub(super) struct Figures {
    accepted: Vec<f64>,
    pub(super) delivered: Vec<f64>,
    p50: Vec<f64>,
    pub(super) p99: Vec<f64>,
    answer_p50: Vec<f64>,
    answer_p99: Vec<f64>,
    behind: Vec<f64>,
    pub(super) spent: Vec<Spent>,
}

/// Measures with one and with five endpoints in turn, several times over.
pub async fn run() -> Report {
    let stack = Box::pin(Stack::start()).await;
    let partner = stack.sign_up("bench").await;
    let mut all = [(1, Figures::default()), (5, Figures::default())];
    for _ in 0..ROUNDS {
        for (endpoints, figures) in &mut all {
            let subscriptions = stack.subscribe(&partner, &stack.receiver, 0..*endpoints).await;
            round(&stack, &partner, *endpoints, figures).await;
            stack.unsubscribe(&partner, subscriptions).await;
        }
    }
    let mut lines = vec![
        line("connections", f64::from(u32::try_from(CONNECTIONS).unwrap()), ""),
        line("leads on their way at once", f64::from(u32::try_from(PLACES).unwrap()), ""),
    ];
    for (endpoints, figures) in &all {
        lines.extend(shown(*endpoints, figures));
    }
    let (beneath, machine) = underneath::measure().await;
    lines.extend(beneath);
    let [(_, one), (_, five)] = all;
    let spent = median(&one.spent.iter().map(|spent| spent["all"]).collect::<Vec<_>>());
    Report {
        scenario: "end-to-end",
        lines,
        aim: "1 endpoint: 3,500 leads/s accepted and delivered, 0.42 CPU-s per 1,000 at most; 5: 9,000 deliveries/s; \
              rates as this machine is when busy",
        reached: median(&one.delivered) >= LEAST_LEADS * machine.busy
            && spent <= MOST_SECONDS_PER_THOUSAND
            && median(&five.delivered) >= LEAST_DELIVERIES * machine.busy,
    }
}

/// Runs the load for a while; all of it arrives, each once.
pub(super) async fn round(stack: &Stack, partner: &Partner, endpoints: usize, figures: &mut Figures) {
    let window = time(SECONDS);
    let most = MOST_PER_SECOND * usize::try_from((WARM_UP + window).as_secs()).unwrap();
    let book = Arc::new(Book::new(most, endpoints, PLACES));
    let leads = Leads::new(stack.gateway, partner, &book);
    stack.receiver.write_into(&book);
    let processes = stack.processes();
    let spent_before = processes.spent();
    let load = leads.closed();
    wait(WARM_UP).await;
    let (start, accepted, delivered) = (Instant::now(), book.accepted(), book.deliveries());
    wait(window).await;
    let (accepted, delivered) = (book.accepted() - accepted, book.deliveries() - delivered);
    let took = start.elapsed();
    assert!(book.accepted() < book.len(), "there are too few leads for this machine");
    load.stop().await;
    book.completed(PATIENCE).await;
    let last = Instant::now();
    stack.settled().await;
    figures.behind.push(last.elapsed().as_secs_f64() * 1_000.0);
    figures.spent.push(costs::per_thousand(&spent_before, &processes.spent(), book.accepted()));
    figures.accepted.push(per_second(accepted, took));
    figures.delivered.push(per_second(delivered, took));
    let (answers, receipts) = (book.to_the_answer(), book.to_the_endpoints(0..endpoints));
    figures.p50.push(receipts.percentile(50));
    figures.p99.push(receipts.percentile(99));
    figures.answer_p50.push(answers.percentile(50));
    figures.answer_p99.push(answers.percentile(99));
    assert_eq!(book.again(), 0, "nothing comes twice where nothing dies");
}

async fn wait(time: Duration) {
    tokio::time::timeout(time, std::future::pending::<()>()).await.ok();
}

fn shown(endpoints: usize, figures: &Figures) -> Vec<Line> {
    let to = format!("to {endpoints}");
    let mut lines: Vec<Line> = [
        ("accepted", &figures.accepted, "leads/s"),
        ("delivered", &figures.delivered, "deliveries/s"),
        ("from sending to receipt, p50", &figures.p50, "ms"),
        ("from sending to receipt, p99", &figures.p99, "ms"),
        ("from sending to the 201, p50", &figures.answer_p50, "ms"),
        ("from sending to the 201, p99", &figures.answer_p99, "ms"),
        ("last lead completed after the last delivery", &figures.behind, "ms"),
    ]
    .into_iter()
    .map(|(what, rounds, unit)| line_of(format!("{to}: {what}"), rounds, unit))
    .collect();
    lines.extend(costs::lines(&format!("{to}: spent"), "CPU-s/1,000 leads", &figures.spent));
    lines
}
