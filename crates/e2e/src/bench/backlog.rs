//! How fast a backlog is delivered: 20,000 leads are accepted and published while the dispatcher does not run, then
//! it is started. The time counts from the start of its process.

use super::delivery::book::Book;
use super::delivery::costs::{self, Spent};
use super::delivery::load::{CONNECTIONS, Leads};
use super::delivery::stack::Stack;
use super::delivery::{ROUNDS, leads};
use super::{Report, line, line_of, median, per_second, underneath};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BACKLOG: usize = 20_000;
const PATIENCE: Duration = Duration::from_mins(3);
const LEAST_PER_SECOND: f64 = 6_000.0;

/// Measures several times over.
pub async fn run() -> Report {
    let mut stack = Box::pin(Stack::start()).await;
    let partner = stack.sign_up("bench").await;
    stack.subscribe(&partner, &stack.receiver, 0..1).await;
    let count = leads(BACKLOG);
    let [mut from_start, mut from_first, mut first_after, mut told_after]: [Vec<f64>; 4] = Default::default();
    let mut spent: Vec<Spent> = Vec::new();
    for _ in 0..ROUNDS {
        stack.stop_dispatcher();
        // A place more for each connection, which finds out only then that all are sent.
        let book = Arc::new(Book::new(count, 1, count + CONNECTIONS));
        stack.receiver.write_into(&book);
        Leads::new(stack.gateway, &partner, &book).closed().join().await;
        assert_eq!((book.accepted(), book.deliveries()), (count, 0));
        stack.published().await;
        let (processes, start) = (stack.processes(), Instant::now());
        let before = processes.spent();
        stack.start_dispatcher().await;
        book.completed(PATIENCE).await;
        let (first, last) = book.first_and_last();
        from_start.push(per_second(count, last - start));
        from_first.push(per_second(count, last - first));
        first_after.push((first - start).as_secs_f64() * 1_000.0);
        assert_eq!(book.again(), 0, "nothing comes twice where nothing dies");
        stack.settled().await;
        told_after.push(last.elapsed().as_secs_f64() * 1_000.0);
        spent.push(costs::per_thousand(&before, &stack.processes().spent(), count));
    }
    let mut lines = vec![
        line("backlog", f64::from(u32::try_from(count).unwrap()), "leads"),
        line_of("delivered, from the start of the process", &from_start, "deliveries/s"),
        line_of("delivered, from the first delivery", &from_first, "deliveries/s"),
        line_of("first delivery after the start", &first_after, "ms"),
        line_of("last lead completed after the last delivery", &told_after, "ms"),
    ];
    lines.extend(costs::lines("spent", "CPU-s/1,000 leads", &spent));
    let (beneath, machine) = underneath::measure().await;
    lines.extend(beneath);
    Report {
        scenario: "backlog",
        lines,
        aim: "20,000 leads delivered at 6,000/s from the start of the dispatcher, as this machine is when busy",
        reached: median(&from_start) >= LEAST_PER_SECOND * machine.busy,
    }
}
