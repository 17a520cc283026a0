//! `…/webhook-subscriptions/{subscription_id}/deliveries`, `…/test` and `…/deliveries/{delivery_id}/retry`: our
//! additions to the contract, for finding out why a delivery failed.

use super::partner::{Path, owner, subscription};
use super::query::{read_cursor, write_cursor};
use crate::domain::delivery::{DeliveryKey, DeliveryState, ShownDelivery};
use crate::error::missing;
use crate::state::State;
use crate::usecases::list_deliveries::{Page, list_deliveries};
use crate::usecases::send_test::{retry_delivery, send_test};
use actix_web::{HttpResponse, web};
use contracts::ids::SubscriptionId;
use dialects::partner::{WebhooksRead, WebhooksWrite};
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault};
use serde::Deserialize;
use serde_json::{Value, json};

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
    path: Path,
    query: web::Query<LogQuery>,
) -> Result<HttpResponse, HttpFault> {
    let subscription = subscription(&path.1)?;
    let page = read_page(&query, subscription);
    // Whether it is there comes first: of what is not the caller's, nothing is told.
    let asked = *page.as_ref().unwrap_or(&Page { limit: 1, after: None });
    let deliveries = list_deliveries(&state, &owner(caller.principal), subscription, asked)
        .await?
        .ok_or_else(|| missing("subscription"))?;
    page.map_err(Fault::validation)?;
    let items: Vec<Value> = deliveries.items.iter().map(write).collect();
    let next = deliveries.next.map(|event| write_cursor(event, subscription.as_uuid().as_bytes()));
    let data = json!({"count": items.len(), "items": items, "next_cursor": next});
    Ok(HttpResponse::Ok().json(json!({"ok": true, "data": data})))
}

/// 202 with the delivery of a test event.
pub async fn test(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let delivery = send_test(&state, &owner(caller.principal), subscription(&path.1)?).await?;
    Ok(HttpResponse::Accepted().json(json!({"ok": true, "data": write(&delivery)})))
}

/// 202 with the delivery, which is due now.
pub async fn retry(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let subscription = subscription(&path.1)?;
    let key = DeliveryKey::of_webhook_id(&path.2)
        .filter(|key| key.subscription == subscription)
        .ok_or_else(|| missing("delivery"))?;
    let delivery = retry_delivery(&state, &owner(caller.principal), key).await?;
    Ok(HttpResponse::Accepted().json(json!({"ok": true, "data": write(&delivery)})))
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
        let after = read_cursor(cursor, subscription.as_uuid().as_bytes());
        if after.is_none() {
            violations.push(Violation::new("cursor", "is not a next_cursor of this list"));
        }
        after
    });
    if violations.is_empty() { Ok(Page { limit, after }) } else { Err(violations) }
}

/// The id is the `webhook-id` that the receiver sees.
fn write(delivery: &ShownDelivery) -> Value {
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
