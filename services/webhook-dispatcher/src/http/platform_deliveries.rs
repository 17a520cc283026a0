//! `/api/v1/api-clients/{id}/webhooks/{webhookId}/deliveries`, `…/test` and `…/deliveries/{deliveryId}/retry`.

use super::platform::{Path, webhook};
use super::platform_body::write_delivery;
use super::query::{MAX_LIMIT, Query, owner, read_cursor, write_cursor};
use crate::domain::delivery::{DeliveryKey, ShownDelivery};
use crate::error::missing;
use crate::state::State;
use crate::usecases::list_deliveries::{Page, list_deliveries, platform_bodies};
use crate::usecases::send_test::{retry_delivery, send_test};
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::ids::EventId;
use dialects::platform_api::{WebhooksRead, WebhooksWrite};
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};
use std::collections::HashMap;

const DEFAULT_LIMIT: i64 = 50;

/// 200 with a page of deliveries and what they carry, newest event first; `nextCursor` is null on the last one.
pub async fn list(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: Path,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let (owner, id) = (owner(caller.principal, &path.0)?, webhook(&path.1)?);
    let mut query = Query::parse(request.query_string());
    let limit = query.number("limit", DEFAULT_LIMIT, MAX_LIMIT);
    let name = id.to_string();
    let after =
        query.parsed("cursor", "is not a nextCursor of this list", |text| read_cursor(text, name.as_bytes()));
    let page = Page { limit: u8::try_from(limit).unwrap_or(u8::MAX), after };
    // Whether it is there comes first: of what is not the caller's, nothing is told.
    let found = list_deliveries(&state, &owner, id, page).await?.ok_or_else(|| missing("webhook"))?;
    query.finish()?;
    let bodies = platform_bodies(&state, &found.items).await?;
    let data: Vec<_> = found.items.iter().map(|delivery| write(delivery, &bodies)).collect();
    let next = found.next.map(|event| write_cursor(event, name.as_bytes()));
    Ok(HttpResponse::Ok().json(json!({"data": data, "nextCursor": next})))
}

fn write(delivery: &ShownDelivery, bodies: &HashMap<EventId, Value>) -> Value {
    let mut row = write_delivery(delivery);
    row["payload"] = bodies.get(&delivery.key.event).cloned().unwrap_or_default();
    row
}

/// 202 with the delivery of a test event.
pub async fn test(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let delivery = send_test(&state, &owner(caller.principal, &path.0)?, webhook(&path.1)?).await?;
    Ok(HttpResponse::Accepted().json(write_delivery(&delivery)))
}

/// 202 with the delivery, which is due now.
pub async fn retry(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let (owner, id) = (owner(caller.principal, &path.0)?, webhook(&path.1)?);
    let key = DeliveryKey::of_webhook_id(&path.2).filter(|key| key.subscription == id);
    let delivery = retry_delivery(&state, &owner, key.ok_or_else(|| missing("delivery"))?).await?;
    Ok(HttpResponse::Accepted().json(write_delivery(&delivery)))
}
