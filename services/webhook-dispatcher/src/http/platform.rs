//! `/api/v1/api-clients/{id}/webhooks` and what is below one of them.

use super::query::{DEFAULT_LIMIT, MAX_LIMIT, Query, owner, pagination};
use super::{fields, platform_body};
use crate::domain::subscription::{Owner, Part, ShownSubscription};
use crate::error::missing;
use crate::state::State;
use crate::usecases::create_subscription::create_subscription;
use crate::usecases::delete_subscriptions::delete_subscription;
use crate::usecases::list_subscriptions::{find_subscription, list_subscriptions};
use crate::usecases::recover::recover;
use crate::usecases::update_subscription::{rotate_secret, update_subscription};
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::identity::Principal;
use contracts::ids::SubscriptionId;
use dialects::platform_api::{WebhooksRead, WebhooksWrite};
use platform::Fault;
use platform_http::{Caller, HttpFault, JsonBody, OptionalJsonBody};
use secrecy::ExposeSecret;
use serde_json::json;

/// The client and the webhook of a path.
pub type Path = web::Path<(String, String)>;

/// The webhook that a path names; a malformed id names none.
pub fn webhook(id: &str) -> Result<SubscriptionId, Fault> {
    id.parse().ok().ok_or_else(|| missing("webhook"))
}

/// The webhook that a path names, if its client has it.
async fn known(
    state: &State,
    principal: Principal,
    path: &(String, String),
) -> Result<(Owner, ShownSubscription), Fault> {
    let owner = owner(principal, &path.0)?;
    let found = find_subscription(state, &owner, webhook(&path.1)?).await?;
    Ok((owner, found.ok_or_else(|| missing("webhook"))?))
}

/// 201 with the webhook and, this once, its whole secret.
pub async fn create(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    client: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let owner = owner(caller.principal, &client)?;
    let wanted =
        platform_body::read(&document, |url| state.outbound.check(url)).map_err(Fault::validation)?;
    let (created, secret) = create_subscription(&state, &owner, wanted.terms, &wanted.url).await?;
    Ok(HttpResponse::Created().json(platform_body::write(&created, Some(secret.expose_secret()))))
}

/// 200 with a page of the client's webhooks.
pub async fn list(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    client: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let owner = owner(caller.principal, &client)?;
    let mut query = Query::parse(request.query_string());
    let status = query.parsed("status", platform_body::NOT_A_STATE, platform_body::read_state);
    let page = query.number("page", 1, i64::from(i32::MAX));
    let limit = query.number("limit", DEFAULT_LIMIT, MAX_LIMIT);
    query.parsed("sortBy", "must be createdAt", |text| (text == "createdAt").then_some(()));
    let order = query.parsed("sortOrder", "must be asc or desc", |text| match text {
        _ if text.eq_ignore_ascii_case("asc") => Some(false),
        _ if text.eq_ignore_ascii_case("desc") => Some(true),
        _ => None,
    });
    query.finish()?;
    let part = Part { newest_first: order.unwrap_or(true), behind: None, offset: (page - 1) * limit, limit };
    let listed = list_subscriptions(&state, &owner, status, part).await?;
    let data: Vec<_> = listed.items.iter().map(platform_body::write_row).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "pagination": pagination(page, limit, listed.total)})))
}

/// 200 with one webhook.
pub async fn get(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let (_, found) = known(&state, caller.principal, &path).await?;
    Ok(HttpResponse::Ok().json(platform_body::write(&found, None)))
}

/// 200 with the webhook as it is then.
pub async fn change(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (owner, found) = known(&state, caller.principal, &path).await?;
    let change = platform_body::read_change(&document, &found, |url| state.outbound.check(url))
        .map_err(Fault::validation)?;
    let url = change.url.as_ref();
    let changed = update_subscription(&state, &owner, found.id, url, |terms| change.apply(terms)).await?;
    Ok(HttpResponse::Ok().json(platform_body::write(&changed, None)))
}

/// 204; what was pending is cancelled.
pub async fn delete(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let owner = owner(caller.principal, &path.0)?;
    let deleted = delete_subscription(&state, &owner, webhook(&path.1)?).await?;
    if deleted { Ok(HttpResponse::NoContent().finish()) } else { Err(missing("webhook").into()) }
}

/// 200 with the webhook and, this once, its whole new secret.
pub async fn rotate(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
    OptionalJsonBody(document): OptionalJsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (owner, found) = known(&state, caller.principal, &path).await?;
    let overlap = fields::overlap(document.as_ref(), "overlapSeconds").map_err(Fault::validation)?;
    let (changed, secret) = rotate_secret(&state, &owner, found.id, overlap, None).await?;
    Ok(HttpResponse::Ok().json(platform_body::write(&changed, Some(secret.expose_secret()))))
}

/// 202 with what is recovered, and how much of it is due already.
pub async fn recover_since(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (owner, found) = known(&state, caller.principal, &path).await?;
    let wish = fields::wish(&document).map_err(Fault::validation)?;
    let begun = recover(&state, &owner, found.id, wish).await?;
    let states: Vec<_> = begun.states.iter().map(|state| state.name().to_ascii_uppercase()).collect();
    Ok(HttpResponse::Accepted().json(json!({
        "id": begun.id, "since": begun.since, "until": begun.until, "status": states,
        "recovered": begun.recovered, "done": begun.done,
    })))
}
