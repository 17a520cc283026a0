//! `lead-intake.outcomes`: what became of the deliveries of leads' first events.

use crate::consumers::{TOGETHER, disposition, in_range};
use crate::domain::orchestration::{Outcome, Settled};
use crate::state::State;
use crate::usecases::note_outcomes::note_outcomes;
use contracts::event::{CloudEvent, EventData, Events};
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
    /// Nobody waits for the status of a lead as for the lead. Most deliveries end within this time of being made, so
    /// that both are noted at once.
    const LINGER: Duration = Duration::from_millis(250);
    /// One outcome, or several that were found together.
    type Message = Events<Box<RawValue>>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        let now = self.0.clock.now();
        let mut outcomes: BTreeMap<EventId, Outcome> = BTreeMap::new();
        // One that says nothing does not keep the others of its message.
        let mut hopeless = Ok(());
        for event in batch.iter().flat_map(|incoming| incoming.message.as_slice()) {
            let heard = read(event).and_then(|(event, heard)| in_range(event, now).map(|()| (event, heard)));
            match heard {
                Ok((event, heard)) => {
                    let outcome = outcomes.entry(event).or_default();
                    outcome.matched = outcome.matched.or(heard.matched);
                    outcome.settled = outcome.settled.or(heard.settled);
                }
                Err(error) => hopeless = Err(error),
            }
        }
        let outcomes: Vec<_> = outcomes.into_iter().collect();
        for together in outcomes.chunks(TOGETHER) {
            note_outcomes(&self.0, together).await.map_err(disposition)?;
        }
        hopeless
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
