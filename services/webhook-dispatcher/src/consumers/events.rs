//! `webhook-dispatcher.events`: every public event, fanned out.

use crate::domain::event::Event;
use crate::state::State;
use crate::usecases::fan_out::{FanOutError, fan_out};
use contracts::event::CloudEvent;
use contracts::topology::{WEBHOOK_DISPATCHER_EVENTS, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use platform_pg::StoreError;
use serde_json::value::RawValue;

/// The data of an event is carried as it came.
type AnyEvent = CloudEvent<Box<RawValue>>;

/// Fans events out.
#[derive(Clone, Debug)]
pub struct FanOut(pub State);

impl Handler for FanOut {
    const QUEUE: WorkQueue = WEBHOOK_DISPATCHER_EVENTS;
    const BATCH: usize = 64;
    type Message = AnyEvent;

    async fn handle(&self, batch: &[Incoming<AnyEvent>]) -> Result<(), HandleError> {
        let events: Vec<Event> = batch.iter().map(|incoming| read(&incoming.message)).collect();
        fan_out(&self.0, &events).await.map_err(disposition)
    }
}

fn read(event: &AnyEvent) -> Event {
    Event {
        id: event.id,
        organization: event.tenantid,
        source: event.source.clone(),
        kind: event.kind.clone(),
        occurred_at: event.time,
        traceparent: event.traceparent.clone(),
        track_delivery: event.trackdelivery,
        payload: event.data.get().as_bytes().to_vec(),
    }
}

fn disposition(error: FanOutError) -> HandleError {
    match error {
        FanOutError::Store(StoreError::Unavailable(_)) => HandleError::Unavailable(error.into()),
        FanOutError::Store(_) => HandleError::Transient(error.into()),
        FanOutError::OutOfRange(_) => HandleError::Permanent(error.into()),
    }
}
