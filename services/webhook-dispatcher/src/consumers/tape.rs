//! `webhook-dispatcher.tape`: whether every event that was published arrived here.
//!
//! The tape keeps what the queue was sent. It is read some time later, when whatever was on its way in the queue has
//! arrived, and compared with what is stored. What is missing although the queue holds nothing any more was
//! taken out of it by somebody: it is fanned out from the tape, under its own id, so that nothing is delivered
//! twice however else it comes back. What was not published yet lies in its service's outbox and is not looked for.

use super::events::read;
use crate::domain::event::Event;
use crate::settings::AccountingSettings;
use crate::state::State;
use crate::usecases::fan_out::FanOutError;
use crate::usecases::reconcile::{Mark, Turn, account, bring_back, is_lost, missing, take_turn};
use contracts::event::Events;
use contracts::ids::{EventId, OrganizationId};
use contracts::topology::{WEBHOOK_DISPATCHER_EVENTS, WEBHOOK_DISPATCHER_TAPE};
use platform::lifecycle::Shutdown;
use platform_broker::{Broker, BrokerError, Reading, Recorded};
use platform_pg::StoreError;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::time::Instant;
use uuid::Uuid;

/// Messages that are compared together.
const TOGETHER: usize = 256;
/// Reading takes one part in so many of the time: nobody waits for it.
const SHARE: u32 = 4;

/// Why a round was broken off. The next one goes on.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    FanOut(#[from] FanOutError),
}

/// Compares the tape with what is stored.
#[derive(Debug)]
pub struct Reconciler {
    state: State,
    broker: Broker,
    settings: AccountingSettings,
    replica: Uuid,
    /// How many events the last round found missing. They may have been under way, so only what the next one finds
    /// missing as well is brought back.
    suspected: usize,
}

impl Reconciler {
    pub fn new(state: State, broker: Broker, settings: AccountingSettings) -> Self {
        let replica = state.ids.at(state.clock.now());
        Self { state, broker, settings, replica, suspected: 0 }
    }

    /// Makes rounds until the shutdown begins.
    pub async fn run(mut self, shutdown: Shutdown) {
        while shutdown.sleep(self.settings.interval).await {
            match self.round(&shutdown).await {
                Ok(missing) => self.suspected = missing,
                Err(error) => tracing::warn!(%error, "events are not accounted for, trying again"),
            }
            let missing = u32::try_from(self.suspected).unwrap_or(u32::MAX);
            metrics::gauge!("leadwire_unaccounted_events").set(f64::from(missing));
        }
    }

    /// Reads what is new on the tape and old enough. Says how many events are missing then.
    async fn round(&self, shutdown: &Shutdown) -> Result<usize, RoundError> {
        let Turn::Ours(mark) = take_turn(&self.state, self.replica).await? else { return Ok(0) };
        // What is queued is not missing; and while there is a backlog nobody has time to look.
        if self.broker.waiting(WEBHOOK_DISPATCHER_EVENTS).await? > 0 {
            return Ok(self.suspected);
        }
        let (mut reading, mut next) = self.open(mark).await?;
        let mut missing = 0;
        while !next.is_empty() && !shutdown.has_begun() {
            let began = Instant::now();
            let settled = next.iter().take_while(|recorded| self.is_settled(recorded)).count();
            let at_the_end = settled < next.len();
            next.truncate(settled);
            if !self.compare(&next, &mut missing).await? || at_the_end {
                break;
            }
            shutdown.sleep(began.elapsed() * (SHARE - 1)).await;
            next = reading.next(TOGETHER).await?;
        }
        reading.close().await;
        Ok(missing)
    }

    /// The tape behind the mark, with its first messages.
    async fn open(&self, mark: Option<Mark>) -> Result<(Reading, Vec<Recorded>), RoundError> {
        let tape = self.broker.tape(WEBHOOK_DISPATCHER_TAPE);
        if let Some(mark) = mark {
            let mut reading = tape.read(Some(mark.offset)).await?;
            let mut next = reading.next(TOGETHER).await?;
            match next.first() {
                Some(first) if first.offset > mark.offset => {
                    let (from, to) = (mark.offset, first.offset);
                    tracing::warn!(from, to, "part of the tape was cut before it was compared");
                    return Ok((reading, next));
                }
                Some(first) if first.offset == mark.offset && first.message_id == mark.message => {
                    next.remove(0);
                    if next.is_empty() {
                        next = reading.next(TOGETHER).await?;
                    }
                    return Ok((reading, next));
                }
                // It is another tape than that of the mark.
                _ => reading.close().await,
            }
        }
        let mut reading = tape.read(None).await?;
        let next = reading.next(TOGETHER).await?;
        Ok((reading, next))
    }

    /// Whether a message was published so long ago that it must have arrived.
    fn is_settled(&self, recorded: &Recorded) -> bool {
        recorded.published_at.is_none_or(|published| {
            let age = (self.state.clock.now() - published).to_std().unwrap_or_default();
            age >= self.settings.settle
        })
    }

    /// Compares messages with what is stored, and adds to what was `found` missing. False when another replica has
    /// the turn.
    async fn compare(&self, messages: &[Recorded], found: &mut usize) -> Result<bool, RoundError> {
        let Some(last) = messages.last() else { return Ok(true) };
        let published: Vec<_> = messages.iter().flat_map(|recorded| names(&recorded.payload)).collect();
        let missing = missing(&self.state, &published).await?;
        if !missing.is_empty() {
            let lost = self.lost(messages, &missing);
            if self.suspected > 0 {
                bring_back(&self.state, &lost).await?;
            } else {
                *found += lost.len();
            }
        }
        if *found > 0 {
            // Here the next round begins.
            return Ok(true);
        }
        let mark = Mark { offset: last.offset, message: last.message_id };
        Ok(account(&self.state, self.replica, mark, published.len()).await?)
    }

    fn lost(&self, messages: &[Recorded], missing: &HashSet<EventId>) -> Vec<Event> {
        let bodies = messages
            .iter()
            .filter_map(|recorded| serde_json::from_slice::<Events<Box<RawValue>>>(&recorded.payload).ok());
        let mut lost = Vec::new();
        for body in bodies {
            let events = body.as_slice().iter().filter(|event| missing.contains(&event.id));
            lost.extend(events.filter_map(|event| read(event).ok()));
        }
        lost.retain(|event| is_lost(&self.state, event));
        lost
    }
}

/// The events of a message, and whose they are. None of one that nobody can read.
fn names(payload: &[u8]) -> Vec<(EventId, OrganizationId)> {
    let Ok(events) = serde_json::from_slice::<Events<IgnoredAny>>(payload) else { return Vec::new() };
    events.as_slice().iter().map(|event| (event.id, event.tenantid)).collect()
}
