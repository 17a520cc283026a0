//! Waiting for something that another task or process does, without sleeping for a guessed time.

use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

const POLL: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(10);

/// Asks every 20 ms until the probe answers `Some`, for at most 10 s.
///
/// # Panics
/// When it never does; `what` names what was waited for.
pub async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(LIMIT, what, probe).await
}

/// [`eventually`] with another limit, for what is slow by nature.
///
/// # Panics
/// When the probe does not answer `Some` in time.
pub async fn eventually_within<T>(
    limit: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
    }
}
