//! `/api/v1/partners/{partner_slug}/webhook-subscriptions` and what is below one of them.

use super::{fields, partner_body};
use crate::domain::subscription::{Family, Owner, Part};
use crate::error::missing;
use crate::state::State;
use crate::usecases::create_subscription::create_subscription;
use crate::usecases::delete_subscriptions::delete_subscription;
use crate::usecases::list_subscriptions::{find_subscription, list_subscriptions};
use crate::usecases::recover::recover;
use crate::usecases::update_subscription::{rotate_secret, update_subscription};
use actix_web::{HttpResponse, web};
use contracts::identity::Principal;
use contracts::ids::SubscriptionId;
use dialects::partner::{WebhooksRead, WebhooksWrite};
use platform::Fault;
use platform_http::{Caller, HttpFault, JsonBody, OptionalJsonBody};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// The slug and the id of a path.
pub type Path = web::Path<(String, String)>;

/// The caller, as the owner of what the path names.
pub fn owner(principal: Principal) -> Owner {
    Owner { organization: principal.organization, client: principal.client_id, family: Family::Partner }
}

/// The subscription that a path names; a malformed id names none.
pub fn subscription(id: &str) -> Result<SubscriptionId, Fault> {
    id.parse().ok().ok_or_else(|| missing("subscription"))
}

fn answer(data: &Value) -> Value {
    json!({"ok": true, "data": data})
}

/// 201 with the subscription and, this once, its whole secret.
pub async fn create(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let wanted = partner_body::read(&document, |url| state.outbound.check(url)).map_err(Fault::validation)?;
    let owner = owner(caller.principal);
    let (created, secret) = create_subscription(&state, &owner, wanted.terms, &wanted.url).await?;
    let data = partner_body::write(&created, Some(secret.expose_secret()));
    Ok(HttpResponse::Created().json(answer(&data)))
}

/// 200 with every subscription of the partner, oldest first.
pub async fn list(caller: Caller<WebhooksRead>, state: web::Data<State>) -> Result<HttpResponse, HttpFault> {
    let listed = list_subscriptions(&state, &owner(caller.principal), None, Part::OLDEST_FIRST).await?;
    let items: Vec<_> = listed.items.iter().map(|shown| partner_body::write(shown, None)).collect();
    Ok(HttpResponse::Ok().json(answer(&json!({"count": items.len(), "items": items}))))
}

/// 200 with one subscription.
pub async fn get(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let found = find_subscription(&state, &owner(caller.principal), subscription(&path.1)?).await?;
    let found = found.ok_or_else(|| missing("subscription"))?;
    Ok(HttpResponse::Ok().json(answer(&partner_body::write(&found, None))))
}

/// 200 with the subscription as it is then.
pub async fn change(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (owner, id) = (owner(caller.principal), subscription(&path.1)?);
    let known = find_subscription(&state, &owner, id).await?;
    known.ok_or_else(|| missing("subscription"))?;
    let change =
        partner_body::read_change(&document, |url| state.outbound.check(url)).map_err(Fault::validation)?;
    let url = change.url.as_ref();
    let changed = update_subscription(&state, &owner, id, url, |terms| change.apply(terms)).await?;
    Ok(HttpResponse::Ok().json(answer(&partner_body::write(&changed, None))))
}

/// 204; what was pending is cancelled.
pub async fn delete(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let deleted = delete_subscription(&state, &owner(caller.principal), subscription(&path.1)?).await?;
    if deleted { Ok(HttpResponse::NoContent().finish()) } else { Err(missing("subscription").into()) }
}

/// 200 with the subscription and, this once, its whole new secret.
pub async fn rotate(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
    OptionalJsonBody(document): OptionalJsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (owner, id) = (owner(caller.principal), subscription(&path.1)?);
    let known = find_subscription(&state, &owner, id).await?;
    known.ok_or_else(|| missing("subscription"))?;
    let overlap = fields::overlap(document.as_ref(), "overlap_seconds").map_err(Fault::validation)?;
    let (changed, secret) = rotate_secret(&state, &owner, id, overlap, None).await?;
    let data = partner_body::write(&changed, Some(secret.expose_secret()));
    Ok(HttpResponse::Ok().json(answer(&data)))
}

/// 202 with what is recovered, and how much of it is due already.
pub async fn recover_since(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (owner, id) = (owner(caller.principal), subscription(&path.1)?);
    let known = find_subscription(&state, &owner, id).await?;
    known.ok_or_else(|| missing("subscription"))?;
    let wish = fields::wish(&document).map_err(Fault::validation)?;
    let begun = recover(&state, &owner, id, wish).await?;
    let states: Vec<_> = begun.states.iter().map(|state| state.name()).collect();
    let data = json!({
        "id": begun.id, "since": begun.since, "until": begun.until, "status": states,
        "recovered": begun.recovered, "done": begun.done,
    });
    Ok(HttpResponse::Accepted().json(answer(&data)))
}
