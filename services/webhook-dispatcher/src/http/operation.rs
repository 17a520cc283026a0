//! `/api/v1/admin/**`: what operators see and do, across organisations. Scope `platform:admin`.

use super::fields;
use super::platform_body::write_delivery;
use super::query::{MAX_LIMIT, Query};
use crate::domain::delivery::{DeliveryKey, DeliveryState};
use crate::domain::event::{EventSelection, public_id, read_id};
use crate::domain::operation::{
    Attempt, DeliverySelection, EventsWanted, Group, Grouping, OperatedDelivery, OperatedEvent, event_of,
    trace_id,
};
use crate::domain::sent::Header;
use crate::error::missing;
use crate::state::State;
use crate::usecases::operate;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use contracts::ids::{OrganizationId, SubscriptionId};
use dialects::platform_api::Admin;
use platform::Fault;
use platform::ids::floor;
use platform_http::body::JsonBody;
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};
use uuid::Uuid;

const DEFAULT_LIMIT: i64 = 50;
/// Deliveries of one event that are shown with it.
const OF_EVENT: i64 = 1_000;

/// 200 with a page of deliveries, newest event first; `nextCursor` goes on behind it.
pub async fn deliveries(
    _: Caller<Admin>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    page_of_deliveries(&state, None, request.query_string()).await
}

/// The same of one organisation, or of all.
pub(super) async fn page_of_deliveries(
    state: &State,
    organization: Option<OrganizationId>,
    query: &str,
) -> Result<HttpResponse, HttpFault> {
    let mut query = Query::parse(query);
    let selection = selection(&mut query, organization);
    let limit = query.number("limit", DEFAULT_LIMIT, MAX_LIMIT);
    let behind = query.parsed("cursor", "is not a nextCursor of this list", DeliveryKey::of_webhook_id);
    query.finish()?;
    let (found, next) = operate::deliveries(state, &selection, behind, limit).await?;
    let data: Vec<_> = found.iter().map(write).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "nextCursor": next.map(DeliveryKey::webhook_id)})))
}

/// 200 with the largest groups of deliveries, largest first. Without a status: of dead letters.
pub async fn stats(
    _: Caller<Admin>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    counted(&state, None, request.query_string()).await
}

/// The same of one organisation, or of all.
pub(super) async fn counted(
    state: &State,
    organization: Option<OrganizationId>,
    query: &str,
) -> Result<HttpResponse, HttpFault> {
    let mut query = Query::parse(query);
    let mut selection = selection(&mut query, organization);
    selection.state.get_or_insert(DeliveryState::DeadLetter);
    let expected = "must be reason, error, type, tenant, endpoint, subscription or hour";
    let by = query.parsed("by", expected, Grouping::of_name).unwrap_or(Grouping::Reason);
    query.finish()?;
    let groups = operate::groups(state, &selection, by).await?;
    let data: Vec<_> = groups.iter().map(write_group).collect();
    Ok(HttpResponse::Ok().json(json!({
        "by": by.name(),
        "data": data,
        "total": groups.iter().map(|group| group.count).sum::<i64>(),
        "oldest": groups.iter().map(|group| group.oldest).min(),
        "lastHour": groups.iter().map(|group| group.last_hour).sum::<i64>(),
    })))
}

/// 200 with a delivery and its requests.
pub async fn delivery(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    shown_delivery(&state, None, &path).await
}

/// The same of one organisation, or of any.
pub(super) async fn shown_delivery(
    state: &State,
    organization: Option<OrganizationId>,
    id: &str,
) -> Result<HttpResponse, HttpFault> {
    let found = operate::delivery(state, organization, key(id)?).await?;
    let (found, attempts) = found.ok_or_else(|| missing("delivery"))?;
    let mut headers = operate::request_headers(state, found.shown.key, &attempts).await?.into_iter();
    let mut body = write(&found);
    let attempt = |one| write_attempt(one, &headers.next().unwrap_or_default());
    body["attempts"] = attempts.iter().map(attempt).collect();
    Ok(HttpResponse::Ok().json(body))
}

/// 202 with the delivery, which is due now.
pub async fn retry(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    retried(&state, None, &path).await
}

/// The same of one organisation, or of any.
pub(super) async fn retried(
    state: &State,
    organization: Option<OrganizationId>,
    id: &str,
) -> Result<HttpResponse, HttpFault> {
    let found = operate::retry(state, organization, key(id)?).await?;
    Ok(HttpResponse::Accepted().json(write(&found)))
}

/// 202 with what is recovered, and how much of it is due already.
pub async fn recover(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    recovered(&state, None, &path, &document).await
}

/// The same of one organisation, or of any.
pub(super) async fn recovered(
    state: &State,
    organization: Option<OrganizationId>,
    id: &str,
    document: &Value,
) -> Result<HttpResponse, HttpFault> {
    let id: SubscriptionId = id.parse().ok().ok_or_else(|| missing("subscription"))?;
    let wish = fields::wish(document).map_err(Fault::validation)?;
    let begun = operate::recover_subscription(state, organization, id, wish).await?;
    let states: Vec<_> = begun.states.iter().map(|state| state.name().to_ascii_uppercase()).collect();
    Ok(HttpResponse::Accepted().json(json!({
        "id": begun.id, "since": begun.since, "until": begun.until, "status": states,
        "recovered": begun.recovered, "done": begun.done,
    })))
}

