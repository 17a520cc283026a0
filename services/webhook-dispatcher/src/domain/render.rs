//! The body of a delivery. The same delivery renders to the same bytes every time, but for what a LEX message says
//! of the attempts before.

use crate::domain::event::Event;
use crate::domain::lex::{Routing, UnreadableRouting};
use crate::domain::notice;
use crate::domain::subscription::{Family, Subscription};
use chrono::{DateTime, Utc};
use contracts::ids::EventId;
use contracts::lex::LexFormat;
use lex::render::{Format, Reader, Render, Rendered, RetryContext};
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

/// The stored data cannot be rendered, which the fan-out does not store.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Routing(#[from] UnreadableRouting),
    #[error(transparent)]
    Message(#[from] lex::message::Unreadable),
}

/// Renders an event for a subscription. `retry` is for LEX messages, from the second attempt on.
///
/// # Errors
/// When the stored data is not what the fan-out stores.
pub fn render(
    subscription: &Subscription,
    event: &Event,
    retry: Option<RetryContext>,
) -> Result<Rendered, RenderError> {
    let body = match subscription.family {
        Family::Partner => {
            let data: &RawValue = serde_json::from_slice(&event.payload)?;
            serde_json::to_vec(&PartnerBody {
                id: event.id,
                event: &event.kind,
                occurred_at: event.occurred_at,
                partner_slug: &subscription.organization_slug,
                data,
            })?
        }
        Family::Platform => platform_body(event)?,
        Family::Lex if event.kind == notice::KIND => event.payload.clone(),
        Family::Lex => return message(subscription, event, retry),
    };
    Ok(Rendered { body, content_type: Format::JsonEdi.content_type(), headers: Vec::new() })
}

/// A LEX message: one that was routed, or one of our own that stands for itself.
fn message(
    subscription: &Subscription,
    event: &Event,
    retry: Option<RetryContext>,
) -> Result<Rendered, RenderError> {
    let wish = subscription.lex.as_ref();
    let format = match wish.map(|wish| wish.format) {
        Some(LexFormat::XmlEdi) => Format::XmlEdi,
        Some(LexFormat::JsonEdi) | None => Format::JsonEdi,
    };
    if event.is_own() {
        let reader = Reader::of(wish.map_or(&[], |wish| &wish.lex_ids), None);
        return Ok(Render { format, retry, reader }.write(&lex::Message::from_json(&event.payload)?));
    }
    let routing = Routing::read(&event.payload)?;
    let reader = Reader::of(routing.lex_ids(subscription), None);
    Ok(Render { format, retry, reader }.write(&routing.message))
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
