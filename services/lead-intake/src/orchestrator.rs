//! Carries leads through HubSpot: takes those that are due, makes the calls of their next steps, keeps what
//! came of it. The state is in the database; killed anywhere, what was taken is due again when its lease is
//! over, and every call may be made again.
//!
//! An outage of HubSpot, of any length, uses up no attempt: the gate closes, and leads are put back as they
//! were. Does not consume the queue: the queue only wakes it.

mod calls;
mod gate;

use crate::clients::hubspot::Hubspot;
use crate::clients::hubspot_answers::Verdict;
use crate::domain::orchestration::{Lease, Step, Task};
use crate::settings::HubspotSettings;
use crate::state::State;
use crate::store::orchestrations::Postponed;
use crate::usecases::carry_on::{self, Progress};
use crate::usecases::change_status::ChangeStatusError;
use calls::Fate;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::ids::EventId;
use gate::Gate;
use platform::breaker::Admission;
use platform::lifecycle::Shutdown;
use std::sync::Arc;
use std::time::Duration;

/// How long leads are held: three calls with their time limits, and more.
const LEASE: TimeDelta = TimeDelta::minutes(1);
/// How often the database is asked what is due, beside being told.
const POLL: Duration = Duration::from_millis(500);
/// After the database failed.
const REST: Duration = Duration::from_secs(1);
/// How often HubSpot may answer about one lead that it is to be tried again, before a person looks at it.
const ATTEMPTS: i16 = 8;
/// The pause after the first of these answers; it doubles with every further one.
const AGAIN: TimeDelta = TimeDelta::seconds(10);

/// Carries leads. Clones share their gate.
#[derive(Clone, Debug)]
pub struct Orchestrator {
    state: State,
    settings: HubspotSettings,
    hubspot: Option<Arc<Hubspot>>,
    gate: Arc<Gate>,
}

impl Orchestrator {
    /// Without HubSpot it lets leads pass by.
    pub fn new(state: State, settings: HubspotSettings, hubspot: Option<Hubspot>) -> Self {
        Self { state, settings, hubspot: hubspot.map(Arc::new), gate: Arc::default() }
    }

    /// Carries leads until the shutdown begins. What it has in hand then is finished.
    pub async fn run(self, shutdown: Shutdown) {
        while !shutdown.has_begun() {
            let wait = match self.round().await {
                Ok(0) => POLL,
                // There may be more than one can carry.
                Ok(_) => {
                    self.state.wake.notify_one();
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, "orchestrator: not carried on, trying again");
                    REST
                }
            };
            tokio::select! {
                () = self.state.wake.notified(), if wait == POLL => {}
                _ = shutdown.sleep(wait) => {}
            }
        }
    }

    /// Works until nothing is due by the clock. For tests, which move the clock themselves.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn run_until_idle(&self) -> Result<(), ChangeStatusError> {
        while self.round().await? > 0 {}
        Ok(())
    }

    /// Takes one batch as far as it goes. Answers how many leads were taken.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn round(&self) -> Result<usize, ChangeStatusError> {
        let now = self.state.clock.now();
        let batch = usize::from(self.settings.batch.clamp(1, 100));
        let limit = match &self.hubspot {
            None => batch,
            Some(_) => match self.gate.admit(now) {
                Admission::All => batch,
                Admission::One => 1,
                Admission::None => return Ok(0),
            },
        };
        let lease = Lease { token: self.state.ids.at(now), until: now + LEASE };
        let taken = carry_on::take(&self.state, lease, limit).await;
        let tasks = match taken {
            Ok(tasks) if !tasks.is_empty() => tasks,
            nothing => {
                self.gate.unused();
                return Ok(nothing?.len());
            }
        };
        let count = tasks.len();
        match &self.hubspot {
            Some(hubspot) => self.carry(hubspot, lease, tasks).await?,
            None => carry_on::pass_by(&self.state, lease, &tasks).await?,
        }
        Ok(count)
    }

    async fn carry(
        &self,
        hubspot: &Hubspot,
        lease: Lease,
        mut tasks: Vec<Task>,
    ) -> Result<(), ChangeStatusError> {
        for step in Step::ALL {
            let (due, mut others): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|task| task.step == step);
            if due.is_empty() {
                tasks = others;
                continue;
            }
            let began = self.state.clock.now();
            let outcome = calls::make(hubspot, &self.settings, step, due).await;
            let now = self.state.clock.now();
            let (progress, untouched) = sorted(step, outcome.fates, now);
            let next_at = outcome.outage.as_ref().map(|outage| self.gate.failed(began, now, outage));
            if next_at.is_none() {
                self.gate.succeeded(began, now, outcome.pause);
            }
            let lease = Lease { until: now + LEASE, ..lease };
            others.extend(carry_on::keep(&self.state, lease, progress).await?);
            if let Some(next_at) = next_at {
                let left = untouched.into_iter().chain(others.iter().map(|task| task.event_id)).collect();
                return self.put_back(lease, left, next_at).await;
            }
            self.put_back(lease, untouched, now).await?;
            tasks = others;
        }
        Ok(())
    }

    async fn put_back(
        &self,
        lease: Lease,
        events: Vec<EventId>,
        next_at: DateTime<Utc>,
    ) -> Result<(), ChangeStatusError> {
        if !events.is_empty() {
            carry_on::put_back(&self.state, lease, &events, next_at).await?;
        }
        Ok(())
    }
}

/// What each fate means for its lead.
fn sorted(step: Step, fates: Vec<(Task, Fate)>, now: DateTime<Utc>) -> (Progress, Vec<EventId>) {
    let (mut progress, mut untouched) = (Progress::default(), Vec::new());
    for (mut task, fate) in fates {
        match (fate, step) {
            (Fate::Untouched, _) => untouched.push(task.event_id),
            (Fate::Decided(Verdict::Done(id)), Step::Contact) => {
                (task.contact_id, task.step) = (Some(id), Step::Deal);
                progress.advanced.push(task);
            }
            (Fate::Decided(Verdict::Done(id)), Step::Deal) => {
                (task.deal_id, task.step) = (Some(id), Step::Association);
                progress.advanced.push(task);
            }
            (Fate::Decided(Verdict::Done(_)), Step::Association) => progress.upserted.push(task),
            (Fate::Decided(Verdict::Refused(reason)), _) => progress.refused.push((task.event_id, reason)),
            (Fate::Decided(Verdict::Again(reason)), _) if task.attempts + 1 >= ATTEMPTS => {
                progress.refused.push((task.event_id, reason));
            }
            (Fate::Decided(Verdict::Again(reason)), _) => progress.postponed.push(Postponed {
                event_id: task.event_id,
                // An object may have been merged away since its step: they are found anew from the first.
                step: Step::Contact,
                attempts: task.attempts + 1,
                next_at: now + AGAIN * (1 << task.attempts),
                reason,
            }),
        }
    }
    (progress, untouched)
}
