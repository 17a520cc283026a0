//! `lex-router.outcomes`: what became of the deliveries of messages. That they were matched changes nothing here.

use crate::consumers::{Unreadable, of_store};
use crate::state::State;
use crate::usecases::note_outcomes::note_outcomes;
use contracts::event::{EventData, Events};
use contracts::outcome::EventSettled;
use contracts::topology::{LEX_ROUTER_OUTCOMES, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use serde_json::value::RawValue;
use std::time::Duration;

/// Outcomes of one transaction.
const TOGETHER: usize = 512;

/// Notes outcomes.
#[derive(Clone, Debug)]
pub struct Outcomes(pub State);

impl Handler for Outcomes {
    const QUEUE: WorkQueue = LEX_ROUTER_OUTCOMES;
    const BATCH: usize = 64;
    const LINGER: Duration = Duration::from_millis(50);
    /// One outcome, or several that were found together.
    type Message = Events<Box<RawValue>>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        // One that cannot be read does not keep the others of its message.
        let (mut settled, mut unreadable) = (Vec::new(), Ok(()));
        let events = batch.iter().flat_map(|incoming| incoming.message.as_slice());
        for event in events.filter(|event| event.kind == EventSettled::TYPE) {
            match serde_json::from_str::<EventSettled>(event.data.get()) {
                Ok(event) => settled.push(event),
                // serde_json's own text quotes the payload.
                Err(_quoting) => unreadable = Err(HandleError::permanent(Unreadable)),
            }
        }
        for together in settled.chunks(TOGETHER) {
            note_outcomes(&self.0, together).await.map_err(of_store)?;
        }
        unreadable
    }
}
