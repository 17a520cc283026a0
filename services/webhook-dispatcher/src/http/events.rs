//! `/api/v1/organizations/{id}/events`: what happened to the events of an organisation.

use super::platform_body::write_delivery;
use super::query::{DEFAULT_LIMIT, MAX_LIMIT, Query, organization, pagination, read_cursor, write_cursor};
use crate::domain::event::{AccountedEvent, EventSelection, public_id, read_id};
use crate::error::missing;
use crate::state::State;
use crate::usecases::account_for_events::{COUNTED, From, deliveries_of, list_events};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use contracts::ids::OrganizationId;
use dialects::platform_api::WebhooksRead;
use platform::ids::floor;
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};

/// 200 with a page of events, newest first. `pagination.nextCursor` goes on behind it at a cost that does not
/// grow; pages by number reach as far as events are counted.
pub async fn list(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    let mut query = Query::parse(request.query_string());
    let limit = query.number("limit", DEFAULT_LIMIT, MAX_LIMIT);
    let page = query.number("page", 1, COUNTED / limit);
    let selection = selection(&mut query);
    let list = list_of(organization, &selection);
    let behind = query.parsed("cursor", "is not a nextCursor of this list", |text| read_cursor(text, &list));
    query.finish()?;
    let from = behind.map_or(From::Offset((page - 1) * limit), From::Behind);
    let found = list_events(&state, organization, &selection, from, limit).await?;
    let data: Vec<_> = found.items.iter().map(write).collect();
    let mut pagination = pagination(page, limit, found.total);
    pagination["nextCursor"] = json!(found.next.map(|event| write_cursor(event, &list)));
    Ok(HttpResponse::Ok().json(json!({"data": data, "pagination": pagination})))
}

fn selection(query: &mut Query) -> EventSelection {
    let (from, to) = (query.time("dateFrom"), query.time("dateTo"));
    EventSelection {
        kind: query.text("type"),
        origin: query.text("source"),
        subject: query.text("subject"),
        first: from.map(floor),
        // Up to and with the moment itself.
        before: to.map(|to| floor(to + TimeDelta::milliseconds(1))),
    }
}

/// What a cursor is bound to: the organisation and the filters.
fn list_of(organization: OrganizationId, selection: &EventSelection) -> Vec<u8> {
    format!("{organization} {selection:?}").into_bytes()
}

fn write(event: &AccountedEvent) -> Value {
    let [pending, delivered, dead_letter, skipped_disabled, cancelled] = event.deliveries;
    json!({
        "id": public_id(event.id),
        "eventType": event.kind,
        "source": event.origin,
        "subject": event.subject,
        "occurredAt": event.occurred_at,
        "deliveries": {
            "pending": pending, "delivered": delivered, "dead_letter": dead_letter,
            "skipped_disabled": skipped_disabled, "cancelled": cancelled,
        },
    })
}

/// 200 with every delivery of an event.
pub async fn deliveries(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let event = read_id(&path.1).ok_or_else(|| missing("event"))?;
    let found = deliveries_of(&state, organization, event).await?.ok_or_else(|| missing("event"))?;
    let data: Vec<_> = found.iter().map(write_delivery).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data})))
}
