//! The short version of `./dev chaos`: the same load, faults and reckoning, fewer of them.

use e2e::chaos::{Options, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_every_accepted_write_is_stored_published_and_delivered_once() {
    let report = run(Options { seed: 4009, writes: 600, faults: 8, cluster: false }, |_| ()).await;
    assert!(report.is_whole(), "{report}");
}
