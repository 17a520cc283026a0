//! How long a lead takes from the moment that it was to be sent to its receipt by a subscriber, when few come: an open
//! loop, so that a delay of one is not hidden by the next ones waiting for it.

use super::delivery::book::Book;
use super::delivery::costs::{self, Spent};
use super::delivery::load::Leads;
use super::delivery::stack::Stack;
use super::delivery::{ROUNDS, time};
use super::{Line, Report, line_of, median, underneath};
use crate::partner::Partner;
use std::sync::Arc;
use std::time::Duration;

/// A second, and the most that p50 and p99 may be there, in milliseconds.
const RATES: [(u32, f64, f64); 2] = [(50, 4.0, 10.0), (200, 5.0, 20.0)];
const SECONDS: u64 = 15;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Figures {
    p50: Vec<f64>,
    p99: Vec<f64>,
    longest: Vec<f64>,
    answer_p50: Vec<f64>,
    answer_p99: Vec<f64>,
    spent: Vec<Spent>,
}

/// Measures at both rates in turn, several times over.
pub async fn run() -> Report {
    let stack = Box::pin(Stack::start()).await;
    let partner = stack.sign_up("bench").await;
    stack.subscribe(&partner, &stack.receiver, 0..1).await;
    // Not counted: connections are opened, caches filled.
    round(&stack, &partner, 200, Duration::from_secs(2)).await;
    let mut all = RATES.map(|rate| (rate, Figures::default()));
    for _ in 0..ROUNDS {
        for ((per_second, ..), figures) in &mut all {
            let (book, spent) = round(&stack, &partner, *per_second, time(SECONDS)).await;
            let (receipts, answers) = (book.to_the_endpoints(0..1), book.to_the_answer());
            figures.p50.push(receipts.percentile(50));
            figures.p99.push(receipts.percentile(99));
            figures.longest.push(receipts.longest());
            figures.answer_p50.push(answers.percentile(50));
            figures.answer_p99.push(answers.percentile(99));
            figures.spent.push(spent);
        }
    }
    let (beneath, machine) = underneath::measure().await;
    let (mut lines, mut reached) = (Vec::new(), true);
    for ((per_second, most_p50, most_p99), figures) in all {
        let (p50, p99) = (median(&figures.p50), median(&figures.p99));
        reached &= p50 <= most_p50 / machine.alone && p99 <= most_p99 / machine.alone;
        lines.extend(shown(per_second, &figures));
    }
    lines.extend(beneath);
    Report {
        scenario: "latency",
        lines,
        aim: "50/s: p50 4 ms, p99 10 ms at most; 200/s: p50 5 ms, p99 20 ms at most; as this machine is alone",
        reached,
    }
}

/// All of them arrive, each once.
async fn round(stack: &Stack, partner: &Partner, per_second: u32, time: Duration) -> (Arc<Book>, Spent) {
    let count = usize::try_from(u64::from(per_second) * time.as_secs()).unwrap();
    let book = Arc::new(Book::new(count, 1, count));
    let leads = Leads::new(stack.gateway, partner, &book);
    stack.receiver.write_into(&book);
    let processes = stack.processes();
    let before = processes.spent();
    tokio::task::spawn_blocking(move || leads.open(per_second)).await.unwrap();
    book.completed(PATIENCE).await;
    let spent = costs::per_thousand(&before, &processes.spent(), count);
    assert_eq!((book.deliveries(), book.again()), (count, 0));
    stack.settled().await;
    (book, spent)
}

fn shown(per_second: u32, figures: &Figures) -> Vec<Line> {
    let at = format!("{per_second}/s");
    let mut lines: Vec<Line> = [
        ("to the receipt, p50", &figures.p50),
        ("to the receipt, p99", &figures.p99),
        ("to the receipt, the longest", &figures.longest),
        ("to the 201, p50", &figures.answer_p50),
        ("to the 201, p99", &figures.answer_p99),
    ]
    .into_iter()
    .map(|(what, rounds)| line_of(format!("{at}: {what}"), rounds, "ms"))
    .collect();
    lines.extend(costs::lines(&format!("{at}: spent"), "CPU-s/1,000 leads", &figures.spent));
    lines
}
