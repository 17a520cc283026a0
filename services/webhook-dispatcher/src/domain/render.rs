//! The body of a delivery. The same delivery renders to the same bytes every time.

use crate::domain::event::Event;
use crate::domain::subscription::{Family, Subscription};
use chrono::{DateTime, Utc};
use contracts::ids::EventId;
use serde::Serialize;
use serde_json::value::RawValue;

/// The partner family's body.
#[derive(Serialize)]
struct PartnerBody<'e> {
    id: EventId,
    event: &'e str,
    occurred_at: DateTime<Utc>,
    partner_slug: &'e str,
    data: &'e RawValue,
}

/// The platform family's body.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlatformBody<'e> {
    id: String,
    event_type: &'e str,
    timestamp: DateTime<Utc>,
    source: &'e str,
    data: &'e RawValue,
    version: &'static str,
}

/// Renders an event for a subscription.
///
/// # Errors
/// When the stored data is not JSON, which the fan-out does not store.
pub fn body(subscription: &Subscription, event: &Event) -> serde_json::Result<Vec<u8>> {
    match subscription.family {
        Family::Partner => {
            let data: &RawValue = serde_json::from_slice(&event.payload)?;
            serde_json::to_vec(&PartnerBody {
                id: event.id,
                event: &event.kind,
                occurred_at: event.occurred_at,
                partner_slug: &subscription.organization_slug,
                data,
            })
        }
        Family::Platform => platform_body(event),
    }
}

/// What every subscription of the platform family gets of an event.
///
/// # Errors
/// When the stored data is not JSON, which the fan-out does not store.
pub fn platform_body(event: &Event) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&PlatformBody {
        id: event.public_id(),
        event_type: &event.kind,
        timestamp: event.occurred_at,
        source: &event.origin,
        data: serde_json::from_slice(&event.payload)?,
        version: "1.0",
    })
}
