//! What the scenarios about deliveries share: the processes of a lead's whole way, a receiver that is always faster
//! than its sender, loads, and the books of both.

pub(super) mod book;
pub(super) mod costs;
pub(super) mod load;
pub(super) mod receiver;
pub(super) mod stack;

use std::time::Duration;

/// How long a measurement takes: what the scenario says, or `LEADWIRE_BENCH_SECONDS` for a look at whether it works.
pub(super) fn time(usual: u64) -> Duration {
    let wanted = testkit::optional("LEADWIRE_BENCH_SECONDS").map(|seconds| seconds.parse().unwrap());
    Duration::from_secs(wanted.unwrap_or(usual))
}

/// How many leads there are: what the scenario says, or fewer where it is to be short.
pub(super) fn leads(usual: usize) -> usize {
    if testkit::optional("LEADWIRE_BENCH_SECONDS").is_some() { usual / 20 } else { usual }
}

/// How often everything is measured; the report has the medians.
pub(super) const ROUNDS: usize = 3;
