//! `/api/v1/organizations/{id}/subscriptions`: an organisation's subscriptions of all families, whoever made them. Each
//! is made, and changed in what is its family's own, on the surface of its family.

use super::lex_body::write_filters;
use super::platform_body::{NOT_A_STATE, read_state, write_delivery};
use super::query::{MAX_LIMIT, Query, organization};
use crate::domain::operation::harmless;
use crate::domain::subscription::{
    Family, Owner, Part, Place, Selection, ShownSubscription, SubscriptionState,
};
use crate::error::missing;
use crate::state::State;
use crate::usecases::list_subscriptions::{find_of_organization, list_of_organization};
use crate::usecases::send_test::send_test;
use crate::usecases::update_subscription::update_subscription;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::DateTime;
use contracts::identity::Principal;
use contracts::ids::{ClientId, OrganizationId, SubscriptionId};
use contracts::lex::LexFormat;
use dialects::platform_api::query::cursor;
use dialects::platform_api::{WebhooksRead, WebhooksWrite};
use platform::Fault;
use platform::document::{Violations, text};
use platform_http::body::JsonBody;
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};
use uuid::Uuid;

const DEFAULT_LIMIT: i64 = 50;

/// An organisation and a subscription of it.
type Path = web::Path<(String, String)>;

/// 200 with a page of subscriptions; `nextCursor` goes on behind it.
pub async fn list(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    let mut query = Query::parse(request.query_string());
    let family = query.word("family", &Family::ALL.map(Family::name)).and_then(Family::of_name);
    let status = query.parsed("status", NOT_A_STATE, read_state);
    let client: Option<ClientId> = query.parsed("client", "must be the id of a client", |id| id.parse().ok());
    let url = query.text("url");
    query.word("sortBy", &["createdAt"]);
    let newest_first = query.word("sortOrder", &["asc", "desc"]) != Some("asc");
    let limit = query.number("limit", DEFAULT_LIMIT, MAX_LIMIT);
    let list = name(organization, family, status, client, url.as_deref(), newest_first);
    let behind = query.cursor(&list, read_place);
    query.finish()?;
    let selection =
        Selection { family, client, state: status, url: url.as_deref(), ..Selection::all(organization) };
    let part = Part { newest_first, behind, offset: 0, limit };
    let (found, next) = list_of_organization(&state, selection, part).await?;
    let data: Vec<_> = found.iter().map(write).collect();
    let next = next.map(|place| cursor(&write_place(place), &list));
    Ok(HttpResponse::Ok().json(json!({"data": data, "nextCursor": next})))
}

/// 200 with one subscription.
pub async fn get(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let (_, found) = known(&state, caller.principal, &path).await?;
    Ok(HttpResponse::Ok().json(write(&found)))
}

/// 200 with the subscription, paused or active again.
pub async fn change(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (owner, found) = known(&state, caller.principal, &path).await?;
    let wanted = read(&document)?;
    let changed = update_subscription(&state, &owner, found.id, None, |terms| terms.state = wanted).await?;
    Ok(HttpResponse::Ok().json(write(&changed)))
}

/// 202 with the delivery of a test event.
pub async fn test(
    caller: Caller<WebhooksWrite>,
    state: web::Data<State>,
    path: Path,
) -> Result<HttpResponse, HttpFault> {
    let (owner, found) = known(&state, caller.principal, &path).await?;
    let delivery = send_test(&state, &owner, found.id).await?;
    Ok(HttpResponse::Accepted().json(write_delivery(&delivery)))
}

/// The subscription that a path names, if its organisation has it.
async fn known(
    state: &State,
    principal: Principal,
    path: &(String, String),
) -> Result<(Owner, ShownSubscription), Fault> {
    let organization = organization(principal, &path.0)?;
    let id: SubscriptionId = path.1.parse().ok().ok_or_else(|| missing("subscription"))?;
    let found = find_of_organization(state, organization, id).await?;
    found.ok_or_else(|| missing("subscription"))
}

fn read(document: &Value) -> Result<SubscriptionState, Fault> {
    let violations = Violations::new();
    let wanted = violations.root(document).and_then(|root| {
        root.required("status", |value| {
            let state = read_state(text(1..=16)(value)?);
            state
                .filter(|state| *state != SubscriptionState::Disabled)
                .ok_or_else(|| "must be ACTIVE or PAUSED".into())
        })
    });
    violations.finish(wanted).map_err(Fault::validation)
}

/// Which list it is, so that a cursor of another one is told from its own.
fn name(
    organization: OrganizationId,
    family: Option<Family>,
    status: Option<SubscriptionState>,
    client: Option<ClientId>,
    url: Option<&str>,
    newest_first: bool,
) -> Vec<u8> {
    let (family, status) = (family.map(Family::name), status.map(SubscriptionState::name));
    json!(["subscriptions", organization, family, status, client, url, newest_first]).to_string().into_bytes()
}

fn write_place((created_at, id): Place) -> Vec<u8> {
    [created_at.timestamp_micros().to_be_bytes().as_slice(), id.as_uuid().as_bytes()].concat()
}

fn read_place(place: &[u8]) -> Option<Place> {
    let (created_at, id) = place.split_first_chunk::<8>()?;
    let created_at = DateTime::from_timestamp_micros(i64::from_be_bytes(*created_at))?;
    Some((created_at, SubscriptionId::new(Uuid::from_slice(id).ok()?)))
}

/// A subscription of any family. What only other families have is `null`.
fn write(shown: &ShownSubscription) -> Value {
    // What was asked for by a message belongs to no client.
    let client = Some(shown.client).filter(|client| !client.as_uuid().is_nil());
    let retry = (shown.family == Family::Platform).then(|| shown.retry.unwrap_or_default());
    let lex = (shown.family == Family::Lex).then(|| shown.lex.clone().unwrap_or_default());
    json!({
        "id": shown.id,
        "family": shown.family.name(),
        "clientId": client,
        "url": harmless(&shown.url),
        "events": shown.events,
        "description": shown.description,
        "status": shown.state.name().to_ascii_uppercase(),
        "rateLimit": shown.rate_limit,
        "retryConfig": retry,
        "filters": lex.as_ref().map(write_filters),
        "deliveryFormat": lex.map(|lex| lex.format.unwrap_or(LexFormat::JsonEdi)),
        "createdAt": shown.created_at,
        "updatedAt": shown.updated_at,
        "previousSecretUntil": shown.previous_secret_until,
        "lastSuccessAt": shown.last_success_at,
        "lastFailureAt": shown.last_failure_at,
        "consecutiveFailures": shown.consecutive_failures,
        "deliveries": shown.deliveries,
        "delivered": shown.delivered,
    })
}
