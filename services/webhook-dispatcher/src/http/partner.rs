//! `/api/v1/partners/{partner_slug}/webhook-subscriptions`.

use super::partner_body;
use crate::domain::subscription::Family;
use crate::state::State;
use crate::usecases::create_subscription::create_subscription;
use crate::usecases::list_subscriptions::list_subscriptions;
use actix_web::{HttpResponse, web};
use dialects::partner::{WebhooksRead, WebhooksWrite};
use platform::Fault;
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::json;

/// 201 with the subscription and, this once, its whole secret.
pub async fn create(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let wanted = partner_body::read(&document, |url| state.outbound.check(url)).map_err(Fault::validation)?;
    let created = create_subscription(&state, &caller.principal, Family::Partner, &wanted).await?;
    let data = partner_body::write_created(&wanted, &created);
    Ok(HttpResponse::Created().json(json!({"ok": true, "data": data})))
}

/// 200 with every subscription of the partner.
pub async fn list(caller: Caller<WebhooksRead>, state: web::Data<State>) -> Result<HttpResponse, HttpFault> {
    let subscriptions = list_subscriptions(&state, &caller.principal, Family::Partner).await?;
    let items: Vec<_> = subscriptions.iter().map(partner_body::write_listed).collect();
    let data = json!({"count": items.len(), "items": items});
    Ok(HttpResponse::Ok().json(json!({"ok": true, "data": data})))
}
