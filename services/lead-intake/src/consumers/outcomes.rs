//! `lead-intake.outcomes`: what became of the deliveries of leads' first events.

use crate::consumers::{disposition, in_range};
use crate::domain::orchestration::{Outcome, Settled};
use crate::state::State;
use crate::usecases::note_outcomes::note_outcomes;
use contracts::event::{CloudEvent, EventData};
use contracts::ids::EventId;
use contracts::outcome::{EventMatched, EventSettled};
use contracts::topology::{LEAD_INTAKE_OUTCOMES, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::Duration;

/// Notes outcomes.
#[derive(Clone, Debug)]
pub struct Outcomes(pub State);

/// A message that is no outcome.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("an event of another type than matched and settled")]
    Type,
    #[error("the data does not decode")]
    Data,
}

impl Handler for Outcomes {
    const QUEUE: WorkQueue = LEAD_INTAKE_OUTCOMES;
    const BATCH: usize = 256;
    const PACE: Duration = Duration::from_millis(20);
    type Message = CloudEvent<Box<RawValue>>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        let now = self.0.clock.now();
        let mut outcomes: BTreeMap<EventId, Outcome> = BTreeMap::new();
        for incoming in batch {
            let (event, heard) = read(&incoming.message)?;
            in_range(event, now)?;
            let outcome = outcomes.entry(event).or_default();
            outcome.matched = outcome.matched.or(heard.matched);
            outcome.settled = outcome.settled.or(heard.settled);
        }
        let outcomes: Vec<_> = outcomes.into_iter().collect();
        note_outcomes(&self.0, &outcomes).await.map_err(disposition)
    }
}

fn read(event: &CloudEvent<Box<RawValue>>) -> Result<(EventId, Outcome), HandleError> {
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    // serde_json's own text quotes the payload.
    let undecodable = |_: serde_json::Error| HandleError::permanent(Unreadable::Data);
    match event.kind.as_str() {
        EventMatched::TYPE => {
            let matched: EventMatched = serde_json::from_str(event.data.get()).map_err(undecodable)?;
            Ok((matched.event_id, Outcome { matched: Some(count(matched.count)), settled: None }))
        }
        EventSettled::TYPE => {
            let settled: EventSettled = serde_json::from_str(event.data.get()).map_err(undecodable)?;
            let ends = Settled {
                delivered: count(settled.delivered),
                dead_letter: count(settled.dead_letter),
                cancelled: count(settled.cancelled),
                expired: count(settled.expired),
            };
            Ok((settled.event_id, Outcome { matched: None, settled: Some(ends) }))
        }
        _ => Err(HandleError::permanent(Unreadable::Type)),
    }
}
