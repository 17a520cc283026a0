//! Whether HubSpot may be called at the moment: the breaker, and the pauses that HubSpot asks for. Shared by
//! everything in the process that calls it.

use crate::clients::hubspot_answers::Outage;
use chrono::{DateTime, Utc};
use platform::breaker::{Admission, Breaker};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The pause after the first failure; it doubles with every further one.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause of our own: so often a HubSpot that is down is asked again.
const LONGEST: Duration = Duration::from_mins(1);

/// The breaker of one HubSpot account.
#[derive(Debug)]
pub struct Gate(Mutex<Breaker>);

impl Default for Gate {
    fn default() -> Self {
        Self(Mutex::new(Breaker::new(FIRST, LONGEST)))
    }
}

impl Gate {
    /// Asks for a call: with whole batches or with one lead. One that is admitted alone reports back.
    pub fn admit(&self, now: DateTime<Utc>) -> Admission {
        self.lock().admit(now)
    }

    /// HubSpot answered a call that began then; it may have asked for a pause.
    pub fn succeeded(&self, began: DateTime<Utc>, now: DateTime<Utc>, pause: Option<Duration>) {
        if self.lock().succeeded(began, now, pause) {
            tracing::info!("hubspot works again");
            metrics::gauge!("leadwire_hubspot_breaker_open").set(0);
        }
    }

    /// HubSpot did not work on a call that began then. Answers when it may be called again.
    pub fn failed(&self, began: DateTime<Utc>, now: DateTime<Utc>, outage: &Outage) -> DateTime<Utc> {
        let mut breaker = self.lock();
        if !breaker.is_failing() {
            tracing::warn!(reason = outage.reason, "hubspot does not work: leads wait");
            metrics::gauge!("leadwire_hubspot_breaker_open").set(1);
        }
        breaker.failed(began, now, outage.retry_after)
    }

    /// There was nothing to call with.
    pub fn unused(&self) {
        self.lock().unused();
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