/// 200 with a page of events in the order of their ids; `nextCursor` goes on behind it.
pub async fn events(
    _: Caller<Admin>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let mut query = Query::parse(request.query_string());
    let (first, before) = range(&mut query);
    let wanted = EventsWanted {
        organization: named(&mut query),
        selection: EventSelection {
            kind: query.text("type"),
            origin: query.text("source"),
            subject: query.text("subject"),
            first: Some(first),
            before: Some(before),
        },
    };
    let limit = query.number("limit", DEFAULT_LIMIT, MAX_LIMIT);
    let behind = query.parsed("cursor", "is not a nextCursor of this list", read_id);
    query.finish()?;
    let (found, next) = operate::events(&state, &wanted, behind, limit).await?;
    let data: Vec<_> = found.iter().map(write_event).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "nextCursor": next.map(public_id)})))
}

/// 200 with an event and its deliveries, by its id or by that of one of them.
pub async fn event(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    shown_event(&state, None, &path).await
}

/// The same of one organisation, or of any.
pub(super) async fn shown_event(
    state: &State,
    organization: Option<OrganizationId>,
    id: &str,
) -> Result<HttpResponse, HttpFault> {
    let id = event_of(id).ok_or_else(|| missing("event"))?;
    let found = operate::event(state, organization, id, OF_EVENT).await?;
    let (event, deliveries) = found.ok_or_else(|| missing("event"))?;
    let mut body = write_event(&event);
    body["deliveries"] = deliveries.iter().map(write).collect();
    Ok(HttpResponse::Ok().json(body))
}

fn key(text: &str) -> Result<DeliveryKey, Fault> {
    DeliveryKey::of_webhook_id(text).ok_or_else(|| missing("delivery"))
}

/// What a query asks for; of this organisation, or of the one that it names, or of all.
fn selection(query: &mut Query, organization: Option<OrganizationId>) -> DeliverySelection {
    const STATES: &str = "must be pending, delivered, dead_letter, skipped_disabled or cancelled";
    let (first, before) = range(query);
    DeliverySelection {
        organization: organization.or_else(|| named(query)),
        subscription: query.parsed("subscription", "must be the id of a subscription", |id| id.parse().ok()),
        state: query.parsed("status", STATES, DeliveryState::of_name),
        kind: query.text("type"),
        reason: query.text("reason"),
        first,
        before,
    }
}

fn named(query: &mut Query) -> Option<OrganizationId> {
    query.parsed("organization", "must be the id of an organisation", |id| id.parse().ok())
}

/// From `since` on, up to and with `until`, by when events were made.
fn range(query: &mut Query) -> (Uuid, Uuid) {
    let (since, until) = (query.time("since"), query.time("until"));
    let behind = until.map_or(Uuid::max(), |until| floor(until + TimeDelta::milliseconds(1)));
    (since.map_or(Uuid::nil(), floor), behind)
}

fn write(delivery: &OperatedDelivery) -> Value {
    let mut body = write_delivery(&delivery.shown);
    body["eventId"] = json!(public_id(delivery.shown.key.event));
    body["organizationId"] = json!(delivery.organization);
    body["family"] = json!(delivery.family);
    body["subscriptionStatus"] = json!(delivery.subscription_state.as_deref().map(str::to_ascii_uppercase));
    body["url"] = json!(delivery.url);
    body["reason"] = json!(delivery.reason);
    body["endedAt"] = json!(delivery.shown.ended_at);
    body["replays"] = json!(delivery.replays);
    body["traceId"] = json!(delivery.traceparent.as_deref().and_then(trace_id));
    body
}

fn write_attempt(attempt: &Attempt, headers: &[Header]) -> Value {
    let header = |header: &Header| json!({"name": header.name, "value": header.value});
    json!({
        "attempt": attempt.attempt, "replay": attempt.replay, "startedAt": attempt.started_at,
        "durationMs": attempt.duration_ms, "responseCode": attempt.status, "error": attempt.error,
        "requestHeaders": headers.iter().map(header).collect::<Vec<_>>(),
    })
}

fn write_group(group: &Group) -> Value {
    json!({
        "key": group.key, "count": group.count, "oldest": group.oldest, "newest": group.newest,
        "lastHour": group.last_hour,
    })
}

fn write_event(event: &OperatedEvent) -> Value {
    json!({
        "id": public_id(event.id),
        "organizationId": event.organization,
        "eventType": event.kind,
        "source": event.origin,
        "subject": event.subject,
        "occurredAt": event.occurred_at,
        "receivedAt": event.received_at,
        "traceId": event.traceparent.as_deref().and_then(trace_id),
        "requestId": event.request_id,
        "tracked": event.tracked,
        "settledAt": event.settled_at,
        "expiresAt": event.expires_at,
        "waitsForSubscription": event.waits,
    })
}
