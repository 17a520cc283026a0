//! `GET …/webhook-subscriptions/{subscription_id}/deliveries`: our addition to the contract, for finding out
//! why a delivery failed.

use crate::domain::delivery::{DeliveryState, LoggedDelivery};
use crate::domain::subscription::Family;
use crate::state::State;
use crate::usecases::list_deliveries::{Page, list_deliveries};
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::FaultCode;
use contracts::ids::{EventId, SubscriptionId};
use dialects::partner::WebhooksRead;
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

const DEFAULT_LIMIT: u8 = 50;
const MAX_LIMIT: u8 = 100;

/// Query of the log.
#[derive(Debug, Deserialize)]
pub struct LogQuery {
    limit: Option<String>,
    cursor: Option<String>,
}

/// 200 with a page, newest event first; `next_cursor` is null on the last one. 404 when the caller has no
/// such subscription.
pub async fn list(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    query: web::Query<LogQuery>,
) -> Result<HttpResponse, HttpFault> {
    let missing = || Fault::new(FaultCode::NotFound, "there is no such subscription");
    let subscription: SubscriptionId =
        path.1.parse().map_err(|error: uuid::Error| missing().because(error))?;
    let page = read_page(&query, subscription).map_err(Fault::validation)?;
    let deliveries = list_deliveries(&state, &caller.principal, Family::Partner, subscription, page)
        .await?
        .ok_or_else(missing)?;
    let items: Vec<Value> = deliveries.items.iter().map(write).collect();
    let next = deliveries.next.map(|event| write_cursor(event, subscription));
    let data = json!({"count": items.len(), "items": items, "next_cursor": next});
    Ok(HttpResponse::Ok().json(json!({"ok": true, "data": data})))
}

fn read_page(query: &LogQuery, subscription: SubscriptionId) -> Result<Page, Vec<Violation>> {
    let mut violations = Vec::new();
    let limit = match query.limit.as_deref().map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit @ 1..=MAX_LIMIT)) => limit,
        Some(_) => {
            violations.push(Violation::new("limit", "must be an integer between 1 and 100"));
            DEFAULT_LIMIT
        }
    };
    let after = query.cursor.as_deref().filter(|cursor| !cursor.is_empty()).and_then(|cursor| {
        let after = read_cursor(cursor, subscription);
        if after.is_none() {
            violations.push(Violation::new("cursor", "is not a next_cursor of this list"));
        }
        after
    });
    if violations.is_empty() { Ok(Page { limit, after }) } else { Err(violations) }
}

/// The last event's id and a check that binds it to the subscription.
fn write_cursor(event: EventId, subscription: SubscriptionId) -> String {
    URL_SAFE_NO_PAD.encode([event.as_uuid().as_bytes().as_slice(), &cursor_check(subscription)].concat())
}

fn read_cursor(cursor: &str, subscription: SubscriptionId) -> Option<EventId> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (id, check) = bytes.split_first_chunk::<16>()?;
    (check == cursor_check(subscription)).then(|| EventId::new(Uuid::from_bytes(*id)))
}

fn cursor_check(subscription: SubscriptionId) -> [u8; 8] {
    let digest = platform::secrets::digest(subscription.as_uuid().as_bytes());
    digest.first_chunk().copied().unwrap_or_default()
}

/// The id is the `webhook-id` that the receiver sees.
fn write(delivery: &LoggedDelivery) -> Value {
    json!({
        "id": delivery.key.webhook_id(),
        "event_id": delivery.key.event,
        "event_type": delivery.event_kind,
        "status": delivery.state.name(),
        "attempt_count": delivery.attempts,
        "response_code": delivery.last_status,
        "error": delivery.last_error,
        "scheduled_for": delivery.next_at,
        "delivered_at": delivery.ended_at.filter(|_| delivery.state == DeliveryState::Delivered),
        "created_at": delivery.created_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_one_subscription() {
        let id = |number| Uuid::from_u128(number);
        let cursor = write_cursor(EventId::new(id(5)), SubscriptionId::new(id(1)));
        assert_eq!(read_cursor(&cursor, SubscriptionId::new(id(1))), Some(EventId::new(id(5))));
        assert_eq!(read_cursor(&cursor, SubscriptionId::new(id(2))), None);
        assert_eq!(read_cursor("nonsense", SubscriptionId::new(id(1))), None);
    }
}
