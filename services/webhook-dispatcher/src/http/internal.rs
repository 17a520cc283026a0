//! `/internal`: what other services ask.

use super::platform_body::write_row;
use super::query::Query;
use crate::domain::subscription::SubscriptionState;
use crate::state::State;
use crate::usecases::list_subscriptions::list_of_client;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::ids::{ClientId, OrganizationId};
use contracts::internal::Subscriptions;
use platform_http::{FromService, HttpFault};

const EXPECTED: &str = "must be a UUID";

/// 200 with a client's subscriptions of all families, newest first. A client that is not known has none.
pub async fn subscriptions(
    _service: FromService,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let mut query = Query::parse(request.query_string());
    let organization: Option<OrganizationId> =
        query.parsed("organization", EXPECTED, |text| text.parse().ok());
    let client: Option<ClientId> = query.parsed("client", EXPECTED, |text| text.parse().ok());
    for (name, is_there) in [("organization", organization.is_some()), ("client", client.is_some())] {
        if !is_there && query.text(name).is_none() {
            query.violation(name, "is required");
        }
    }
    query.finish()?;
    let found = match organization.zip(client) {
        Some((organization, client)) => list_of_client(&state, organization, client).await?,
        None => Vec::new(),
    };
    let active = found.iter().filter(|shown| shown.state == SubscriptionState::Active).count();
    Ok(HttpResponse::Ok().json(Subscriptions {
        data: found.iter().map(write_row).collect(),
        active: active as u64,
        total: found.len() as u64,
    }))
}
