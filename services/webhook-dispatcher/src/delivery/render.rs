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

/// Renders an event for a subscription.
///
/// # Errors
/// When the stored data is not JSON, which the fan-out does not store.
pub(super) fn body(subscription: &Subscription, event: &Event) -> serde_json::Result<Vec<u8>> {
    let data: &RawValue = serde_json::from_slice(&event.payload)?;
    match subscription.family {
        Family::Partner => serde_json::to_vec(&PartnerBody {
            id: event.id,
            event: &event.kind,
            occurred_at: event.occurred_at,
            partner_slug: &subscription.organization_slug,
            data,
        }),
    }
}
