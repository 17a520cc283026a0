//! `lex-router.outcomes`: what became of the deliveries of messages. That they were matched changes nothing here.

use crate::consumers::{Unreadable, of_store};
use crate::state::State;
use crate::usecases::note_outcomes::note_outcomes;
use contracts::event::{CloudEvent, EventData};
use contracts::outcome::EventSettled;
use contracts::topology::{LEX_ROUTER_OUTCOMES, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use serde_json::value::RawValue;
use std::time::Duration;

/// Notes outcomes.
#[derive(Clone, Debug)]
pub struct Outcomes(pub State);

impl Handler for Outcomes {
    const QUEUE: WorkQueue = LEX_ROUTER_OUTCOMES;
    const BATCH: usize = 256;
    const PACE: Duration = Duration::from_millis(20);
    type Message = CloudEvent<Box<RawValue>>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        let events = batch.iter().map(|incoming| &incoming.message);
        let settled = events.filter(|event| event.kind == EventSettled::TYPE).map(|event| {
            // serde_json's own text quotes the payload.
            serde_json::from_str::<EventSettled>(event.data.get())
                .map_err(|_quoting: serde_json::Error| HandleError::permanent(Unreadable))
        });
        let settled = settled.collect::<Result<Vec<_>, _>>()?;
        if settled.is_empty() {
            return Ok(());
        }
        note_outcomes(&self.0, &settled).await.map_err(of_store)
    }
}
