//! What a subscriber that hangs takes from others: one of five endpoints accepts connections and answers only after
//! 15 s. The other four, and then an endpoint of another organisation, are compared with themselves when nobody
//! hangs, in the same run. An open loop, as in `latency`.

use super::delivery::book::Book;
use super::delivery::load::Leads;
use super::delivery::receiver::Receiver;
use super::delivery::stack::Stack;
use super::delivery::{ROUNDS, time};
use super::{Line, Report, line, line_of, median};
use crate::partner::Partner;
use std::sync::Arc;
use std::time::Duration;

const RATES: [u32; 2] = [50, 500];
const SECONDS: u64 = 10;
/// Longer than the engine waits for an answer, so that the worst of it is seen.
const HANGING_SECONDS: u64 = 20;
/// The endpoints that are well, and the one that is not.
const WELL: usize = 4;
const HANGING: usize = 4;
const PATIENCE: Duration = Duration::from_mins(1);
/// How much longer p99 may become.
const MOST: f64 = 1.3;

/// An organisation, and where its endpoints are.
struct Side {
    partner: Partner,
    receiver: Receiver,
}

/// p50 and p99 of several rounds.
#[derive(Default)]
struct Figures {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Figures {
    fn add(&mut self, book: &Book, endpoints: usize) {
        let delays = book.to_the_endpoints(0..endpoints);
        self.p50.push(delays.percentile(50));
        self.p99.push(delays.percentile(99));
    }
}

/// Measures at both rates, several times over.
pub async fn run() -> Report {
    let stack = Box::pin(Stack::start()).await;
    let partner = stack.sign_up("offerer").await;
    let us = Side { partner, receiver: stack.receiver.clone() };
    let neighbour = Side { partner: stack.sign_up("neighbour").await, receiver: Receiver::start() };
    // Not counted: connections are opened, caches filled.
    let warm = stack.subscribe(&us.partner, &us.receiver, 0..WELL).await;
    sent(&stack, &us, 200, Duration::from_secs(2), WELL).await;
    stack.unsubscribe(&us.partner, warm).await;

    let (mut lines, mut reached) = (Vec::new(), true);
    for per_second in RATES {
        // Before, and beside one that hangs; the same of the neighbour.
        let mut figures: [Figures; 4] = Default::default();
        let mut active = true;
        for _ in 0..ROUNDS {
            active &= beside_four(&stack, &us, per_second, &mut figures).await;
            active &= beside_a_neighbour(&stack, &us, &neighbour, per_second, &mut figures).await;
        }
        let (more, is_kept) = shown(per_second, &figures);
        lines.extend(more);
        lines.push(line(
            format!("{per_second}/s: the hanging one stays active (1: yes)"),
            f64::from(active),
            "",
        ));
        reached &= is_kept && active;
    }
    Report {
        scenario: "isolation",
        lines,
        aim: "healthy endpoints get all of it, p99 at most 1.3 times as long as alone; the hanging one stays active",
        reached,
    }
}

/// Five endpoints that are well, then one of them hangs. Says whether all were active at the end.
async fn beside_four(stack: &Stack, us: &Side, per_second: u32, figures: &mut [Figures; 4]) -> bool {
    let ids = stack.subscribe(&us.partner, &us.receiver, 0..HANGING + 1).await;
    let book = sent(stack, us, per_second, time(SECONDS), WELL).await;
    figures[0].add(&book, WELL);
    us.receiver.hang(HANGING, true);
    let book = sent(stack, us, per_second, time(HANGING_SECONDS), WELL).await;
    figures[1].add(&book, WELL);
    let active = stack.unsubscribe(&us.partner, ids).await;
    us.receiver.hang(HANGING, false);
    active
}

/// The neighbour alone, then beside us with our only endpoint, which hangs.
async fn beside_a_neighbour(
    stack: &Stack,
    us: &Side,
    neighbour: &Side,
    per_second: u32,
    figures: &mut [Figures; 4],
) -> bool {
    let theirs = stack.subscribe(&neighbour.partner, &neighbour.receiver, 0..1).await;
    let ours = stack.subscribe(&us.partner, &us.receiver, HANGING..HANGING + 1).await;
    let offered = async |hanging: bool, seconds: u64| {
        us.receiver.hang(HANGING, hanging);
        // Nobody waits for what is sent to an endpoint that hangs.
        let load = sent(stack, us, per_second, time(seconds), 0);
        tokio::join!(sent(stack, neighbour, per_second, time(seconds), 1), load).0
    };
    figures[2].add(&*offered(false, SECONDS).await, 1);
    figures[3].add(&*offered(true, HANGING_SECONDS).await, 1);
    let mut active = stack.unsubscribe(&us.partner, ours).await;
    active &= stack.unsubscribe(&neighbour.partner, theirs).await;
    us.receiver.hang(HANGING, false);
    active
}

/// Sends so many a second, and waits until every one of them has reached the first `endpoints` endpoints.
async fn sent(stack: &Stack, side: &Side, per_second: u32, time: Duration, endpoints: usize) -> Arc<Book> {
    let count = usize::try_from(u64::from(per_second) * time.as_secs()).unwrap();
    let book = Arc::new(Book::new(count, endpoints, count));
    let leads = Leads::new(stack.gateway, &side.partner, &book);
    side.receiver.write_into(&book);
    tokio::task::spawn_blocking(move || leads.open(per_second)).await.unwrap();
    if endpoints > 0 {
        book.completed(PATIENCE).await;
        assert_eq!((book.deliveries(), book.again()), (count * endpoints, 0), "all of them, each once");
    }
    book
}

fn shown(per_second: u32, figures: &[Figures; 4]) -> (Vec<Line>, bool) {
    let (mut lines, mut is_kept) = (Vec::new(), true);
    let names = [
        "four of five, all well",
        "four of five, one hangs",
        "a neighbour, all well",
        "a neighbour, we hang",
    ];
    let p99 = |of: &Figures| median(&of.p99);
    for (name, of) in names.iter().zip(figures) {
        lines.push(line_of(format!("{per_second}/s: {name}, p50"), &of.p50, "ms"));
        lines.push(line_of(format!("{per_second}/s: {name}, p99"), &of.p99, "ms"));
    }
    for (who, pair) in ["four of five", "a neighbour"].iter().zip(figures.chunks(2)) {
        let times = p99(&pair[1]) / p99(&pair[0]);
        lines.push(line(format!("{per_second}/s: {who}, p99 beside one that hangs"), times, "times"));
        is_kept &= times <= MOST;
    }
    (lines, is_kept)
}
