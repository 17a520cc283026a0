//! Telling the sender of a LEX message what became of it, at the notification webhook of its organisation.
//!
//! A notice is a delivery like any other, of an event that goes to this one address: it is signed, retried and
//! accounted for, and leads to no further events.

use crate::domain::delivery::{DeliveryKey, DeliveryState};
use crate::domain::event::{Event, origin};
use crate::domain::lex::Routing;
use crate::domain::notice::{self, KIND, LastAttempt};
use crate::store::deliveries::NewDelivery;
use crate::store::events::NewEvent;
use crate::store::outcomes::SettledEvent;
use crate::store::{deliveries, events, messages, organizations};
use contracts::Service;
use contracts::ids::{EventId, OrganizationId};
use platform::clock::Clock;
use platform::ids::IdSource;
use platform_pg::StoreError;
use sqlx::PgConnection;

/// Tells the sender of a message when nobody who should have it got it.
///
/// # Errors
/// When the database is unavailable.
pub async fn tell(
    connection: &mut PgConnection,
    clock: &Clock,
    ids: &IdSource,
    settled: &SettledEvent,
) -> Result<(), StoreError> {
    let failed = settled.dead_letter > 0 && settled.delivered == 0;
    if !failed || Event::publisher_of(&settled.source) != Some(Service::LexRouter) {
        return Ok(());
    }
    if organizations::notices(connection, settled.organization).await?.is_none() {
        return Ok(());
    }
    let found = events::find(connection, &[settled.event.as_uuid()]).await?;
    let Some(Ok(routing)) = found.first().map(|event| Routing::read(&event.payload)) else {
        return Ok(());
    };
    let last =
        messages::last_dead(connection, settled.event).await?.map_or_else(LastAttempt::default, |dead| {
            LastAttempt {
                attempts: u32::try_from(dead.attempts).unwrap_or(0),
                status: dead.last_status.and_then(|status| u16::try_from(status).ok()),
                at: dead.attempted_at,
            }
        });
    let expired = settled.expired > 0;
    let document = notice::document(settled.event, &routing, expired, last, clock.now());
    send(connection, clock, ids, settled.organization, document).await
}

/// Sends a document to the notification webhook of an organisation, if it has one.
///
/// # Errors
/// When the database is unavailable.
pub async fn send(
    connection: &mut PgConnection,
    clock: &Clock,
    ids: &IdSource,
    organization: OrganizationId,
    document: Vec<u8>,
) -> Result<(), StoreError> {
    let Some(notices) = organizations::notices(connection, organization).await? else { return Ok(()) };
    let now = clock.now();
    let source = Service::WebhookDispatcher.event_source();
    let event = Event {
        id: EventId::new(ids.at(now)),
        organization,
        origin: origin(&source, None),
        source,
        kind: KIND.to_owned(),
        occurred_at: now,
        traceparent: None,
        request_id: None,
        subject: Some(notices.id.to_string()),
        track_delivery: false,
        about: Some(notices.id),
        payload: document,
        expiry: None,
        routing: None,
    };
    let new = NewEvent { event: &event, wanted: true, settled_at: None };
    events::insert(connection, &[new], now).await?;
    let key = DeliveryKey { event: event.id, subscription: notices.id };
    let delivery = NewDelivery { key, organization, state: DeliveryState::Pending, counts: true };
    deliveries::insert(connection, &[delivery], now).await
}
