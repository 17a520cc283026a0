//! `…/deliveries/summary`: how the deliveries of an organisation stand, or those of all.

use super::query::{Query, organization};
use crate::domain::figures::{COUNTED, Figures, Hour, Whose};
use crate::state::State;
use crate::usecases::figures::look;
use actix_web::{HttpRequest, HttpResponse, web};
use dialects::platform_api::{Admin, WebhooksRead};
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};

/// 200 with the figures of one organisation.
pub async fn of_organization(
    caller: Caller<WebhooksRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    let mut query = Query::parse(request.query_string());
    let subscription = query.parsed("subscription", "must be the id of a subscription", |id| id.parse().ok());
    query.finish()?;
    let whose = Whose { organization: Some(organization), subscription };
    Ok(HttpResponse::Ok().json(write(&look(&state, whose).await?)))
}

/// 200 with the figures of all organisations, or of the one that is asked for.
pub async fn of_all(
    _: Caller<Admin>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let mut query = Query::parse(request.query_string());
    let whose = Whose {
        organization: query.parsed("organization", "must be the id of an organisation", |id| id.parse().ok()),
        subscription: query.parsed("subscription", "must be the id of a subscription", |id| id.parse().ok()),
    };
    query.finish()?;
    Ok(HttpResponse::Ok().json(write(&look(&state, whose).await?)))
}

fn write(figures: &Figures) -> Value {
    json!({
        "at": figures.at,
        "acceptedLastMinute": figures.accepted_last_minute,
        "deliveredLastMinute": figures.delivered_last_minute,
        "pending": figures.open.pending,
        "due": figures.open.due,
        "oldestDueAt": figures.open.oldest_due_at,
        "deadLetters": figures.dead_letters,
        "countedUpTo": COUNTED,
        "hours": figures.hours.iter().map(write_hour).collect::<Vec<_>>(),
    })
}

fn write_hour(hour: &Hour) -> Value {
    json!({
        "hour": hour.hour, "accepted": hour.accepted, "delivered": hour.delivered, "failed": hour.failed,
        "deadLettered": hour.dead_lettered,
    })
}
