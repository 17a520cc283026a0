//! `webhook-dispatcher.events`: every public event, fanned out.

use crate::domain::event::{Event, origin};
use crate::domain::lex::Routing;
use crate::state::State;
use crate::usecases::fan_out::{FanOutError, can_be_stored, fan_out};
use contracts::Service;
use contracts::event::{CloudEvent, EventData, Events};
use contracts::lex::LexMessage;
use contracts::topology::{WEBHOOK_DISPATCHER_EVENTS, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use platform_pg::{Kept, StoreError};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// The data of an event is carried as it came.
pub type AnyEvent = CloudEvent<Box<RawValue>>;

/// Bytes of a subject that is kept to be found by: an entry of an index has no place for any length.
const SUBJECT: usize = 512;
/// Events of one transaction.
const TOGETHER: usize = 512;

/// Fans events out.
#[derive(Clone, Debug)]
pub struct FanOut {
    state: State,
    kept: Kept,
}

impl FanOut {
    pub fn new(state: State) -> Self {
        Self { kept: Kept::new(state.database.clone()), state }
    }
}

impl Handler for FanOut {
    const QUEUE: WorkQueue = WEBHOOK_DISPATCHER_EVENTS;
    const BATCH: usize = 64;
    const ACK_LINGER: Duration = Duration::from_millis(50);
    /// One event, or several that were accepted together.
    type Message = Events<Box<RawValue>>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        let now = self.state.clock.now();
        // One that can never be stored does not keep the others of its message.
        let (mut events, mut hopeless) = (Vec::new(), None);
        for event in batch.iter().flat_map(|incoming| incoming.message.as_slice()) {
            match read(event) {
                Ok(event) if can_be_stored(&event, now) => events.push(event),
                Ok(event) => hopeless = Some(FanOutError::OutOfRange(event.id)),
                Err(error) => hopeless = Some(error),
            }
        }
        for together in events.chunks(TOGETHER) {
            fan_out(&self.state, &self.kept, together).await.map_err(disposition)?;
        }
        hopeless.map_or(Ok(()), |error| Err(disposition(error)))
    }
}

/// What delivering needs of an event.
pub fn read(event: &AnyEvent) -> Result<Event, FanOutError> {
    let publisher = Event::publisher_of(&event.source);
    let is_routed = publisher == Some(Service::LexRouter) && event.kind == LexMessage::TYPE;
    let routing = is_routed
        .then(|| Routing::read(event.data.get().as_bytes()))
        .transpose()
        .map_err(|error| FanOutError::Unreadable(event.id, error))?;
    let is_own = publisher == Some(Service::WebhookDispatcher);
    let app = (publisher == Some(Service::Ingest)).then(|| app(&event.data)).flatten();
    Ok(Event {
        id: event.id,
        organization: event.tenantid,
        source: event.source.clone(),
        kind: event.kind.clone(),
        occurred_at: event.time,
        traceparent: event.traceparent.clone(),
        request_id: event.requestid.clone(),
        subject: event.subject.clone().filter(|subject| (1..=SUBJECT).contains(&subject.len())),
        track_delivery: event.trackdelivery && !is_own,
        // The aggregate of what is about a subscription is the subscription.
        about: event.partitionkey.parse().ok().filter(|_| is_own),
        origin: origin(&event.source, app.as_deref()),
        payload: event.data.get().as_bytes().to_vec(),
        expiry: routing.as_ref().and_then(Routing::expiry),
        routing: routing.map(Arc::new),
    })
}

/// The application that sent an ingested event: its data says `custom:<app>`.
fn app(data: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Ingested<'d> {
        #[serde(borrow)]
        source: Option<Cow<'d, str>>,
    }
    let ingested: Ingested<'_> = serde_json::from_str(data.get()).ok()?;
    ingested.source?.strip_prefix("custom:").map(str::to_owned)
}

fn disposition(error: FanOutError) -> HandleError {
    match error {
        FanOutError::Store(StoreError::Unavailable(_)) => HandleError::Unavailable(error.into()),
        FanOutError::Store(_) => HandleError::Transient(error.into()),
        FanOutError::OutOfRange(_) | FanOutError::Unreadable(..) => HandleError::Permanent(error.into()),
    }
}
