//! `/v1/subscriptions/{id}/deliveries`, `…/test` and `…/deliveries/{deliveryId}/retry`: our additions to the
//! contract, for finding out why a delivery failed.

use super::lex::{Exchange, subscription};
use super::platform_body::write_delivery;
use super::query::{MAX_LIMIT, Query, read_cursor, write_cursor};
use crate::domain::delivery::DeliveryKey;
use crate::error::missing;
use crate::state::State;
use crate::usecases::list_deliveries::{Page, list_deliveries};
use crate::usecases::send_test::{retry_delivery, send_test};
use actix_web::{HttpRequest, HttpResponse, web};
use dialects::lex::SubscriptionsManage;
use platform_http::{Caller, HttpFault};
use serde_json::json;

const DEFAULT_LIMIT: i64 = 50;

/// 200 with a page, newest message first; `nextCursor` is null on the last one.
pub async fn list(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let (owner, id) = (Exchange::of(caller.principal).owner, subscription(&id)?);
    let mut query = Query::parse(request.query_string());
    let limit = query.number("limit", DEFAULT_LIMIT, MAX_LIMIT);
    let list = id.as_uuid();
    let after =
        query.parsed("cursor", "is not a nextCursor of this list", |text| read_cursor(text, list.as_bytes()));
    let page = Page { limit: u8::try_from(limit).unwrap_or(u8::MAX), after };
    // Whether it is there comes first: of what is not the caller's, nothing is told.
    let found = list_deliveries(&state, &owner, id, page).await?.ok_or_else(|| missing("subscription"))?;
    query.finish()?;
    let deliveries: Vec<_> = found.items.iter().map(write_delivery).collect();
    let next = found.next.map(|event| write_cursor(event, list.as_bytes()));
    Ok(HttpResponse::Ok().json(json!({"deliveries": deliveries, "nextCursor": next})))
}

/// 202 with the delivery of a test message.
pub async fn test(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let owner = Exchange::of(caller.principal).owner;
    let delivery = send_test(&state, &owner, subscription(&id)?).await?;
    Ok(HttpResponse::Accepted().json(write_delivery(&delivery)))
}

/// 202 with the delivery, which is due now.
pub async fn retry(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let (owner, id) = (Exchange::of(caller.principal).owner, subscription(&path.0)?);
    let key = DeliveryKey::of_webhook_id(&path.1).filter(|key| key.subscription == id);
    let delivery = retry_delivery(&state, &owner, key.ok_or_else(|| missing("delivery"))?).await?;
    Ok(HttpResponse::Accepted().json(write_delivery(&delivery)))
}
